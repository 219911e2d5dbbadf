"""The walk from records to one commit: what time refuses, what is counted, cutting, ticks, sweeps, batch topics."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from streams.core.model import Partition, Position, Record, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import DAY, MINUTE, Limits, Policy, TopicPolicy
from streams.drive import run_chunk, run_sweep
from streams.store import checks
from streams.store.checks import writes
from streams.store.memory import MemoryStore
from tests.core.steps import POLICY, Step, tell
from tests.laws.harness import DEFINITIONS
from tests.oracle.build import ever, moment, totals, touch

LIVE, ORDERS = TopicPolicy("web"), TopicPolicy("orders", cadence="batch")
WEB, NIGHTLY = Partition("web", 0), Partition("orders", 0)


def payload(kind: str, at: int, number: int = 0, **data: object) -> bytes:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    event = {
        "specversion": "1.0",
        "id": str(number),
        "source": "test",
        "type": kind,
        "time": time.isoformat(),
        "data": {"identifiers": {"customer_id": "1"}, "channel": "web", **data},
    }
    return json.dumps(event).encode()


def pipeline(policy: Policy = POLICY) -> Pipeline:
    return Pipeline(policy, DEFINITIONS, [LIVE, ORDERS])


def decoded(*records: Record, partition: Partition = WEB, policy: Policy = POLICY) -> Chunk:
    return pipeline(policy).decode(partition, 0, len(records), records, Position(0))


def reason_of(chunk: Chunk) -> str:
    """Of the last rejection, empty if there is none."""
    return chunk.rejected[-1][1].reason if chunk.rejected else ""


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (POLICY.allowance_ms, ""),
        (POLICY.allowance_ms + 1, "too_late"),
        (-POLICY.future_ms, ""),
        (-POLICY.future_ms - 1, "from_future"),
    ],
)
def test_an_event_is_in_time_up_to_the_allowance_and_the_tolerance(behind: int, reason: str) -> None:
    chunk = decoded(Record(0, moment(), payload("page.viewed", moment() - behind)))
    assert reason_of(chunk) == reason
    assert len(chunk.touchpoints) == (not reason)
    assert chunk.outcomes.get(f"touchpoints|rejected|{reason}", 0) == bool(reason)


def test_lateness_is_against_the_records_so_far_and_no_later_ones() -> None:
    old = payload("page.viewed", moment(days=-8))
    first = decoded(Record(0, moment(days=-8), old), Record(1, moment(), payload("page.viewed", moment(), 1)))
    assert not first.rejected
    second = decoded(Record(0, moment(), payload("page.viewed", moment(), 1)), Record(1, moment(days=-8), old))
    assert reason_of(second) == "too_late"
    assert second.advance.position.clock == first.advance.position.clock == moment()


def test_ticks_do_not_make_an_event_late() -> None:
    record = Record(0, moment(), payload("page.viewed", moment()))
    position = Position(0, -1, b"", ticked=moment(days=300))
    assert not pipeline().decode(WEB, 0, 1, [record], position).rejected


def test_batch_topics_have_no_allowance_and_carry_nothing_of_the_site() -> None:
    ancient = payload("order.placed", moment(days=-400), order_id="1")
    assert not decoded(Record(0, moment(), ancient), partition=NIGHTLY).rejected
    assert reason_of(decoded(Record(0, moment(), ancient))) == "too_late"
    for policy in (POLICY, Policy(clock="live")):
        page = decoded(Record(0, moment(), payload("page.viewed", moment())), partition=NIGHTLY, policy=policy)
        assert reason_of(page) == "not_for_batch"


def records_of(count: int) -> list[Record]:
    values: list[bytes | None] = [payload("page.viewed", moment(seconds=number), number) for number in range(count)]
    values[1], values[2] = b"rubbish", None
    return [Record(10 + 2 * number, moment(seconds=number), value) for number, value in enumerate(values)]


@pytest.mark.parametrize("at", range(10, 22, 1))
def test_a_chunk_that_is_cut_anywhere_is_the_same_records(at: int) -> None:
    one = pipeline()
    whole = one.decode(WEB, 10, 22, records_of(6), Position(10))
    first, rest = one.cut(whole, at)
    assert [*first.touchpoints, *rest.touchpoints] == whole.touchpoints
    assert [*first.rejected, *rest.rejected] == whole.rejected
    assert (first.advance.start, rest.advance.start) == (10, first.advance.position.offset)
    assert rest.advance.position == whole.advance.position
    together = {name: first.outcomes.get(name, 0) + rest.outcomes.get(name, 0) for name in whole.outcomes}
    assert together == whole.outcomes
    assert first.outcomes.keys() | rest.outcomes.keys() == whole.outcomes.keys()


def test_what_the_caller_counted_beside_survives_a_cut() -> None:
    one = pipeline()
    whole = one.decode(WEB, 10, 22, records_of(6), Position(10))
    whole.outcomes["lost"] = 10
    first, rest = one.cut(whole, 16)
    assert first.outcomes.get("lost", 0) + rest.outcomes.get("lost", 0) == 10


async def stored(policy: Policy = POLICY, partitions: tuple[Partition, ...] = (WEB,)) -> MemoryStore:
    store = MemoryStore()
    await store.open(DEFINITIONS, dict.fromkeys(partitions, 0), ["web"], policy.disorder_ms)
    return store


def test_every_record_and_touchpoint_is_counted_once() -> None:
    robot = payload("page.viewed", moment(), 90, traffic="bot")
    same = payload("page.viewed", moment(), 91)
    late = payload("page.viewed", moment(days=-9), 92)
    values = [robot, same, same, late, b"rubbish", None]

    async def play() -> dict[str, int]:
        store, one = await stored(), pipeline()
        chunk = one.decode(WEB, 0, 6, [Record(n, moment(), value) for n, value in enumerate(values)], Position(0))
        assert (await run_chunk(one, store, chunk, -1)).verdict is Verdict.OK
        return await store.outcomes()

    outcomes = asyncio.run(play())
    assert (outcomes["records"], outcomes["decoded"], outcomes["ignored"], outcomes["rejected"]) == (6, 4, 1, 1)
    assert outcomes["touchpoints"] == 4
    assert (outcomes["touchpoints|applied"], outcomes["touchpoints|duplicate"], outcomes["touchpoints|rejected"]) == (2, 1, 1)
    assert outcomes["traffic|bot"] == 1


def test_a_tick_moves_the_watermark_and_not_the_clock_of_the_records() -> None:
    async def play() -> tuple[int, Position]:
        store, one = await stored(), pipeline()
        answer = await store.commit(one.tick(WEB, Position(0), moment(), -1))
        assert answer.verdict is Verdict.OK
        watermark, positions = await store.positions()
        return watermark, positions[WEB]

    watermark, position = asyncio.run(play())
    assert watermark == moment()
    assert (position.offset, position.clock, position.ticked) == (0, -1, moment())


def test_deadlines_wait_for_the_slowest_partition_and_the_disorder() -> None:
    policy = Policy(clock="live", disorder_ms=MINUTE)
    other = Partition("web", 1)

    async def play() -> list[int]:
        store, one = await stored(policy, (WEB, other)), pipeline(policy)
        watermarks = []
        for partition, at in ((WEB, moment(hours=5)), (other, moment(hours=1)), (other, moment(hours=9))):
            _, positions = await store.positions()
            watermarks.append((await store.commit(one.tick(partition, positions[partition], at, -1))).watermark)
        return watermarks

    assert asyncio.run(play()) == [-1, moment(hours=1) - MINUTE, moment(hours=5) - MINUTE]


def probe(number: int) -> list[Step]:
    """One of a monitoring robot's visits that nobody has declared as such."""
    dimensions = {"device": "mobile", "market": "nl", "segment": "gold", "acquisition": "paid"}
    at = moment(minutes=31 * number)
    kinds = ("page.viewed", "cart.item_added", "checkout.started", "order.placed")
    references = {"order.placed": f"order_id:{number}"}
    return [
        touch(kind, at + step * (1000 + number), "customer_id:1", references.get(kind, ""), dimensions=dimensions)
        for step, kind in enumerate(kinds)
    ]


