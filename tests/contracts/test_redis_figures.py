"""What a commit, a load and a link cost. Bounds are wide: they catch another order of magnitude, not a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from streams.core.model import Bucket, Commit, Grain, Identifier, JourneyId, Rows, Verdict, Version, version_of
from streams.embedded.valkey import RedisServer
from streams.store.checks import MAX_WRITES
from streams.store.keys import link_digest
from streams.store.redis import RedisStore, connect
from tests.contracts.build import EVER, advance, commit, identifier, opened
from tests.contracts.conftest import say

JOURNEYS = 500
CHUNKS = 20


async def seconds_of(work: Callable[[], Coroutine[Any, Any, Any]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


def key(number: int) -> JourneyId:
    return JourneyId(link_digest(identifier(number)))


def typical(chunk: int, read: dict[JourneyId, Version | None]) -> Commit:
    """500 journeys of 600 bytes with their deadlines, a new link for each fifth, 1,000 rows in 4 x 10 buckets."""
    blobs = {journey: journey * 37 + b"%08d" % chunk for journey in read}
    new = [Identifier(f"anonymous_id:{chunk}-{number}") for number in range(JOURNEYS // 5)]
    cells: dict[Bucket, Rows] = {
        (grain, index): {f"metric|dimension={n}": {1: n + 1, 5: n} for n in range(25)}
        for grain, indexes in ((Grain.MINUTE, 27), (Grain.HOUR, 10), (Grain.DAY, 2), (Grain.EVER, 1))
        for index in ([0] if grain is Grain.EVER else range(chunk, chunk + indexes))
    }
    return commit(
        advance(chunk, chunk + 1, 1_000 + chunk),
        watermark=999 + chunk if chunk else -1,
        read=read,
        absent=set(new),
        journeys=dict(blobs),
        links=dict(zip(new, read, strict=False)),
        due={journey: chunk + number for number, journey in enumerate(read)},
        cells=cells,
        outcomes={"applied": 2_000},
    )


async def test_a_typical_chunk(request: pytest.FixtureRequest, server: RedisServer, remote: RedisStore) -> None:
    await opened(remote)
    ids = [key(number) for number in range(JOURNEYS)]
    read: dict[JourneyId, Version | None] = dict.fromkeys(ids)
    committing = loading = 0.0
    async with connect(server.url) as client:
        await client.config_resetstat()
        for chunk in range(CHUNKS):
            made = typical(chunk, read)
            committing += await seconds_of(lambda made=made: accepted(remote, made))  # type: ignore[misc]
            loading += await seconds_of(lambda: remote.load([identifier(n) for n in range(3 * JOURNEYS)], ids))
            read = {journey: None if blob is None else version_of(blob) for journey, blob in made.journeys.items()}
        spent: Any = await client.info("commandstats")
    inside = spent["cmdstat_fcall"]["usec_per_call"]
    say(
        request,
        f"{server.process.name}: chunk of 500 journeys, 500 deadlines, 100 links, 1,000 rows: commit "
        f"{committing / CHUNKS * 1e6:,.0f} us ({inside:,.0f} us inside), load of 1,500 identifiers {loading / CHUNKS * 1e6:,.0f} us",
    )
    assert committing / CHUNKS < 0.25


async def accepted(store: RedisStore, made: Commit) -> None:
    assert (await store.commit(made)).verdict is Verdict.OK


async def test_the_largest_commit(request: pytest.FixtureRequest, server: RedisServer, remote: RedisStore) -> None:
    await opened(remote)
    one_bucket = commit(cells={EVER: {f"name|dimension={n}": {1: n + 1} for n in range(MAX_WRITES)}})
    half = MAX_WRITES // 2
    ids: dict[JourneyId, Version | None] = {key(number): None for number in range(half)}
    spread = commit(read=ids, journeys=dict.fromkeys(ids, b"x" * 600), due=dict.fromkeys(ids, 5))
    for name, made in (("counters", one_bucket), ("journeys and deadlines", spread)):
        took = await seconds_of(lambda made=made: accepted(remote, made))  # type: ignore[misc]
        say(request, f"{server.process.name}: {MAX_WRITES:,} writes ({name}): {took * 1e3:.0f} ms")
        assert took < 2


@pytest.mark.parametrize("links", [10_000, 100_000])
async def test_bytes_of_a_link(
    request: pytest.FixtureRequest, own_server: RedisServer, own_store: RedisStore, links: int
) -> None:
    await opened(own_store)
    read: dict[JourneyId, Version | None] = {key(0): None}
    journeys: dict[JourneyId, bytes | None] = {key(0): b""}
    await accepted(own_store, commit(read=read, journeys=journeys))
    read[key(0)] = version_of(b"")
    async with connect(own_server.url) as client:
        before = int((await client.info("memory"))["used_memory"])
        for first in range(0, links, 10_000):
            many = {identifier(number): key(0) for number in range(first, first + 10_000)}
            await accepted(own_store, commit(read=read, links=dict(many)))
        after = int((await client.info("memory"))["used_memory"])
        encoding = await client.object("ENCODING", "{shop}:l:000")
    each = (after - before) / links
    say(request, f"{own_server.process.name}: {links:,} links: {each:.0f} bytes each")
    assert encoding == b"listpack"
    assert each < 200
