"""What the exporter takes at its series budget, with cells in as many days as are kept: `python -m streams.bench.exporter`.

A namespace is filled with cells of every kind in all grains. Timed are a refresh with nothing in memory; refreshes after a
commit each, to now and to a day long closed; reading and adding up everything, as each refresh would have to without memory;
and scrapes over HTTP, some of them while refreshes go on. Beside them, in the same run, client_python writes as many plain
gauges: absolute figures say as much about the machine as about the code.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection

import msgspec
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from streams.bench import servers
from streams.bench.cells import NOW, Filler, policy_of
from streams.core.policy import DAY, Policy
from streams.embedded import ServerError
from streams.export.exposition import PROMETHEUS
from streams.export.reader import read_values
from streams.export.server import Exporter
from streams.store.redis import RedisStore

NAMESPACE = "bench"
REFRESHES = 5
SCRAPES = 20
SCRAPE_SECONDS = 30.0
DAYS, MARKETS = 400, 50


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON. Times are medians in ms; a refresh renders, too. plain_ms: client_python writing as many plain gauges."""

    series: int
    series_dropped: int
    buckets: int
    first_refresh_ms: float
    refresh_ms: float
    read_everything_ms: float
    scrape_ms: float
    scrape_during_refresh_ms: float
    page_mb: float
    plain_ms: float
    refresh_ratio: float
    scrape_ratio: float
    store: str


def main(arguments: Sequence[str]) -> int:
    """0, or 1 where no server can be had: the sentence that says so goes to stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m streams.bench.exporter", description="Refreshes and scrapes of the exporter."
    )
    parser.add_argument("--days", type=int, default=DAYS, help=f"days with cells ({DAYS}: as long as they are kept)")
    parser.add_argument(
        "--markets", type=int, default=MARKETS, help=f"values of the largest dimension ({MARKETS}: the whole budget)"
    )
    options = parser.parse_args(arguments)
    try:
        with servers.store() as (url, name):
            sys.stderr.write(f"bench    {name}\n")
            figures = asyncio.run(_measure(url, name, options.days, options.markets))
    except ServerError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    for line in _lines(figures):
        sys.stdout.write(line + "\n")
    return 0


async def _measure(url: str, name: str, days: int, markets: int) -> Figures:
    policy = policy_of(markets)
    store, writer = (RedisStore.at(url, NAMESPACE) for _ in range(2))
    try:
        filler = Filler(writer, policy)
        await filler.fill(days)
        buckets = len(await store.buckets())
        exporter = Exporter(store, policy, port=0, interval_seconds=3_600.0)
        first = await _refresh(exporter)
        async with exporter:
            page = await asyncio.to_thread(_scrape, exporter.port)
            lines = page.decode().splitlines()
            series = sum(line.startswith("journey_rolling") for line in lines)
            registry = _plain_gauges(series)
            refreshes, plains, everythings = [], [], []
            for number in range(REFRESHES):  # in turn, because a busy machine is busier at one time than at another
                await filler.book([NOW, NOW - (10 + number) * DAY])
                refreshes.append(await _refresh(exporter))
                plains.append(_timed(lambda: generate_latest(registry)))
                everythings.append(await _read_everything(store, policy))
            scrapes = [await _timed_scrape(exporter.port) for _ in range(SCRAPES)]
            meanwhile = await _scrapes_during_refreshes(exporter, filler)
    finally:
        await store.close()
        await writer.close()
    plain, refresh, scrape = (statistics.median(times) for times in (plains, refreshes, scrapes))
    (dropped,) = (line for line in lines if line.startswith("journey_exporter_series_dropped "))
    return Figures(
        series=series,
        series_dropped=int(float(dropped.split()[1])),
        buckets=buckets,
        first_refresh_ms=round(first, 1),
        refresh_ms=round(refresh, 1),
        read_everything_ms=round(statistics.median(everythings), 1),
        scrape_ms=round(scrape, 2),
        scrape_during_refresh_ms=round(statistics.median(meanwhile), 2),
        page_mb=round(len(page) / 1e6, 2),
        plain_ms=round(plain, 1),
        refresh_ratio=round(refresh / plain, 2),
        scrape_ratio=round(scrape / plain, 3),
        store=name,
    )


async def _refresh(exporter: Exporter) -> float:
    started = time.perf_counter()
    await exporter.refresh()
    return _ms_since(started)


async def _read_everything(store: RedisStore, policy: Policy) -> float:
    started = time.perf_counter()
    await read_values(store, policy)
    return _ms_since(started)


async def _scrapes_during_refreshes(exporter: Exporter, filler: Filler) -> list[float]:
    scrapes = []
    for _ in range(REFRESHES):
        await filler.book([NOW])
        refreshing = asyncio.create_task(_refresh(exporter))
        while not refreshing.done():
            scrapes.append(await _timed_scrape(exporter.port))
        await refreshing
    return scrapes


async def _timed_scrape(port: int) -> float:
    return await asyncio.to_thread(_timed, lambda: _scrape(port))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return _ms_since(started)


def _scrape(port: int) -> bytes:
    with closing(HTTPConnection("127.0.0.1", port, timeout=SCRAPE_SECONDS)) as connection:
        connection.request("GET", "/metrics", headers={"Accept": PROMETHEUS})
        return connection.getresponse().read()


def _plain_gauges(series: int) -> CollectorRegistry:
    """So many gauges with labels like ours."""
    registry = CollectorRegistry()
    names = ("metric", "window", "stat", "dimension", "value")
    gauge = Gauge("plain", "As many series as the exporter has", names, registry=registry)
    for number in range(series):
        gauge.labels("conversion_rate", "24h", "value", "market", f"market-{number}").set(number / 7)
    return registry


def _ms_since(started: float) -> float:
    return 1_000 * (time.perf_counter() - started)


def _lines(figures: Figures) -> Iterator[str]:
    """The table, then the JSON."""
    yield f"{figures.series:,} series ({figures.series_dropped:,} dropped), {figures.buckets:,} buckets; {figures.store}"
    for label, value in (
        ("first refresh", figures.first_refresh_ms),
        ("refresh", figures.refresh_ms),
        ("reading everything", figures.read_everything_ms),
        ("scrape", figures.scrape_ms),
        ("scrape during refresh", figures.scrape_during_refresh_ms),
        ("as many plain gauges", figures.plain_ms),
    ):
        yield f"{label:24}{value:>10,.1f}  ms"
    yield f"{'page':24}{figures.page_mb:>10.2f}  MB"
    yield f"{'refresh / plain gauges':24}{figures.refresh_ratio:>10.2f}"
    yield f"{'scrape / plain gauges':24}{figures.scrape_ratio:>10.3f}"
    yield msgspec.json.encode(figures).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
