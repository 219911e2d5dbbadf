"""Workers of a namespace as the laws want them: real pipelines on one store, in each other's way at every call."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence

import msgspec

from streams.core.decode import Decoder
from streams.core.model import Answer, Commit, Decoded, Identifier, Ignored, JourneyId, Partition, Record, Verdict
from streams.core.pipeline import Pipeline
from streams.core.policy import Policy, TopicPolicy
from streams.core.workspace import Workspace
from streams.drive import run_chunk, run_sweep
from streams.store.base import Loaded
from streams.store.memory import MemoryStore
from tests.laws.harness import DEFINITIONS, TOPIC, Arrival

GOES_ON = (Verdict.OK, Verdict.DUPLICATE, Verdict.PARTIAL, Verdict.ROLLBACK)
"""Answers after which a worker asks for its position and reads on; any other one ends it."""


class Given(Decoder):
    """Records that are a number: the touchpoint of that number. Chunks can be cut and decoded again then."""

    def __init__(self, found: Sequence[Arrival]) -> None:
        self.found = found

    def decode(self, record: Record) -> Decoded:
        """Clock records have no value."""
        return Ignored("clock") if record.value is None else (self.found[int(record.value)].touchpoint,)


class SharedStore(MemoryStore):
    """A memory store whose calls take turns: before and after each, its caller lets others go ahead so many times."""

    def __init__(self, pauses: Iterator[int]) -> None:
        super().__init__()
        self.pauses = pauses
        self.answers: list[Verdict] = []
        self.watermarks: list[int] = []

    async def pause(self) -> None:
        """Lets others go ahead."""
        for _ in range(next(self.pauses)):
            await asyncio.sleep(0)

    async def load(self, identifiers: Collection[Identifier], journeys: Collection[JourneyId] = ()) -> Loaded:
        """See `Store.load`."""
        await self.pause()
        loaded = await super().load(identifiers, journeys)
        await self.pause()
        return loaded

    async def commit(self, commit: Commit) -> Answer:
        """See `Store.commit`."""
        await self.pause()
        answer = await super().commit(commit)
        self.answers.append(answer.verdict)
        self.watermarks.append(answer.watermark)
        await self.pause()
        return answer

    async def due(self, until: int, limit: int, shards: Collection[int]) -> list[tuple[JourneyId, int]]:
        """See `Store.due`."""
        found = await super().due(until, limit, shards)
        await self.pause()
        return found


class Log(msgspec.Struct):
    """What lies in each partition. `found` is what the numbers in the records stand for."""

    found: Sequence[Arrival]
    records: dict[Partition, list[Record]]


def log_of(found: Sequence[Arrival], partitions: int, until: int) -> Log:
    """A log with a last clock record at `until` in every partition."""
    log = Log(found, {Partition(TOPIC, number): [] for number in range(partitions)})
    for number, arrival in enumerate(found):
        records = log.records[Partition(TOPIC, arrival.partition)]
        records.append(Record(len(records), arrival.clock, str(number).encode()))
    for records in log.records.values():
        records.append(Record(len(records), max(until, *(record.timestamp for record in records), 0), None))
    return log


class Worker:
    """One worker with a cache of its own that reads every partition it may, whoever else does."""

    def __init__(self, store: SharedStore, log: Log, policy: Policy, capacity: int, sizes: Iterator[int]) -> None:
        self.store = store
        self.log = log
        self.pipeline = Pipeline(policy, DEFINITIONS, [TopicPolicy(TOPIC)], Workspace(capacity))
        self.pipeline.decoders[TOPIC] = Given(log.found)
        self.sizes = sizes

    async def read(self, partition: Partition) -> None:
        """Reads a partition to its end, from wherever the store says that it is."""
        records = self.log.records[partition]
        while True:
            watermark, positions = await self.store.positions()
            position = positions[partition]
            part = records[position.offset : position.offset + next(self.sizes)]
            if not part:
                return
            end = part[-1].offset + 1
            chunk = self.pipeline.decode(partition, position.offset, end, part, position)
            await self.store.pause()
            answer = await run_chunk(self.pipeline, self.store, chunk, watermark)
            assert answer.verdict in GOES_ON, answer

    async def sweep(self) -> None:
        """Lets everything enter whose deadline has passed by now; CONFLICT: somebody else did the last of it."""
        watermark, _ = await self.store.positions()
        answer = await run_sweep(self.pipeline, self.store, watermark)
        assert answer.verdict in (Verdict.OK, Verdict.CONFLICT, Verdict.ROLLBACK), answer

    async def work(self, partitions: Sequence[Partition]) -> None:
        """Reads these partitions in turn, and sweeps after each."""
        for partition in partitions:
            await self.read(partition)
            await self.sweep()
