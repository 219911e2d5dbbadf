"""Laws 1, 2 and 5: any order, cutting and reloading end in the tables that the independent oracle computes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.core.batch import Batch, Context
from streams.core.fields import spell
from streams.core.model import Touchpoint
from streams.core.policy import DAY, HOUR, Policy
from streams.core.workspace import Workspace
from streams.store.dump import canonical_dump
from tests.laws.harness import DEFINITIONS, Arrival, Run
from tests.oracle.book import Cells
from tests.oracle.build import MONDAY, touch
from tests.oracle.oracle import oracle
from tests.oracle.strategies import cuts, policies, robot_streams, streams

PARTITIONS = 3


class Play:
    """How a log is read: drawn step by step, so that what fails shrinks."""

    def __init__(self, draw: st.DataObject, policy: Policy) -> None:
        self.draw = draw
        self.run = Run(policy, PARTITIONS, capacity=draw.draw(st.sampled_from([1, 2, 1000]), label="journeys in memory"))

    async def everything(self, log: Sequence[Arrival], until: int) -> tuple[Cells, str]:
        """Reads the log in chunks, partitions in any order, sweeping now and then."""
        await self.run.open()
        queues = [[arrival for arrival in log if arrival.partition == number] for number in range(PARTITIONS)]
        while any(queues):
            number = self.draw.draw(st.sampled_from([n for n in range(PARTITIONS) if queues[n]]))
            size = self.draw.draw(st.sampled_from([1, 2, 7, 100]))
            await self.run.feed(number, queues[number][:size])
            del queues[number][:size]
            if self.draw.draw(st.booleans()):
                await self.run.sweep()
        await self.run.finish(until)
        return await self.run.cells(), await canonical_dump(self.run.store, self.run.policy)


def play(draw: st.DataObject, policy: Policy, log: Sequence[Arrival], until: int) -> tuple[Cells, str]:
    """One reading of a log: its cells, and the canonical dump."""
    return asyncio.run(Play(draw, policy).everything(log, until))


def unhurried(draw: st.DataObject, found: Sequence[Touchpoint]) -> list[Arrival]:
    """A log in the given order, with all clocks standing still until the end: nothing closes before that."""
    return [Arrival(draw.draw(st.integers(0, PARTITIONS - 1)), 0, touchpoint) for touchpoint in found]


def timely(draw: st.DataObject, found: Sequence[Touchpoint], allowance_ms: int) -> list[Arrival]:
    """A log whose clocks follow the event times, each touchpoint later than its time by less than the allowance."""
    late = st.sampled_from([0, 0, 1, HOUR, DAY, allowance_ms - 1])
    arriving = sorted(((touchpoint.at + draw.draw(late), index) for index, touchpoint in enumerate(found)))
    clocks = [0] * PARTITIONS
    log = []
    for at, index in arriving:
        number = draw.draw(st.integers(0, PARTITIONS - 1))
        clocks[number] = max(clocks[number], at)
        log.append(Arrival(number, clocks[number], found[index]))
    return log


@given(st.data(), streams(), policies())
def test_cells_are_those_of_the_oracle_in_any_order(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    until = draw.draw(cuts(found))
    cells, _ = play(draw, policy, unhurried(draw, found), until)
    assert cells == oracle(found, policy, until, until)


@given(st.data(), robot_streams(), policies(robots=True))
def test_days_of_bots_are_left_out_in_any_order(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    until = draw.draw(cuts(found))
    cells, _ = play(draw, policy, unhurried(draw, found), until)
    assert cells == oracle(found, policy, until, until)


@given(st.data(), streams(variants=False))
def test_nothing_accepted_is_older_than_the_seal(draw: st.DataObject, found: list[Touchpoint]) -> None:
    policy = Policy(clock="history", allowance_ms=7 * DAY)
    until = draw.draw(cuts(found))
    log = timely(draw, found, policy.allowance_ms)
    until = max(until, *(arrival.clock for arrival in log))
    cells, _ = play(draw, policy, log, until)
    assert cells == oracle(found, policy, until, until)


@given(st.data(), streams(), policies())
def test_dumps_are_equal_under_any_interleaving(draw: st.DataObject, found: list[Touchpoint], policy: Policy) -> None:
    until = draw.draw(cuts(found))
    log = unhurried(draw, found)
    assert play(draw, policy, log, until)[1] == play(draw, policy, log, until)[1]


def test_without_deduplication_a_second_delivery_counts_twice() -> None:
    """The mutation control of law 5: with the safeguard off, the tables are wrong."""
    policy = Policy(clock="history")
    order = touch("order.placed", MONDAY, "customer_id:1", "order_id:1")
    again = [order, touch("page.viewed", MONDAY, "customer_id:1"), order]
    want = oracle(again, policy, MONDAY + DAY, MONDAY + DAY)

    async def cells(unsafe: frozenset[str]) -> Cells:
        run = Run(policy, unsafe=unsafe)
        await run.open()
        await run.feed(0, [Arrival(0, 0, touchpoint) for touchpoint in [*again, *again]])
        await run.finish(MONDAY + DAY)
        return await run.cells()

    assert asyncio.run(cells(frozenset())) == want
    assert asyncio.run(cells(frozenset({"dedup"}))) != want


@given(st.data(), streams(), policies())
def test_what_is_not_computed_again_would_have_been_the_same(
    draw: st.DataObject, found: list[Touchpoint], policy: Policy
) -> None:
    """Only what an event touches is computed again; computing all of every journey anew gives the same cells."""
    until = draw.draw(cuts(found))

    async def whole() -> Cells:
        run = Run(policy, PARTITIONS)
        await run.open()
        for arrival in unhurried(draw, found):
            await run.feed(arrival.partition, [arrival])
        await run.finish(until)
        return await cells_of_all(run)

    assert asyncio.run(whole()) == oracle(found, policy, until, until)


async def cells_of_all(run: Run) -> Cells:
    """C of every stored journey at its as_of, from nothing."""
    context = Context(run.policy, DEFINITIONS, Workspace())
    batch = Batch(context, run.watermark)
    async for found, blob in run.store.journeys():
        context.workspace.admit({}, {found: blob})
        opened = batch.open(found)
        opened.as_of = -1
        batch.soil_all(opened)
    batch.book.minutes.clear()
    batch.book.days.clear()
    for opened in batch.opened.values():
        opened.site, opened.days, opened.life, opened.chains = [], {}, (None, []), []
        batch.settle_cells(opened)
    return {(*bucket, field): n for bucket, rows in batch.book.buckets(run.watermark).items() for field, n in spell(rows).items()}