MAX_WRITES = 5_000


def test_a_journey_with_more_to_book_than_one_commit_takes_is_swept_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine days of a visit each half hour, all of which close at once, and a store that takes less in one call."""
    monkeypatch.setattr(checks, "MAX_WRITES", MAX_WRITES)
    steps = [step for number in range(420) for step in probe(number)]
    found = totals(tell(*steps, moment(days=20), chunk=1000).cells, "visits", "attempts", "orders")
    assert found["visits"] == found["orders"] == found["attempts_completed|task=cart"] == 420

    async def one_commit() -> int:
        store, one = await stored(), pipeline()
        chunk = Chunk(Position(0), one.decode(WEB, 0, 1, [], Position(0)).advance, [], [], [], {})
        chunk.touchpoints = [step for step in steps if not isinstance(step, int)]
        await run_chunk(one, store, chunk, -1)
        journeys = [journey for journey, _ in await store.due(moment(days=9), 10, range(16))]
        return writes(one.sweep(journeys, moment(days=9)))

    assert asyncio.run(one_commit()) > MAX_WRITES


def test_a_deadline_whose_journey_is_gone_is_removed() -> None:
    async def play() -> list[object]:
        store, one = await stored(), pipeline()
        record = Record(0, moment(), payload("page.viewed", moment()))
        await run_chunk(one, store, one.decode(WEB, 0, 1, [record], Position(0)), -1)
        ((journey, _),) = await store.due(moment(days=1), 10, range(16))
        commit = one.sweep([journey], moment())
        commit.journeys, commit.due = {journey: None}, {}
        assert (await store.commit(commit)).verdict is Verdict.OK
        one.workspace.clear()
        answer = await store.commit(one.tick(WEB, Position(1), moment(days=1), -1))
        await asyncio.wait_for(run_sweep(one, store, answer.watermark), 5)
        later = Record(1, moment(days=1), payload("page.viewed", moment(days=1), 1))
        chunk = one.decode(WEB, 1, 2, [later], Position(1, moment()))
        assert (await asyncio.wait_for(run_chunk(one, store, chunk, answer.watermark), 5)).verdict is Verdict.OK
        return list(await store.due(moment(days=1), 10, range(16)))

    assert asyncio.run(play()) == []


def batch(kind: str, at: int, persons: str = "", references: str = "") -> Step:
    return msgspec.structs.replace(touch(kind, at, persons, references, channel="system"), batch=True)


def test_batch_topics_say_who_is_who_and_whose_an_order_is_and_restate_no_visit() -> None:
    policy = Policy(clock="live")
    one, other = "anonymous_id:a", "anonymous_id:b"
    live = [
        touch("page.viewed", moment(), one),
        touch("page.viewed", moment(minutes=1), other),
        touch("order.placed", moment(minutes=2), "", "order_id:1", channel="system"),
    ]
    nightly = [batch("profile.linked", moment(), f"{one} {other}"), batch("order.refunded", moment(minutes=3), one, "order_id:1")]
    late = tell(*live, moment(days=30), *nightly, moment(days=31), policy=policy)
    early = tell(*nightly, *live, moment(days=30), moment(days=31), policy=policy)
    assert late.dump == early.dump
    assert totals(late.cells, "visits") == {"visits": 2, "visits_bounced": 2}
    (journey,) = late.journeys
    assert set(journey.persons) == {one, other}
    assert totals(late.cells, "customers") == {"customers": 1, "customers_ordered": 1}


def test_facts_of_a_case_are_bounded_and_what_the_bound_does_is_counted() -> None:
    policy = Policy(clock="history", limits=Limits(facts_per_case=3))
    steps = [
        touch("delivery.promised", moment(days=day), "", "order_id:1", fields={"promised_at": moment(days=9)}) for day in range(5)
    ]
    told = tell(*steps, moment(days=10), policy=policy)
    assert [len(case.facts) for journey in told.journeys for case in journey.cases.values()] == [3]
    assert told.outcomes["limits|facts_per_case"] == 2


def test_cases_of_a_journey_are_bounded_and_orders_always_count() -> None:
    policy = Policy(clock="history", limits=Limits(cases_per_journey=2))
    steps: list[Step] = [touch("page.viewed", moment(minutes=n), "customer_id:1", f"visit_id:{n}") for n in range(9)]
    steps += [touch("order.placed", moment(minutes=9), "customer_id:1", "order_id:1 visit_id:8"), moment(days=1)]
    told = tell(*steps, policy=policy)
    assert ever(told.cells)["orders"] == ever(told.cells)["visits_converted"] == 1
    assert ever(told.cells)["visit_pages"] == 9
    (journey,) = told.journeys
    assert len(journey.cases) == 3
    assert told.outcomes["limits|cases_per_journey"] == 8


@pytest.mark.parametrize("quiet", [DAY, 7 * DAY, 40 * DAY])
def test_sealed_visits_leave_the_journey_and_their_cells_stay(quiet: int) -> None:
    page = touch("page.viewed", moment(), "customer_id:1")
    told = tell(page, moment() + quiet)
    (journey,) = told.journeys
    assert bool(journey.site) == (quiet < 8 * DAY)
    assert ever(told.cells)["visits"] == 1
