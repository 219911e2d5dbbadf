"""The same pure pipeline without a broker: files in, an in-memory store out.

A file is sorted by event time, then by line, and played on one partition whose record timestamps are the event times.
The clock ends at T: `until`, or the last accepted event and the longest visit or task limit after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self

import msgspec

from schemas.outcomes import JOURNEY_POSITION
from streams.core.decode import Decoder
from streams.core.definitions import definitions_digest
from streams.core.model import Advance, Answer, Partition, Position, Record, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import Policy, TopicPolicy
from streams.core.workspace import Workspace
from streams.drive import run_chunk, run_sweep
from streams.files import file_name, read_file
from streams.store.memory import MemoryStore

CHUNK_RECORDS = 1_000
Progress = Callable[[int, int], None]
"""Called with (records done, records in all)."""


class Folded(msgspec.Struct):
    """What a fold leaves behind."""

    store: MemoryStore
    watermark: int
    outcomes: dict[str, int]


def read_records(paths: Iterable[str]) -> list[Record]:
    """Every payload of the files as a record that carries its `file:line`; offsets and timestamps are not set yet."""
    return [
        Record(0, 0, line.payload, None, ((JOURNEY_POSITION, f"{file_name(path)}:{line.number}".encode()),))
        for path in paths
        for line in read_file(path)
    ]


def in_event_time(records: Iterable[Record], topic: TopicPolicy, policy: Policy) -> list[Record]:
    """Records sorted by event time, then as they were, with timestamps and offsets set.

    A record of several touchpoints has the time of the latest; one that gives none stays behind its predecessor.
    """
    decoder = Decoder(topic, policy)
    timed: list[tuple[int, int, Record]] = []
    last = 0
    for index, record in enumerate(records):
        found = decoder.decode(record)
        if isinstance(found, tuple) and found:
            last = max(touchpoint.at for touchpoint in found)
        timed.append((last, index, record))
    timed.sort(key=lambda entry: entry[:2])
    return [msgspec.structs.replace(record, offset=offset, timestamp=at) for offset, (at, _, record) in enumerate(timed)]


class Folding:
    """A fold under way: the records of one partition, in order of their timestamps, into a store that nobody else writes to."""

    def __init__(self, pipeline: Pipeline, partition: Partition) -> None:
        self._pipeline = pipeline
        self._partition = partition
        self.store = MemoryStore()
        self.position = Position(0)
        self.watermark = -1

    @classmethod
    async def begin(cls, topic: TopicPolicy, policy: Policy) -> Self:
        """With nothing read yet."""
        definitions = definitions_digest(policy, [topic])
        partition = Partition(topic.name, 0)
        folding = cls(Pipeline(policy, definitions, [topic], Workspace(capacity=1_000_000)), partition)
        await folding.store.open(definitions, {partition: 0}, [topic.name], policy.disorder_ms)
        return folding

    async def take(self, records: Sequence[Record]) -> Chunk:
        """Folds the next records as one chunk, which is returned."""
        start = self.position.offset
        chunk = self._pipeline.decode(self._partition, start, start + len(records), records, self.position)
        await self._run(chunk)
        self.position = chunk.advance.position
        return chunk

    async def settle(self, clock: int) -> None:
        """Sets the clock to this time in ms, as on a partition that is caught up, and lets in every deadline until then."""
        offset = self.position.offset
        advance = Advance(self._partition, offset, Position(offset, clock, self.position.digest))
        await self._run(Chunk(self.position, advance, [], [], [], {}))
        _fine(await run_sweep(self._pipeline, self.store, self.watermark))

    async def _run(self, chunk: Chunk) -> None:
        self.watermark = _fine(await run_chunk(self._pipeline, self.store, chunk, self.watermark)).watermark


def _fine(answer: Answer) -> Answer:
    if answer.verdict is not Verdict.OK:
        raise AssertionError(answer)  # nobody else writes to this store
    return answer


async def fold_records(
    records: list[Record], topic: TopicPolicy, policy: Policy, until: int | None = None, progress: Progress | None = None
) -> Folded:
    """Folds records that are in event time. `until` is T in ms; records after it are left out."""
    folding = await Folding.begin(topic, policy)
    if until is not None:
        records = [record for record in records if record.timestamp <= until]
    latest = 0
    for start in range(0, len(records), CHUNK_RECORDS):
        chunk = await folding.take(records[start : start + CHUNK_RECORDS])
        latest = max([latest, *(touchpoint.at for touchpoint in chunk.touchpoints)])
        if progress is not None:
            progress(folding.position.offset, len(records))
    await folding.settle(max(latest + policy.drain_ms if until is None else until, folding.position.clock) + policy.disorder_ms)
    return Folded(folding.store, folding.watermark, await folding.store.outcomes())
