"""What follows from what, by hand: a contact and the next one, a broken promise and what it led to."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import pytest

from streams.core.model import Touchpoint, Value
from streams.core.policy import DAY, HOUR, SECOND
from tests.core.steps import Step, tables
from tests.oracle.build import moment, totals, touch

ME = "customer_id:me"
LATER = moment(days=60)
BROKEN = moment(days=3)
"""When the order was promised for."""


def contact(
    kind: str, at: int, number: int = 1, who: str = ME, about: str = "", fields: Mapping[str, Value] | None = None
) -> Touchpoint:
    return touch(f"contact.{kind}", at, who, f"contact_id:{number} {about}".strip(), fields=fields)


def call(at: int, number: int = 1, reason: str = "", about: str = "", who: str = ME, **ended: Value) -> list[Touchpoint]:
    """Opened, answered, and over an hour later."""
    opened: dict[str, Value] = {"reason": reason} if reason else {}
    return [
        contact("opened", at, number, who, about, opened),
        contact("answered", at + SECOND, number, who),
        contact("ended", at + HOUR, number, who, fields=ended),
    ]


def solved(*steps: Step) -> tuple[int, int]:
    found = totals(tables(*steps), "contacts_")
    return found.get("contacts_resolved_first", 0), found.get("contacts_handled", 0)


@pytest.mark.parametrize(("after", "first"), [(HOUR, 1), (HOUR + 1, 0), (7 * DAY + HOUR, 0), (7 * DAY + HOUR + 1, 1)])
def test_who_comes_again_within_seven_days_was_not_helped_at_once(after: int, first: int) -> None:
    """The first call is over an hour after it began; the second one is the last of its kind in any case."""
    assert solved(*call(moment()), *call(moment() + after, 2), LATER) == (first + 1, 2)


@pytest.mark.parametrize(
    ("one", "other", "abouts", "first"),
    [
        ("delivery", "delivery", ("", ""), 1),
        ("delivery", "invoice", ("", ""), 2),
        ("delivery", "", ("", ""), 1),
        ("", "", ("", ""), 1),
        ("delivery", "invoice", ("order_id:1", "order_id:1"), 1),
        ("delivery", "invoice", ("order_id:1", "order_id:2"), 2),
    ],
)
def test_only_the_same_reason_or_order_is_the_same_problem(one: str, other: str, abouts: tuple[str, str], first: int) -> None:
    story = [*call(moment(), 1, one, abouts[0]), *call(moment(days=2), 2, other, abouts[1])]
    for arrived in (story, story[::-1]):
        assert solved(*arrived, LATER) == (first, 2)


def test_a_contact_opened_again_was_not_solved() -> None:
    again = contact("reopened", moment(days=2))
    assert solved(*call(moment()), again, LATER) == (0, 1)
    # Over for good later: it is from then on that nobody came.
    assert solved(*call(moment()), again, contact("resolved", moment(days=3)), LATER) == (1, 1)


def test_nobody_took_care_or_nobody_is_known() -> None:
    opened, _, ended = call(moment())
    assert solved(opened, ended, LATER) == (0, 0)
    assert solved(*call(moment(), who=""), LATER) == (0, 0)
    assert solved(*call(moment()), moment(days=7)) == (0, 0)
    assert solved(*call(moment()), moment(days=7, hours=1)) == (1, 1)


def test_a_merge_tells_that_it_was_one_person() -> None:
    story = [*call(moment(), 1, who="phone:+31200000001"), *call(moment(days=1), 2, who="email:a@x.example")]
    assert solved(*story, LATER) == (2, 2)
    same = touch("account.created", moment(days=2), "phone:+31200000001 email:a@x.example")
    assert solved(*story, LATER, same) == solved(same, *story, LATER) == (1, 2)


ORDER = touch("order.placed", moment(), ME, "order_id:1", fields={"promised_at": BROKEN})


def delivered(at: int) -> Touchpoint:
    return touch("delivery.delivered", at, "", "order_id:1")


def answer(at: int, instrument: str, score: int) -> Touchpoint:
    return touch("survey.answered", at, ME, fields={"instrument": instrument, "score": score})


def chained(*steps: Step) -> tuple[int, int]:
    found = totals(tables(ORDER, *steps, LATER), "orders_")
    return found.get("orders_chained", 0), found.get("orders_broken", 0)


@pytest.mark.parametrize(("at", "broken"), [(BROKEN, 0), (BROKEN + 1, 1), (moment(days=40), 1)])
def test_a_promise_is_broken_by_a_millisecond(at: int, broken: int) -> None:
    assert chained(delivered(at)) == (0, broken)


def test_what_was_cancelled_before_is_not_broken() -> None:
    cancelled = touch("order.cancelled", BROKEN - 1, "", "order_id:1", channel="system")
    assert chained(cancelled) == (0, 0)
    assert chained() == (0, 1)


@pytest.mark.parametrize(
    ("later", "chain"),
    [
        (call(moment(days=4)), 0),
        (call(moment(days=4), hold_ms=SECOND), 1),
        (call(moment(days=4), hold_ms=SECOND, about="order_id:1"), 1),
        (call(moment(days=4), hold_ms=SECOND, about="order_id:9"), 0),
        (call(BROKEN - 1, hold_ms=SECOND), 0),
        (call(BROKEN, hold_ms=SECOND), 1),
        (call(BROKEN + 28 * DAY, hold_ms=SECOND), 1),
        (call(BROKEN + 28 * DAY + 1, hold_ms=SECOND), 0),
        ([*call(moment(days=4)), answer(moment(days=5), "nps", 6)], 1),
        ([*call(moment(days=4)), answer(moment(days=5), "nps", 7)], 0),
        ([*call(moment(days=4)), answer(moment(days=5), "csat", 3)], 1),
        ([*call(moment(days=4)), answer(moment(days=5), "ces2", 5)], 0),
        ([*call(moment(days=4)), answer(moment(days=3), "nps", 0)], 0),
        ([answer(moment(days=5), "nps", 0)], 0),
    ],
)
def test_a_chain_is_a_contact_and_then_hold_or_a_low_answer(later: list[Touchpoint], chain: int) -> None:
    assert chained(delivered(moment(days=9)), *later) == (chain, 1)
    assert chained(*later[::-1], delivered(moment(days=9))) == (chain, 1)


def test_a_promise_that_turns_out_kept_takes_the_chain_back() -> None:
    """The delivery is told of weeks later; in any order the tables are the same."""
    story: list[Touchpoint] = [ORDER, *call(moment(days=4), hold_ms=SECOND)]
    assert totals(tables(*story, LATER, delivered(BROKEN)), "orders_chained") == {}
    found = [totals(tables(*arrived, LATER), "orders_") for arrived in permutations([*story, delivered(BROKEN)], 5)]
    assert all(one == found[0] for one in found)
