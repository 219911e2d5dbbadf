"""Laws 1, 3 and 5 with workers in each other's way, a store that goes back, and clocks that run ahead of what arrives."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import cycle

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.cases import site
from streams.core.cases.islands import unsealed
from streams.core.journey import Fact, decode, encode, fact_of
from streams.core.model import Partition, Touchpoint
from streams.core.policy import DAY, HOUR, MINUTE, Policy
from streams.store.base import DUE_SHARDS
from streams.store.dump import canonical_cells, canonical_dump
from tests.laws.harness import DEFINITIONS, TOPIC, Arrival, Run
from tests.laws.workers import Log, SharedStore, Worker, log_of
from tests.oracle.book import Cells
from tests.oracle.build import moment, touch
from tests.oracle.oracle import oracle
from tests.oracle.strategies import cuts, policies, robot_streams, streams

PARTITIONS = 2
WORKERS = 2
SHARDS = range(DUE_SHARDS)


def without_bounds(policy: Policy) -> Policy:
    """The policy, with nothing too late and nothing from the future."""
    return msgspec.structs.replace(policy, future_ms=20_000 * DAY)


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Touchpoint], Policy, int, Log]:
    """(touchpoints, policy, cut time, their log): the clocks stand still, follow the events, or run ahead of them."""
    found, policy = draw(streams()), without_bounds(draw(policies()))
    until = draw(cuts(found))
    clocks = st.sampled_from([0, *sorted({touchpoint.at for touchpoint in found}), until])
    arrivals = [Arrival(draw(st.integers(0, PARTITIONS - 1)), draw(clocks), touchpoint) for touchpoint in found]
    return found, policy, until, log_of(arrivals, PARTITIONS, until)


class Crew:
    """Workers that all read all partitions at once; every order of their calls is drawn."""

    def __init__(self, draw: st.DataObject, policy: Policy, log: Log, workers: int = WORKERS) -> None:
        self.policy = policy
        self.log = log
        self.store = SharedStore(cycle([*draw.draw(st.lists(st.integers(0, 3), max_size=20), label="pauses"), 0]))
        self.orders = [draw.draw(st.permutations(sorted(log.records))) for _ in range(workers)]
        sizes = [cycle(draw.draw(st.lists(st.sampled_from([1, 2, 3, 8, 100]), min_size=1, max_size=6))) for _ in range(workers)]
        capacity = draw.draw(st.sampled_from([1, 3, 1000]), label="journeys in memory")
        self.workers = [Worker(self.store, log, policy, capacity, own) for own in sizes]

    async def open(self) -> None:
        """Lists the partitions."""
        await self.store.open(DEFINITIONS, dict.fromkeys(self.log.records, 0), [TOPIC], self.policy.disorder_ms)

    async def all_work(self) -> None:
        """Until every partition is read and swept."""
        await asyncio.gather(*(worker.work(order) for worker, order in zip(self.workers, self.orders, strict=True)))
        await asyncio.gather(*(worker.sweep() for worker in self.workers))

    async def cells(self) -> Cells:
        """The canonical cells, in the oracle's form."""
        return {(grain, index, field): n for (grain, index), field, n in await canonical_cells(self.store)}

    async def dump(self) -> str:
        """The canonical dump."""
        return await canonical_dump(self.store, self.policy)


def alone(policy: Policy, log: Log) -> str:
    """The dump that a single worker without any hurry leaves behind."""

    async def play() -> str:
        store = SharedStore(cycle([0]))
        await store.open(DEFINITIONS, dict.fromkeys(log.records, 0), [TOPIC], policy.disorder_ms)
        await Worker(store, log, policy, 1000, cycle([1000])).work(sorted(log.records))
        return await canonical_dump(store, policy)

    return asyncio.run(play())


@settings(max_examples=25)
@given(st.data(), logs())
def test_workers_in_each_others_way_end_in_the_same_tables(
    draw: st.DataObject, drawn: tuple[list[Touchpoint], Policy, int, Log]
) -> None:
    found, policy, until, log = drawn
    crew = Crew(draw, policy, log)

    async def play() -> tuple[Cells, str, dict[str, int]]:
        await crew.open()
        await crew.all_work()
        assert await crew.store.due(until, 1, SHARDS) == []
        return await crew.cells(), await crew.dump(), await crew.store.outcomes()

    cells, dump, outcomes = asyncio.run(play())
    assert cells == oracle(found, policy, until, until)
    assert dump == alone(policy, log)
    assert crew.store.watermarks == sorted(crew.store.watermarks)
    assert_conserved(outcomes, found, log)


