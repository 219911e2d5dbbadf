"""The exporter over HTTP: what lies ready is served, and probes say how it is; its store is in memory here."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from streams.core.definitions import definitions_digest
from streams.core.model import Advance, Bucket, Commit, Partition, Position, Rows
from streams.core.policy import Policy
from streams.export.exposition import MOST_PAGES, PROMETHEUS
from streams.export.server import Exporter
from streams.store.base import Changed
from streams.store.memory import MemoryStore
from tests.export.scraping import Samples, ask, fetch, get, parsed, until

POLICY = Policy()
DEFINITIONS = definitions_digest(POLICY, [])
FAILURES = "journey_exporter_refresh_failures_total"
OPENMETRICS = "application/openmetrics-text"


def failures(exporter: Exporter) -> float:
    return exporter.registry.get_sample_value(FAILURES) or 0


async def page(exporter: Exporter) -> Samples:
    return parsed((await fetch(exporter.port, "/metrics"))[2])


async def test_served_over_http() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0, interval_seconds=0.05) as exporter:
        status, content_type, text = await fetch(exporter.port, "/metrics?name=x")
        assert (status, content_type.split(";")[0]) == (200, "text/plain")
        assert get(parsed(text), "journey_rolling", metric="visits", window="1h", stat="value") == 0
        assert get(parsed(text), FAILURES) == 0
        assert get(parsed(text), "journey_clock_info", clock="live") == 1
        assert await fetch(exporter.port, "/livez") == (200, "text/plain; charset=utf-8", "ok\n")
        assert await fetch(exporter.port, "/readyz") == (200, "text/plain; charset=utf-8", "ok\n")
        assert (await fetch(exporter.port, "/"))[0] == 404
        port = exporter.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.parametrize("accept", ["", "text/plain", "text/plain;version=1.0.0;escaping=allow-utf-8", OPENMETRICS, PROMETHEUS])
async def test_formats_and_packing_are_negotiated_as_the_client_library_does(accept: str) -> None:
    async with Exporter(MemoryStore(), POLICY, port=0) as exporter:
        encode, content_type = choose_encoder(accept)
        status, headers, body = await ask(exporter.port, "/metrics", {"Accept": accept})
        assert (status, headers["Content-Type"], headers["Content-Encoding"]) == (200, content_type, None)
        assert body == encode(exporter.registry)
        _, headers, packed = await ask(exporter.port, "/metrics", {"Accept": accept, "Accept-Encoding": "deflate, gzip;q=0.9"})
        assert (headers["Content-Type"], headers["Content-Encoding"]) == (content_type, "gzip")
        assert gzip.decompress(packed) == body
        if OPENMETRICS in content_type:
            families = {family.name for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
            assert {"journey_rolling", "journey_rolling_by", "journey_definitions"} <= families


class CountingRegistry(CollectorRegistry):
    """Counts how often it was rendered."""

    rendered = 0

    def collect(self) -> Iterable[Metric]:
        self.rendered += 1
        return super().collect()


async def test_scrapes_render_nothing_between_two_snapshots() -> None:
    registry = CountingRegistry()
    async with Exporter(MemoryStore(), POLICY, port=0, interval_seconds=60, registry=registry) as exporter:
        first = await fetch(exporter.port, "/metrics")
        before = registry.rendered
        for _ in range(10):
            assert await fetch(exporter.port, "/metrics") == first
            await ask(exporter.port, "/metrics", {"Accept": PROMETHEUS, "Accept-Encoding": "gzip"})
        assert registry.rendered == before
        await exporter.refresh()
        assert registry.rendered == before + 2
        assert await fetch(exporter.port, "/metrics") != first
        assert registry.rendered == before + 2


async def test_made_up_formats_are_answered_and_not_kept_ready() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0, interval_seconds=60) as exporter:
        for minor in range(3 * MOST_PAGES):
            status, headers, _ = await ask(exporter.port, "/metrics", {"Accept": f"{OPENMETRICS};version=1.{minor}.0"})
            assert (status, f"version=1.{minor}.0" in headers["Content-Type"]) == (200, True)
        assert len(exporter._exposition._pages) == MOST_PAGES


async def test_a_format_that_nobody_wants_any_more_is_not_rendered_on() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0, interval_seconds=60) as exporter:
        await fetch(exporter.port, "/metrics")
        exposition = exporter._exposition
        for rendered in exposition._pages.values():
            rendered.asked -= 10_000
        exposition.renew()
        assert exposition._pages == {}
        assert (await fetch(exporter.port, "/metrics"))[0] == 200
        assert len(exposition._pages) == 1


class Slow(MemoryStore):
    """A store whose reads wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def read_changed(self, known: Mapping[Bucket, bytes | None]) -> Changed:
        await self.may_go_on.wait()
        return await super().read_changed(known)


async def test_a_scrape_does_not_wait_for_the_store() -> None:
    store = Slow()
    async with Exporter(store, POLICY, port=0, interval_seconds=0.01) as exporter:
        store.may_go_on.clear()
        assert get(await page(exporter), "journey_rolling", metric="visits", window="1h", stat="n") == 0
        assert exporter.ready()


