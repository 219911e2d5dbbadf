"""The exporter on Redis and on Valkey: what late touchpoints restate, what a failover takes back, and an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from redis.exceptions import RedisError

from streams.core.definitions import definitions_digest
from streams.core.fields import PLACES
from streams.core.model import Advance, Bucket, Commit, Grain, Partition, Position, Rows, Verdict
from streams.core.policy import DAY, HOUR, MINUTE, Policy
from streams.core.windows import EVER
from streams.embedded.valkey import RedisServer
from streams.export.server import Exporter
from streams.store.redis import RedisStore
from tests.contracts.conftest import namespace
from tests.contracts.test_redis_faults import folder
from tests.export.scraping import Samples, fetch, get, parsed, until

POLICY = Policy()
DEFINITIONS = definitions_digest(POLICY, [])
PARTITION = Partition("touchpoints", 0)
NOW = int(datetime.fromisoformat("2024-05-06T10:30:20Z").timestamp() * 1000)
ROW, SLOT = PLACES["orders"]


def orders(at: int, n: int = 1) -> Mapping[Bucket, Rows]:
    """Cells of n orders, with a breakdown."""
    rows: Rows = {ROW: {SLOT: n}, f"{ROW}|device=mobile": {SLOT: n}}
    return dict.fromkeys(((Grain.MINUTE, at // MINUTE), (Grain.HOUR, at // HOUR), (Grain.DAY, at // DAY), EVER), rows)


async def put(store: RedisStore, cells: Mapping[Bucket, Rows]) -> None:
    """Commits cells; the clock stands at NOW."""
    watermark, positions = await store.positions()
    start = positions[PARTITION].offset
    move = Advance(PARTITION, start, Position(start + 1, NOW))
    answer = await store.commit(Commit(DEFINITIONS, watermark, move, {}, set(), {}, {}, {}, dict(cells), {}))
    assert answer.verdict is Verdict.OK


@asynccontextmanager
async def exporting(server: RedisServer) -> AsyncIterator[tuple[RedisStore, Exporter]]:
    """A store with one order, and an exporter that refreshes only when it is told to; each has its own connections."""
    name = namespace()
    writer, reader = (RedisStore.at(server.url, name) for _ in range(2))
    try:
        await writer.open(DEFINITIONS, {PARTITION: 0}, [PARTITION.topic])
        await put(writer, orders(NOW))
        async with Exporter(reader, POLICY, port=0, interval_seconds=3_600) as exporter:
            await until(exporter.ready)
            yield writer, exporter
    finally:
        await writer.close()
        await reader.close()


async def until_written(store: RedisStore) -> None:
    """Waits until the log has all that was committed: where a disk is slow, Redis keeps it back for up to two seconds."""
    while (await store._client.info("persistence"))["aof_buffer_length"]:  # noqa: ASYNC110 -- another process's
        await asyncio.sleep(0.01)


async def scraped(exporter: Exporter) -> Samples:
    await exporter.refresh()
    return parsed((await fetch(exporter.port, "/metrics"))[2])


def counted(samples: Samples) -> dict[str, float | None]:
    return {
        window: get(samples, "journey_rolling", metric="orders", window=window, stat="value")
        for window in ("5m", "24h", "7d", "28d", "all")
    }


async def test_what_restates_an_old_day_is_in_the_next_snapshot(server: RedisServer) -> None:
    async with exporting(server) as (store, exporter):
        await put(store, orders(NOW - 20 * DAY))
        assert counted(await scraped(exporter)) == {"5m": 1, "24h": 1, "7d": 1, "28d": 2, "all": 2}
        await put(store, orders(NOW - 20 * DAY))
        await put(store, orders(NOW - 3 * DAY))
        samples = await scraped(exporter)
        assert counted(samples) == {"5m": 1, "24h": 1, "7d": 2, "28d": 4, "all": 4}
        by = {"metric": "orders", "window": "28d", "dimension": "device", "value": "mobile"}
        assert get(samples, "journey_rolling_by", **by, stat="value") == 4
        await put(store, orders(NOW - 20 * DAY, -2))
        assert counted(await scraped(exporter)) == {"5m": 1, "24h": 1, "7d": 2, "28d": 2, "all": 2}


async def test_after_a_failover_that_lost_writes_the_figures_are_those_of_the_store(own_server: RedisServer) -> None:
    """The same number of commits again, with other orders in them, before the exporter looks."""
    async with exporting(own_server) as (store, exporter):
        before = (await folder(own_server) / "appendonlydir").glob("*.incr.aof")
        (file,) = before
        for _ in range(5):
            await put(store, orders(NOW - 20 * DAY))
        await until_written(store)
        kept = file.stat().st_size
        for _ in range(5):
            await put(store, orders(NOW - 20 * DAY))
        assert counted(await scraped(exporter))["28d"] == 11
        own_server.process.kill()
        with file.open("r+b") as log:
            log.truncate(kept)
        own_server.start()
        await store._client.connection_pool.disconnect()
        watermark, positions = await store.positions()
        assert (watermark, positions[PARTITION].offset) == (NOW, 6)
        await exporter.refresh()  # on a connection that died
        for _ in range(5):
            await put(store, orders(NOW - 20 * DAY, 100))
        assert counted(await scraped(exporter))["28d"] == 6 + 500


async def test_an_outage_leaves_the_last_snapshot_until_it_is_stale(own_server: RedisServer) -> None:
    async with exporting(own_server) as (store, exporter):
        own_server.process.kill()
        samples = await scraped(exporter)
        assert counted(samples)["all"] == 1
        assert get(samples, "journey_exporter_refresh_failures_total") == 1
        own_server.start()
        for _ in range(2):  # the connections that died say so once
            try:
                await put(store, orders(NOW))
            except RedisError:
                continue
            break
        await exporter.refresh()
        assert counted(await scraped(exporter))["all"] == 2
