"""Random commits, right and wrong: Redis and Valkey answer and keep what the store in memory does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.model import Advance, Bucket, Commit, Grain, JourneyId, Position, Version, version_of
from streams.core.windows import SPANS, WIDTHS
from streams.embedded.valkey import RedisServer
from streams.export.cells import CachedCells
from streams.store.base import Store
from streams.store.checks import MAX_DELTA
from streams.store.memory import MemoryStore
from streams.store.redis import RedisStore
from tests.contracts.build import BATCH, DEFINITIONS, EVER, SHOP, WEB, commit, everything, identifier, journey
from tests.contracts.conftest import namespace

NUMBERS = range(1, 6)
PARTITIONS = (WEB, SHOP, BATCH)
BLOBS = (b"", b"\x00\xff", b"blob" * 200)
GRAINS = (Grain.MINUTE, Grain.HOUR, Grain.DAY)
BUCKETS: list[Bucket] = [EVER, *((grain, index) for grain in GRAINS for index in (-1, 0, 1, 2))]
CLOCKS = [
    -1,
    0,
    17,
    *(SPANS[grain] + edge * WIDTHS[grain] + late for grain in GRAINS for edge in (0, 1, 2) for late in (-1, 0, 1)),
]
DELTAS = st.sampled_from((-MAX_DELTA, -2, -1, 0, 1, 2, MAX_DELTA))
NAMES = st.sampled_from(["a", "a|market=x", "b", ""])
COUNTERS = st.dictionaries(NAMES, DELTAS, max_size=4)
ROWS = st.dictionaries(NAMES, st.dictionaries(st.sampled_from((1, 2, 3, 33)), DELTAS, max_size=3), max_size=4)
SHARE = st.integers(0, 9)
"""A tenth of something: what is read is mostly read right, else hardly a commit would be accepted."""


@st.composite
def moves(draw: st.DrawFn, stored: dict[Any, Position]) -> Advance | None:
    if draw(SHARE) < 2:
        return None
    partition = draw(st.sampled_from(PARTITIONS))
    offset = stored[partition].offset if partition in stored else 0
    start = max(0, offset + (draw(st.integers(-2, 2)) if draw(SHARE) < 3 else 0))
    end = start + draw(st.integers(0, 3))
    return Advance(partition, start, Position(end, draw(st.sampled_from(CLOCKS)), draw(st.binary(max_size=4))))


@st.composite
def commits(draw: st.DrawFn, state: dict[str, Any]) -> Commit:
    """A commit by somebody who read this state, mostly."""
    watermark, positions = state["positions"]
    read: dict[JourneyId, Version | None] = {}
    for number in draw(st.sets(st.sampled_from(NUMBERS), max_size=4)):
        blob = state["journeys"].get(journey(number))
        if draw(SHARE) == 0:
            blob = draw(st.sampled_from((None, *BLOBS)))
        read[journey(number)] = None if blob is None else version_of(blob)
    made = commit(
        draw(moves(positions)),
        definitions="other" if draw(st.integers(0, 30)) == 0 else DEFINITIONS,
        watermark=watermark + (draw(SHARE) == 0),
        read=read,
        cells=draw(st.dictionaries(st.sampled_from(BUCKETS), ROWS, max_size=5)),
        outcomes=draw(COUNTERS),
    )
    for key in read:
        if draw(st.booleans()):
            made.journeys[key] = draw(st.sampled_from((None, *BLOBS, *BLOBS)))
        if draw(st.booleans()):
            made.due[key] = draw(st.sampled_from((None, -5, 3, 1_000)))
    kept = [key for key, version in read.items() if made.journeys.get(key, version) is not None]
    for number in draw(st.sets(st.sampled_from(NUMBERS), max_size=3)):
        if state["links"][identifier(number)] is None or draw(SHARE) == 0:
            made.absent.add(identifier(number))
        made.links[identifier(number)] = draw(st.sampled_from((None, *kept, *kept)))
    return made


async def both(stores: tuple[Store, Store], cached: Sequence[CachedCells], data: st.DataObject) -> None:
    """One step on the model and on the store, and then everything that both keep, and that caches of them say."""
    model, store = stores
    state = await everything(model, range(1, 7))
    step = data.draw(SHARE)
    if step == 0:
        listed = data.draw(st.dictionaries(st.sampled_from(PARTITIONS), st.integers(0, 3)))
        holding = data.draw(st.sets(st.sampled_from(["web", "shop", "tickets"])))
        disorder_ms = data.draw(st.sampled_from([0, 60_000]))
        answers = [await each.open(DEFINITIONS, listed, holding, disorder_ms) for each in stores]
    elif step == 1:
        assert await store.expire(1_000) == await model.expire(1_000)
        answers = []
    else:
        made = data.draw(commits(state))
        answers = [await each.commit(made) for each in stores]
    assert answers[:1] == answers[1:]
    assert await everything(store, range(1, 7)) == await everything(model, range(1, 7))
    for each, cells in zip(stores, cached, strict=True):
        assert await cells.read(BUCKETS) == await each.read(BUCKETS)


@settings(max_examples=60)
@given(st.data())
def test_random_commits_end_alike(server: RedisServer, data: st.DataObject) -> None:
    async def run() -> None:
        model, store = MemoryStore(), RedisStore.at(server.url, namespace())
        try:
            if data.draw(SHARE):
                for each in (model, store):
                    await each.open(DEFINITIONS, dict.fromkeys(PARTITIONS[:2], 0), ["web", "shop"], 0)
            cached = [CachedCells(model), CachedCells(store)]
            for _ in range(data.draw(st.integers(3, 15))):
                await both((model, store), cached, data)
        finally:
            await store.close()

    asyncio.run(run())