async def test_a_scrape_does_not_wait_for_a_rendering() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0, interval_seconds=60) as exporter:
        first = await fetch(exporter.port, "/metrics")
        held, rendering, render = threading.Event(), threading.Event(), exporter._exposition._render

        def hold(*arguments: object) -> object:
            rendering.set()
            held.wait(20)
            return render(*arguments)  # type: ignore[arg-type]

        exporter._exposition._render = hold  # type: ignore[assignment, method-assign]
        refreshing = asyncio.create_task(exporter.refresh())
        try:
            await until(rendering.is_set)
            assert await fetch(exporter.port, "/metrics") == first
        finally:
            held.set()
            await refreshing
        assert await fetch(exporter.port, "/metrics") != first


async def test_values_that_have_become_stale_are_withheld_although_nothing_is_refreshed() -> None:
    store = Slow()
    async with Exporter(store, POLICY, port=0, interval_seconds=0.01, stale_seconds=0.3) as exporter:
        await until(exporter.ready)
        store.may_go_on.clear()
        await until(lambda: not exporter.ready())
        samples = await page(exporter)
        assert not any(name.startswith("journey_rolling") for name, _ in samples)
        assert get(samples, "journey_snapshot_timestamp_seconds") is not None
        status, _, text = await fetch(exporter.port, "/readyz")
        assert (status, "s old" in text) == (503, True)
        store.may_go_on.set()
        async with asyncio.timeout(20):
            while not any(name.startswith("journey_rolling") for name, _ in await page(exporter)):  # noqa: ASYNC110 - as a scraper sees it
                await asyncio.sleep(0.01)


async def test_standing_still_is_a_series_and_no_reason_to_be_out_of_service() -> None:
    store, partition = MemoryStore(), Partition("web", 0)
    async with Exporter(store, POLICY, port=0, interval_seconds=60) as exporter:

        async def progress() -> float:
            await exporter.refresh()
            return get(await page(exporter), "journey_progress_timestamp_seconds") or 0

        first = await progress()
        assert await progress() == first
        assert exporter.ready()
        await store.open(DEFINITIONS, {partition: 0}, ["web"])
        opened = await progress()
        assert first < opened <= time.time()
        tick = Advance(partition, 0, Position(0, 99))
        await store.commit(Commit(DEFINITIONS, -1, tick, {}, set(), {}, {}, {}, {}, {}))
        ticked = await progress()
        assert opened < ticked
        assert await progress() == ticked


async def test_cells_of_another_version_are_never_taken_for_ours() -> None:
    store = MemoryStore()
    async with Exporter(store, POLICY, port=0, interval_seconds=60) as exporter:
        assert exporter.ready()
        await store.open("0" * len(DEFINITIONS), {Partition("web", 0): 0}, ["web"])
        await exporter.refresh()
        status, _, text = await fetch(exporter.port, "/readyz")
        assert (status, text.count("another version"), text.count("\n")) == (503, 1, 1)
        assert not any(name.startswith("journey_rolling") for name, _ in await page(exporter))
        assert failures(exporter) == 1
        assert exporter.live()


class Broken(MemoryStore):
    async def read_changed(self, known: Mapping[Bucket, bytes | None]) -> Changed:
        del known
        raise ConnectionError("the store is away")


async def test_a_store_that_is_away_makes_it_unready_and_keeps_it_alive() -> None:
    exporter = Exporter(Broken(), POLICY, port=0, interval_seconds=0.01)
    async with exporter:
        await until(lambda: failures(exporter) > 2)
        assert (await fetch(exporter.port, "/livez"))[0] == 200
        assert (await fetch(exporter.port, "/readyz"))[::2] == (503, "nothing was read yet\n")
        samples = await page(exporter)
        assert not any(name.startswith("journey_rolling") for name, _ in samples)
        assert (get(samples, FAILURES) or 0) > 2
    assert not exporter.live()


class Stubborn(MemoryStore):
    """Turns a cancellation into a timeout, as a client library may."""

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            raise TimeoutError from error
        return await super().read(buckets)


async def test_it_ends_even_when_a_read_swallows_the_cancellation() -> None:
    async with asyncio.timeout(20):
        async with Exporter(Stubborn(), POLICY, port=0, interval_seconds=60) as exporter:
            await asyncio.sleep(0.05)
        assert not exporter.live()


async def test_told_to_end_while_it_starts_it_leaves_nothing_behind() -> None:
    exporter = Exporter(Stubborn(), POLICY, port=0)

    async def start() -> None:
        async with exporter:
            pytest.fail("the store does not answer")

    starting = asyncio.create_task(start())
    await until(lambda: exporter.port != 0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not exporter.live()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", exporter.port), timeout=1)


async def test_who_stops_waiting_does_not_stop_it() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0) as exporter:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(exporter.wait(), 0.05)
        assert exporter.live()


async def test_a_taken_port_is_an_error_at_start() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0) as first:
        with pytest.raises(OSError, match="in use"):
            async with Exporter(MemoryStore(), POLICY, port=first.port):
                pass


async def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0) as exporter:
        with socket.create_connection(("127.0.0.1", exporter.port), timeout=5):
            pass
        with pytest.raises(OSError, match=r"refused|unreachable|assign|timed out"):
            socket.create_connection(("127.0.0.2", exporter.port), timeout=5)
