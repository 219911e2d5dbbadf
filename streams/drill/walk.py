"""A walk through event time: records folded in memory, and at each step the figures that the exporter would read.

The records lie on one partition in order of arrival; their timestamps are the record clock. At each moment the clock is set
to it, as on a partition that is caught up, every deadline until then enters, and the values are read at the watermark.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from streams.core.model import Record
from streams.core.policy import Policy, TopicPolicy
from streams.export.reader import Reading, read_values
from streams.fold import CHUNK_RECORDS, Folding


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
    folding, done = await Folding.begin(topic, policy), 0
    for moment in moments:
        clock = moment + policy.disorder_ms
        end = bisect_right(records, clock, lo=done, key=lambda record: record.timestamp)
        for start in range(done, end, CHUNK_RECORDS):
            await folding.take(records[start : min(start + CHUNK_RECORDS, end)])
        done = end
        await folding.settle(clock)
        yield await read_values(folding.store, policy, windows=windows, metrics=metrics)
