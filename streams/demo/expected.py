"""What should come out: the demo's records folded in memory, while the worker reads them from the broker.

`python -m streams.demo.expected FILE` writes the canonical dump to FILE; the settings say what the topics are. It runs in a
process of its own, so that the screen goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from streams.core.definitions import definitions_digest
from streams.core.model import Advance, Answer, Partition, Position, Record, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import Policy, TopicPolicy
from streams.core.workspace import Workspace
from streams.demo.content import END, Item, content
from streams.drive import run_chunk, run_sweep
from streams.store.dump import canonical_dump
from streams.store.memory import MemoryStore

CHUNK_RECORDS = 2_000


async def fold_items(items: Iterable[Item], topics: tuple[TopicPolicy, ...], policy: Policy, until: int) -> str:
    """The canonical dump of these records at `until` (ms), each topic being one partition."""
    definitions = definitions_digest(policy, topics)
    pipeline = Pipeline(policy, definitions, topics, Workspace(capacity=1_000_000))
    store = MemoryStore()
    partitions = [Partition(topic.name, 0) for topic in topics]
    await store.open(definitions, dict.fromkeys(partitions, 0), [topic.name for topic in topics], policy.disorder_ms)
    positions = dict.fromkeys(partitions, Position(0))
    watermark = -1
    for topic, records in _chunks(items):
        partition = partitions[topic]
        before = positions[partition]
        numbered = [_record(item, before.offset + index) for index, item in enumerate(records)]
        chunk = pipeline.decode(partition, before.offset, before.offset + len(numbered), numbered, before)
        watermark = _fine(await run_chunk(pipeline, store, chunk, watermark)).watermark
        positions[partition] = chunk.advance.position
    for partition, before in positions.items():
        advance = Advance(partition, before.offset, Position(before.offset, until + policy.disorder_ms, before.digest))
        watermark = _fine(await run_chunk(pipeline, store, Chunk(before, advance, [], [], [], {}), watermark)).watermark
    _fine(await run_sweep(pipeline, store, watermark))
    return await canonical_dump(store, policy)


def _chunks(items: Iterable[Item]) -> Iterator[tuple[int, list[Item]]]:
    for topic, run in groupby(items, key=lambda item: item.topic):
        records = list(run)
        for start in range(0, len(records), CHUNK_RECORDS):
            yield topic, records[start : start + CHUNK_RECORDS]


def _record(item: Item, offset: int) -> Record:
    return Record(offset, item.arrival_ms, item.value, item.key, item.headers)


def _fine(answer: Answer) -> Answer:
    if answer.verdict is not Verdict.OK:
        raise AssertionError(answer)  # nobody else writes to this store
    return answer


def main(target: Path) -> None:
    """Writes the dump in one step, so that a file that is there is whole."""
    from streams.settings import load_settings  # noqa: PLC0415 -- only this process reads settings by itself

    settings = load_settings()
    shop, clicks = settings.topic_policies
    policy = settings.policy()
    items = [item for item in content((shop, clicks), policy) if item.arrival_ms <= END]
    dump = asyncio.run(fold_items(items, (shop, clicks), policy, END))
    partial = target.with_suffix(".partial")
    partial.write_text(dump, "utf-8")
    partial.rename(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
