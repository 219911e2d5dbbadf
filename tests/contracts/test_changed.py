"""What changed since somebody looked: what `CachedCells` builds on, over every kind of store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import pytest
from redis.asyncio import Redis

from streams.core.model import Bucket, Grain, Rows, Verdict
from streams.core.windows import SPANS, WIDTHS
from streams.embedded.valkey import RedisServer
from streams.export.cells import CachedCells
from streams.store.base import Store
from streams.store.memory import MemoryStore
from streams.store.redis import RedisStore
from tests.contracts.build import EVER, advance, commit, opened
from tests.contracts.conftest import Make
from tests.contracts.test_redis_faults import TORN_BYTES, folder

OLD, NEW, EMPTY = (Grain.DAY, 1), (Grain.DAY, 300), (Grain.DAY, 301)
ALL = (OLD, NEW, EMPTY, EVER)
ONE: Rows = {"visit": {1: 1}}


async def put(store: Store, *buckets: Bucket, n: int = 1) -> None:
    answer = await store.commit(commit(cells={bucket: {"visit": {1: n}} for bucket in buckets}))
    assert answer.verdict is Verdict.OK


async def versions(store: Store) -> dict[Bucket, bytes | None]:
    found = (await store.read_changed(dict.fromkeys(ALL))).buckets
    return {bucket: version for bucket, (version, _) in found.items()}


async def test_only_what_was_written_has_changed(make: Make) -> None:
    store = await opened(make())
    await put(store, OLD, NEW, EVER)
    first = await store.read_changed(dict.fromkeys(ALL))
    assert {bucket: rows for bucket, (_, rows) in first.buckets.items()} == {OLD: ONE, NEW: ONE, EVER: ONE, EMPTY: {}}
    known = await versions(store)
    assert known[EMPTY] is None
    assert (await store.read_changed(known)).buckets == {EMPTY: (None, {})}
    await put(store, OLD)
    changed = (await store.read_changed(known)).buckets
    assert changed.keys() == {OLD, EMPTY}
    version, rows = changed[OLD]
    assert version not in {None, known[OLD]}
    assert rows == {"visit": {1: 2}}


async def test_nothing_named_is_the_watermark_alone(make: Make) -> None:
    store = await opened(make())
    await store.commit(commit(advance(0, 1, 77)))
    assert (await store.read_changed({})).watermark == 77


async def test_a_bucket_that_was_emptied_or_has_expired_has_changed(make: Make) -> None:
    store = await opened(make())
    minute = (Grain.MINUTE, 5)
    await put(store, OLD, EVER, minute)
    buckets: Mapping[Bucket, None] = dict.fromkeys((OLD, EVER, minute))
    known = {bucket: version for bucket, (version, _) in (await store.read_changed(buckets)).buckets.items()}
    await put(store, OLD, n=-1)
    assert (await store.read_changed(known)).buckets == {OLD: (None, {})}
    await store.commit(commit(advance(0, 1, SPANS[Grain.MINUTE] + 6 * WIDTHS[Grain.MINUTE])))
    for _ in range(2):
        assert (await store.read_changed(known)).buckets == {OLD: (None, {}), minute: (None, {})}
        await store.expire(10)


async def test_what_a_refused_commit_asked_for_has_not_changed(make: Make) -> None:
    store = await opened(make())
    await put(store, OLD)
    known = await versions(store)
    refused = await store.commit(commit(definitions="other", cells={OLD: ONE}))
    assert refused.verdict is Verdict.FENCED
    await store.commit(commit(advance(0, 1, 5)))
    assert OLD not in (await store.read_changed(known)).buckets


async def test_no_two_commits_give_the_same_version(make: Make) -> None:
    store = await opened(make())
    seen = set()
    for _ in range(50):
        await put(store, OLD, EVER)
        seen.add((await versions(store))[OLD])
    assert len(seen) == 50


async def test_cached_cells_are_those_of_the_store_and_closed_ones_stay_the_same_objects(make: Make) -> None:
    store = await opened(make())
    cells = CachedCells(make())
    await put(store, OLD, NEW, EVER)
    for restated in (NEW, OLD, EVER):
        _, before = await cells.read(ALL)
        await put(store, restated)
        assert await cells.read(ALL) == await store.read(ALL)
        _, after = await cells.read(ALL)
        assert {bucket for bucket in after if after[bucket] is not before[bucket]} == {restated}
    assert (await cells.read([]))[1] == {}
    assert (await cells.read([NEW, EMPTY]))[1].keys() == {NEW}
    assert await cells.read(ALL) == await store.read(ALL)


async def test_a_store_in_memory_that_went_back_is_seen_to() -> None:
    store = MemoryStore()
    await opened(store)
    cells = CachedCells(store)
    await put(store, OLD)
    kept = store.snapshot()
    await put(store, OLD, NEW)
    await cells.read(ALL)
    store.restore(kept)
    assert await cells.read(ALL) == await store.read(ALL)
    await put(store, OLD, n=5)  # as many commits as there were when the cache looked, but another one
    await put(store, NEW)
    assert await cells.read(ALL) == await store.read(ALL)


@pytest.mark.parametrize("torn_bytes", TORN_BYTES)
async def test_a_server_that_lost_acknowledged_writes_is_seen_to(
    own_server: RedisServer, own_store: RedisStore, torn_bytes: int
) -> None:
    """Afterwards as many other commits come as were lost: whatever counts commits stands where the cache saw it last."""
    await opened(own_store)
    cells = CachedCells(own_store)
    for _ in range(40):
        await own_store.commit(commit(cells={EVER: ONE, OLD: ONE}, outcomes={"commits": 1}))
    assert (await cells.read(ALL))[1][OLD] == {"visit": {1: 40}}
    directory = await folder(own_server)
    own_server.process.kill()
    (file,) = (directory / "appendonlydir").glob("*.incr.aof")
    with file.open("r+b") as log:
        log.truncate(file.stat().st_size - torn_bytes)
    own_server.start()
    await own_store._client.connection_pool.disconnect()
    kept = (await own_store.outcomes())["commits"]
    assert kept < 40
    for _ in range(kept, 40):
        await own_store.commit(commit(cells={EVER: ONE, OLD: {"visit": {1: 3}}}, outcomes={"commits": 1}))
    found = await cells.read(ALL)
    assert found == await own_store.read(ALL)
    assert found[1][OLD] == {"visit": {1: kept + 3 * (40 - kept)}}


async def test_a_commit_in_the_middle_of_a_look_is_seen_whole(server: RedisServer, remote: RedisStore) -> None:
    """Writes to one bucket after another, each just before a round trip of the look: in the end all is of one moment."""
    await opened(remote)
    writer = RedisStore.at(server.url, remote._keys.prefix[1:-2])
    await put(writer, *ALL)
    cells = CachedCells(remote)
    await cells.read(ALL)
    later = iter(ALL)
    pipeline = remote._client.pipeline

    class Late:
        """A pipeline before which somebody else commits."""

        def __init__(self) -> None:
            self._pipe = pipeline(transaction=True)

        def __getattr__(self, name: str) -> object:
            return getattr(self._pipe, name)

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self._pipe.reset()

        async def execute(self) -> object:
            if (bucket := next(later, None)) is not None:
                await put(writer, bucket, EVER)
            return await self._pipe.execute()

    client: Redis = remote._client
    client.pipeline = lambda **_: Late()  # type: ignore[assignment, method-assign]
    found = await cells.read(ALL)
    client.pipeline = pipeline  # type: ignore[method-assign]
    assert found == await writer.read(ALL)
    assert next(later, None) is None
    await writer.close()