def assert_conserved(outcomes: dict[str, int], found: Sequence[Touchpoint], log: Log) -> None:
    """Law 3: each record once, each touchpoint applied or a duplicate, whoever committed it and however often it was tried."""
    records = sum(len(part) for part in log.records.values())
    assert outcomes["records"] == records
    assert outcomes.get("decoded", 0) == len(found) == outcomes.get("touchpoints", 0)
    assert outcomes["ignored"] == len(log.records) == outcomes["ignored|clock"]
    applied, duplicates = outcomes.get("touchpoints|applied", 0), outcomes.get("touchpoints|duplicate", 0)
    assert applied + duplicates == len(found)
    human = {touchpoint.eid for touchpoint in found if touchpoint.traffic == "human"}
    others = Counter(f"traffic|{touchpoint.traffic}" for touchpoint in found if touchpoint.traffic != "human")
    assert applied == len(human) + others.total()
    assert {name: n for name, n in outcomes.items() if name.startswith("traffic|")} == others


@settings(max_examples=25)
@given(st.data(), logs())
def test_a_store_that_goes_back_ends_in_the_same_tables(
    draw: st.DataObject, drawn: tuple[list[Touchpoint], Policy, int, Log]
) -> None:
    """Acknowledged writes are lost under workers that keep what they have in memory: positions go back with the state."""
    found, policy, until, log = drawn
    crew = Crew(draw, policy, log)
    waits = draw.draw(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=3), label="failovers")

    async def fail() -> None:
        for before, lost in waits:
            for _ in range(before):
                await asyncio.sleep(0)
            snapshot = crew.store.snapshot()
            for _ in range(lost):
                await asyncio.sleep(0)
            crew.store.restore(snapshot)

    async def play() -> tuple[Cells, str, dict[str, int]]:
        await crew.open()
        await asyncio.gather(crew.all_work(), fail())
        await crew.all_work()
        assert await crew.store.due(until, 1, SHARDS) == []
        return await crew.cells(), await crew.dump(), await crew.store.outcomes()

    cells, dump, outcomes = asyncio.run(play())
    assert cells == oracle(found, policy, until, until)
    assert dump == alone(policy, log)
    assert_conserved(outcomes, found, log)


class Hurry:
    """One partition whose clock runs ahead of what arrives, so that most of it restates what was booked."""

    def __init__(self, draw: st.DataObject, found: Sequence[Touchpoint], policy: Policy, until: int) -> None:
        self.draw = draw
        self.found = found
        self.until = until
        self.run = Run(policy, capacity=draw.draw(st.sampled_from([1, 2, 1000]), label="journeys in memory"))
        times = sorted({touchpoint.at for touchpoint in found})
        waits = [0, 10 * MINUTE, 30 * MINUTE, 4 * HOUR, DAY]
        self.clocks = st.builds(
            lambda at, wait: min(at + wait, until), st.sampled_from([0, *times, until]), st.sampled_from(waits)
        )

    async def everything(self) -> None:
        """Reads, sweeping now and then."""
        await self.run.open()
        index = 0
        while index < len(self.found):
            size = self.draw.draw(st.sampled_from([1, 1, 2, 7]))
            clock = self.draw.draw(self.clocks)
            await self.run.feed(0, [Arrival(0, clock, touchpoint) for touchpoint in self.found[index : index + size]])
            index += size
            if self.draw.draw(st.booleans()):
                await self.run.sweep()
                assert await self.run.store.due(self.run.watermark, 1, SHARDS) == []
        await self.run.finish(self.until)


