"""Two namespaces compared, on stores in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams import rebuild
from streams.core import definitions
from streams.core.definitions import definitions_digest, same_layout
from streams.core.model import Partition, Record
from streams.core.policy import DAY, MINUTE, Policy, TopicPolicy
from streams.fold import Folding, in_event_time
from streams.rebuild import Log, Progress, WorkersEndedError, catch_up, compare, compare_with, differences
from streams.simulate import simulate
from streams.store.memory import MemoryStore

SEED = 5
POLICY = Policy(clock="history")
TOPIC = TopicPolicy("touchpoints", "cloudevents")
PARTITION = Partition("touchpoints", 0)
RECORDS = in_event_time([Record(0, 0, one.value) for one in simulate(40, 800, SEED)], TOPIC, POLICY)


async def filled(count: int, policy: Policy = POLICY, settled: int = 0) -> MemoryStore:
    """A namespace with the first `count` records, and with everything let in that is due then, and `settled` ms later."""
    folding = await Folding.begin(TOPIC, policy)
    await folding.take(RECORDS[:count])
    await folding.settle(folding.position.clock + settled)
    return folding.store


def entry(metric: str, value: float, dimensions: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "window": "1h", "dimensions": dimensions or {}, "value": value, "numerator": value, "n": 1, **more}


def test_differences_are_what_people_would_read_otherwise() -> None:
    before = [entry("orders", 3), entry("orders", 1, {"device": "mobile"}), entry("visits", 2, definition=1), entry("gone", 1)]
    now = [entry("orders", 4), entry("orders", 1, {"device": "mobile"}), entry("visits", 2, definition=2), entry("new", 1)]
    found = differences(before, now, 0)
    assert found.equal == 2
    told = [(each.before and each.before["value"], each.now and each.now["value"]) for each in found.different]
    assert told == [(3, 4), (None, 1), (1, None)]


async def test_the_same_records_give_the_same_figures() -> None:
    found = await compare(await filled(500), await filled(500), POLICY)
    assert found is not None
    assert (found.different, found.complete) == ([], True)
    assert found.equal > 500


async def test_while_one_is_further_both_are_read_at_the_end_of_a_minute_that_both_have() -> None:
    one, other = await filled(500), await filled(500, settled=3 * MINUTE)
    watermark, _ = await one.positions()
    for before, now in ((one, other), (other, one)):
        found = await compare(before, now, POLICY)
        assert found is not None
        assert found.at == watermark // MINUTE * MINUTE - 1
        assert found.different == []


async def test_another_definition_shows_in_its_figures_alone() -> None:
    other = Policy(clock="history", silence_ms=DAY)
    found = await compare(await filled(800), await filled(800, other), other)
    assert found is not None
    names = {each.now["metric"] for each in found.different if each.now is not None}
    assert {"customers", "reactivated_customers"} <= names
    assert names.isdisjoint({"visits", "orders", "revenue", "csat"})


async def test_a_namespace_without_figures_is_not_compared() -> None:
    assert await compare(MemoryStore(), await filled(100), POLICY) is None


async def test_deadlines_that_nobody_lets_in_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(rebuild, "LOOK_SECONDS", 0.01)
    folding = await Folding.begin(TOPIC, POLICY)
    await folding.take(RECORDS[:500])  # nothing is swept
    found = await compare(folding.store, await filled(500), POLICY)
    assert found is not None
    assert not found.complete


async def test_a_document_of_another_version_is_compared_by_names() -> None:
    store = await filled(500)
    watermark, _ = await store.positions()
    document = {"metrics": [entry("orders", -1), entry("no_longer_there", 5)]}
    found = await compare_with(document, watermark, store, POLICY)
    assert found.equal == 0
    assert {each.before["metric"] for each in found.different if each.before is not None} == {"orders", "no_longer_there"}


async def told(seen: list[Progress], wanted: Progress) -> None:
    for _ in range(1_000):
        if seen[-1:] == [wanted]:
            return
        await asyncio.sleep(0)
    raise AssertionError((seen[-1:], wanted))


async def test_catching_up_ends_at_the_ends_that_were_noted_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "LOOK_SECONDS", 0.0)
    folding = await Folding.begin(TOPIC, POLICY)
    seen: list[Progress] = []
    logs = {PARTITION: Log(0, 300, None)}
    waiting = asyncio.create_task(catch_up(folding.store, logs, -1, lambda: True, seen.append))
    for start in (0, 100, 200):
        await folding.take(RECORDS[start : start + 100])
        await told(seen, Progress(start + 100, 300, folding.watermark))
        assert not waiting.done()
    await folding.settle(folding.position.clock)
    await waiting


async def test_workers_that_gave_up_end_it() -> None:
    with pytest.raises(WorkersEndedError):
        await catch_up(await filled(100), {PARTITION: Log(0, 300, None)}, -1, lambda: False, lambda _: None)


def test_cells_of_another_layout_are_known_by_the_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    held = definitions_digest(POLICY, [TOPIC])
    assert same_layout(held)
    assert same_layout(definitions_digest(Policy(silence_ms=DAY), []))
    assert not same_layout(held[:32])  # of a version that did not say
    definitions.layout_digest.cache_clear()
    monkeypatch.setattr(definitions, "PLACES", {"visits": ("visit", 2)})
    assert not same_layout(held)
    monkeypatch.undo()
    definitions.layout_digest.cache_clear()
    assert same_layout(held)
