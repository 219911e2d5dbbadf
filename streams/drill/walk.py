"""A walk through event time: records folded in memory, and at each step the figures that the exporter would read.

The records lie on one partition in order of arrival; their timestamps are the record clock. At each moment the clock is set
to it, as on a partition that is caught up, every deadline until then enters, and the values are read at the watermark.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from itertools import pairwise

from streams.core.definitions import definitions_digest
from streams.core.model import Advance, Answer, Partition, Position, Record, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import Policy, TopicPolicy
from streams.core.workspace import Workspace
from streams.drive import run_chunk, run_sweep
from streams.export.reader import Reading, read_values
from streams.store.memory import MemoryStore

CHUNK_RECORDS = 2_000


async def readings(
    records: Sequence[Record],
    topic: TopicPolicy,
    policy: Policy,
    moments: Iterable[int],
    *,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
) -> AsyncIterator[Reading]:
    """The reading at each of these moments, of the records until then.

    records: in order of timestamp, with offsets from 0. moments: watermarks in ms, ascending. windows, metrics: what is read,
    everything unless said: a step costs what it reads.
    """
    definitions = definitions_digest(policy, [topic])
    pipeline = Pipeline(policy, definitions, [topic], Workspace(capacity=1_000_000))
    store = MemoryStore()
    partition = Partition(topic.name, 0)
    await store.open(definitions, {partition: 0}, [topic.name], policy.disorder_ms)
    position, watermark, done = Position(0), -1, 0
    for moment in moments:
        clock = moment + policy.disorder_ms
        end = bisect_right(records, clock, lo=done, key=lambda record: record.timestamp)
        for start, stop in pairwise([*range(done, end, CHUNK_RECORDS), end]):
            chunk = pipeline.decode(partition, start, stop, records[start:stop], position)
            watermark = _fine(await run_chunk(pipeline, store, chunk, watermark)).watermark
            position = chunk.advance.position
        done = end
        tick = Advance(partition, done, Position(done, clock, position.digest))
        watermark = _fine(await run_chunk(pipeline, store, Chunk(position, tick, [], [], [], {}), watermark)).watermark
        _fine(await run_sweep(pipeline, store, watermark))
        yield await read_values(store, policy, windows=windows, metrics=metrics)


def _fine(answer: Answer) -> Answer:
    if answer.verdict is not Verdict.OK:
        raise AssertionError(answer)  # nobody else writes to this store
    return answer