@settings(max_examples=60)
@given(st.data(), streams(), policies())
def test_what_arrives_after_its_deadlines_restates_them(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    hurry = Hurry(draw, found, policy, draw.draw(cuts(found)))

    async def play() -> Cells:
        await hurry.everything()
        return await hurry.run.cells()

    assert asyncio.run(play()) == oracle(found, policy, hurry.until, hurry.until)


@settings(max_examples=40)
@given(st.data(), robot_streams(), policies(robots=True))
def test_a_day_that_turns_out_to_be_a_bots_is_taken_back(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    hurry = Hurry(draw, found, policy, draw.draw(cuts(found)))

    async def play() -> Cells:
        await hurry.everything()
        return await hurry.run.cells()

    assert asyncio.run(play()) == oracle(found, policy, hurry.until, hurry.until)


@settings(max_examples=25)
@given(st.data(), streams())
def test_a_sweep_leaves_nothing_due_and_a_second_one_does_nothing(draw: st.DataObject, found: list[Touchpoint]) -> None:
    """With an allowance of days, so that compaction has its deadlines too."""
    policy = without_bounds(Policy(clock="history", allowance_ms=draw.draw(st.sampled_from([0, HOUR, 7 * DAY]))))
    last = max(touchpoint.at for touchpoint in found)

    async def play() -> None:
        run = Run(policy)
        run.store = store = SharedStore(cycle([0]))
        await run.open()
        await run.feed(0, [Arrival(0, 0, touchpoint) for touchpoint in found])
        for until in sorted(last + wait for wait in (0, 30 * MINUTE, 2 * DAY, 9 * DAY, 20 * DAY, 500 * DAY)):
            await run.finish(until)
            assert await run.store.due(run.watermark, 1, SHARDS) == []
            commits = len(store.answers)
            await run.sweep()
            assert len(store.answers) == commits
            assert all(due > until for _, due in await store.due(1 << 52, 100, SHARDS))

    asyncio.run(play())


def facts_of(found: Sequence[Touchpoint]) -> list[Fact]:
    """Their facts in order, each event id once."""
    facts = {touchpoint.eid: fact_of(touchpoint) for touchpoint in found}
    return sorted(facts.values(), key=lambda fact: (fact.at, fact.eid))


@settings(max_examples=50)
@given(st.data(), streams(variants=False))
def test_compacting_twice_is_compacting_once_at_the_later_seal(draw: st.DataObject, found: list[Touchpoint]) -> None:
    rules = site.rules_of(Policy())
    facts = facts_of(found)
    seals = st.sampled_from([fact.at + off for fact in facts for off in (-1, 0, 1)])
    first, second = sorted([draw.draw(seals), draw.draw(seals)])
    once = unsealed(facts, second, rules.island_ms)
    assert unsealed(unsealed(facts, first, rules.island_ms), second, rules.island_ms) == once
    assert all(fact in once for fact in facts if fact.at > second)
    assert facts[len(facts) - len(once) :] == once


@settings(max_examples=20)
@given(st.data(), streams(), policies())
def test_stored_journeys_read_back_as_they_were_written(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    until = draw.draw(cuts(found))

    async def play() -> None:
        run = Run(policy)
        await run.open()
        await run.feed(0, [Arrival(0, 0, touchpoint) for touchpoint in found])
        await run.finish(until)
        async for key, blob in run.store.journeys():
            journey = decode(blob)
            assert encode(journey) == blob
            assert run.pipeline.workspace.held[key].blob == blob
            assert journey.site == sorted(journey.site, key=lambda fact: (fact.at, fact.eid))
            assert journey.persons or not (journey.site or journey.activity)
            assert journey.persons or journey.cases

    asyncio.run(play())


@settings(max_examples=30)
@given(st.data(), streams(), policies())
def test_merging_is_commutative_associative_and_idempotent(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    """Profiles are merged in whatever order their links come, and again when they come again."""
    until = draw.draw(cuts(found))

    def dump(arrived: Sequence[Touchpoint]) -> str:
        async def play() -> str:
            run = Run(policy)
            await run.open()
            await run.feed(0, [Arrival(0, 0, touchpoint) for touchpoint in arrived])
            await run.finish(until)
            return await canonical_dump(run.store, policy)

        return asyncio.run(play())

    want = dump(found)
    assert dump(draw.draw(st.permutations(found))) == want
    assert dump([*found, *found]) == want


def test_the_crew_meets_conflicts() -> None:
    """The control of the laws above: with these pauses workers are in each other's way indeed."""
    drawn = [(number % PARTITIONS, number) for number in range(12)]
    found = [touch_page(at) for _, at in drawn]
    log = log_of([Arrival(partition, 0, touchpoint) for (partition, _), touchpoint in zip(drawn, found, strict=True)], 2, 10)

    async def play() -> Counter[str]:
        store = SharedStore(cycle([1, 2, 0]))
        await store.open(DEFINITIONS, dict.fromkeys(log.records, 0), [TOPIC], 0)
        workers = [Worker(store, log, without_bounds(Policy()), 10, cycle([2, 1])) for _ in range(2)]
        first, second = Partition(TOPIC, 0), Partition(TOPIC, 1)
        await asyncio.gather(workers[0].work([first, second]), workers[1].work([second, first]))
        return Counter(str(verdict) for verdict in store.answers)

    answers = asyncio.run(play())
    assert answers["ok"] >= 2
    assert answers["conflict"] > 0
    assert answers["duplicate"] + answers["partial"] + answers["rollback"] > 0


def touch_page(number: int) -> Touchpoint:
    """One person's page view."""
    return touch("page.viewed", moment(seconds=number), "customer_id:1")
