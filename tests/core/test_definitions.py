"""The definitions digest: whatever changes a number changes it, and nothing else does."""

from __future__ import annotations

import msgspec
import pytest

from streams.core import definitions
from streams.core.definitions import MEANING_DIGITS, definitions_digest
from streams.core.policy import DAY, DEFAULT_TASKS, HOUR, Limits, Policy, TaskPolicy, TopicPolicy

TOPICS = [TopicPolicy("touchpoints.web"), TopicPolicy("shop.orders", cadence="batch")]
POLICY = Policy()
BEFORE = definitions_digest(POLICY, TOPICS)


@pytest.mark.parametrize(
    "changed",
    [
        {"clock": "history"},
        {"timezone": "Europe/Amsterdam"},
        {"markets": {"nl": "Europe/Amsterdam"}},
        {"phone_region": "NL"},
        {"tasks": DEFAULT_TASKS[:1]},
        {"tasks": (*DEFAULT_TASKS, TaskPolicy("setup", HOUR))},
        {"tasks": (TaskPolicy("cart", 3 * HOUR, DEFAULT_TASKS[0].start, DEFAULT_TASKS[0].success), DEFAULT_TASKS[1])},
        {"other_task_limit_ms": HOUR},
        {"visit_gap_ms": HOUR},
        {"visit_limit_ms": HOUR},
        {"join_ms": HOUR},
        {"silence_ms": DAY},
        {"disorder_ms": 1},
        {"allowance_ms": DAY},
        {"future_ms": DAY},
        {"skew_ms": HOUR},
        {"dimensions": {"market": frozenset({"nl"})}},
        {"limits": Limits(facts_per_day=1)},
        {"limits": Limits(identifiers={"customer_id": 2})},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_setting_of_the_policy_counts(changed: dict[str, object]) -> None:
    found = definitions_digest(msgspec.structs.replace(POLICY, **changed), TOPICS)
    assert found[:MEANING_DIGITS] != BEFORE[:MEANING_DIGITS]
    assert found[MEANING_DIGITS:] == BEFORE[MEANING_DIGITS:]


def test_every_field_of_the_policy_is_tried_above() -> None:
    names = test_every_setting_of_the_policy_counts.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {name for changed in names for name in changed} == set(Policy.__struct_fields__)


@pytest.mark.parametrize(
    "topics",
    [
        TOPICS[:1],
        [TOPICS[0], TopicPolicy("shop.orders")],
        [TopicPolicy("touchpoints.web", "segment"), TOPICS[1]],
        [TopicPolicy("touchpoints.app"), TOPICS[1]],
    ],
)
def test_topics_their_formats_and_cadences_count(topics: list[TopicPolicy]) -> None:
    found = definitions_digest(POLICY, topics)
    assert found[:MEANING_DIGITS] == BEFORE[:MEANING_DIGITS]
    assert found[MEANING_DIGITS:] != BEFORE[MEANING_DIGITS:]


def test_order_does_not_count() -> None:
    assert definitions_digest(POLICY, TOPICS[::-1]) == BEFORE
    markets = {"nl": "Europe/Amsterdam", "de": "Europe/Berlin"}
    one = definitions_digest(Policy(markets=markets), TOPICS)
    assert one == definitions_digest(Policy(markets=dict(reversed(markets.items()))), TOPICS)


def test_the_cores_revision_and_libraries_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "REVISION", definitions.REVISION + 1)
    revised = definitions_digest(POLICY, TOPICS)
    monkeypatch.setattr(definitions, "version", lambda _name: "0")
    assert len({digest[:MEANING_DIGITS] for digest in (BEFORE, revised, definitions_digest(POLICY, TOPICS))}) == 3


def test_a_digest_is_40_hex_digits() -> None:
    assert len(BEFORE) == 40
    assert int(BEFORE, 16) >= 0
