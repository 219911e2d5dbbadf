"""The same pure pipeline without a broker: files in, an in-memory store out.

A file is sorted by event time, then by line, and played on one partition whose record timestamps are the event times.
The clock ends at T: `until`, or the last accepted event and the longest visit or task limit after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from schemas.outcomes import JOURNEY_POSITION
from streams.core.decode import Decoder
from streams.core.definitions import definitions_digest
from streams.core.model import Advance, Partition, Position, Record, Verdict
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


async def fold_records(
    records: list[Record], topic: TopicPolicy, policy: Policy, until: int | None = None, progress: Progress | None = None
) -> Folded:
    """Folds records that are in event time. `until` is T in ms; records after it are left out."""
    definitions = definitions_digest(policy, [topic])
    pipeline = Pipeline(policy, definitions, [topic], Workspace(capacity=1_000_000))
    store = MemoryStore()
    partition = Partition(topic.name, 0)
    await store.open(definitions, {partition: 0}, [topic.name], policy.disorder_ms)
    if until is not None:
        records = [record for record in records if record.timestamp <= until]
    position, watermark, latest = Position(0), -1, 0
    for start in range(0, len(records), CHUNK_RECORDS):
        part = records[start : start + CHUNK_RECORDS]
        chunk = pipeline.decode(partition, start, start + len(part), part, position)
        latest = max([latest, *(touchpoint.at for touchpoint in chunk.touchpoints)])
        watermark = await _run(pipeline, store, chunk, watermark)
        position = chunk.advance.position
        if progress is not None:
            progress(start + len(part), len(records))
    end = max(latest + policy.drain_ms if until is None else until, position.clock) + policy.disorder_ms
    advance = Advance(partition, position.offset, Position(position.offset, end, position.digest))
    watermark = await _run(pipeline, store, Chunk(position, advance, [], [], [], {}), watermark)
    answer = await run_sweep(pipeline, store, watermark)
    if answer.verdict is not Verdict.OK:
        raise AssertionError(answer)  # nobody else writes to this store
    return Folded(store, watermark, await store.outcomes())


async def _run(pipeline: Pipeline, store: MemoryStore, chunk: Chunk, watermark: int) -> int:
    answer = await run_chunk(pipeline, store, chunk, watermark)
    if answer.verdict is not Verdict.OK:
        raise AssertionError(answer)  # nobody else writes to this store
    return answer.watermark
