"""Runs touchpoints through the real pipeline and a store, in any cutting and order of partitions, without decoding."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from streams.core.model import Advance, Commit, Partition, Position, Touchpoint, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import Policy, TopicPolicy
from streams.core.workspace import Workspace
from streams.drive import run_chunk, run_sweep
from streams.store.dump import canonical_cells
from streams.store.memory import MemoryStore
from tests.oracle.book import Cells

TOPIC = "touchpoints"
DEFINITIONS = "test"


class Arrival(msgspec.Struct, frozen=True):
    """One record: where it lies in the log, its Kafka timestamp, and what it decodes to."""

    partition: int
    clock: int
    touchpoint: Touchpoint


class Run:
    """One namespace on a memory store, fed chunk by chunk."""

    def __init__(self, policy: Policy, partitions: int = 1, capacity: int = 10_000, unsafe: frozenset[str] = frozenset()) -> None:
        self.policy = policy
        self.store = MemoryStore()
        self.pipeline = Pipeline(policy, DEFINITIONS, [TopicPolicy(TOPIC)], Workspace(capacity), unsafe)
        self.partitions = [Partition(TOPIC, number) for number in range(partitions)]
        self.watermark = -1
        self.positions = dict.fromkeys(self.partitions, Position(0))

    async def open(self) -> None:
        """Lists the partitions."""
        await self.store.open(DEFINITIONS, dict.fromkeys(self.partitions, 0), [TOPIC], self.policy.disorder_ms)

    async def feed(self, number: int, arrivals: Sequence[Arrival], clock: int = -1) -> None:
        """One chunk of a partition; `clock` is the greatest one of its clock records."""
        partition = self.partitions[number]
        before = self.positions[partition]
        clock = max([before.clock, clock, *(arrival.clock for arrival in arrivals)])
        end = before.offset + max(1, len(arrivals))
        chunk = Chunk(
            before,
            Advance(partition, before.offset, Position(end, clock)),
            [],
            [arrival.touchpoint for arrival in arrivals],
            [],
            {},
        )
        answer = await run_chunk(self.pipeline, self.store, chunk, self.watermark)
        assert answer.verdict is Verdict.OK, answer
        self.positions[partition] = chunk.advance.position
        self.watermark = answer.watermark

    async def sweep(self) -> None:
        """Lets passed deadlines enter."""
        answer = await run_sweep(self.pipeline, self.store, self.watermark)
        assert answer.verdict is Verdict.OK, answer

    async def finish(self, until: int) -> None:
        """Clock records to every partition, then a complete sweep."""
        for number in range(len(self.partitions)):
            await self.feed(number, [], until)
        await self.sweep()

    async def cells(self) -> Cells:
        """The canonical cells, in the oracle's form."""
        return {(grain, index, field): n for (grain, index), field, n in await canonical_cells(self.store)}


def run_in_order(touchpoints: Sequence[Touchpoint], policy: Policy, until: int, chunk: int = 1, *, sweep: bool = True) -> Cells:
    """Touchpoints in this order of arrival, on one partition whose clock stands before all of them until the end."""

    async def play() -> Cells:
        run = Run(policy)
        await run.open()
        for index in range(0, len(touchpoints), chunk):
            part = touchpoints[index : index + chunk]
            await run.feed(0, [Arrival(0, 0, touchpoint) for touchpoint in part])
            if sweep:
                await run.sweep()
        await run.finish(until)
        return await run.cells()

    return asyncio.run(play())


def empty_commit() -> Commit:
    """A commit that reads and writes nothing."""
    return Commit(DEFINITIONS, -1, None, {}, set(), {}, {}, {}, {}, {})
