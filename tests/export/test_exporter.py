"""The exporter as Prometheus sees it: served over HTTP, read back by the client library's own parser."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from streams.core.catalogue import METRICS, Kind
from streams.core.metrics import compute
from streams.core.model import Bucket, Grain, Rows
from streams.core.policy import DAY, HOUR, MINUTE, Policy
from streams.core.windows import EVER
from streams.export.collector import SERIES_BUDGET, RollingCollector, Snapshot
from streams.export.reader import Reading
from streams.export.server import Exporter
from streams.store.memory import MemoryStore

POLICY = Policy()
NOW = 1_715_000_000_000
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def reading(fields: dict[str, int]) -> Reading:
    buckets: list[Bucket] = [(Grain.MINUTE, NOW // MINUTE), (Grain.HOUR, NOW // HOUR), (Grain.DAY, NOW // DAY), EVER]
    return Reading(NOW, NOW, compute(NOW, dict.fromkeys(buckets, fields), POLICY))


def parsed(text: str) -> Samples:
    samples: list[Sample] = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples), "two samples with the same labels"
    return found


def scrape(snapshot: Snapshot | None, clock: Callable[[], float] = time.time, budget: int = SERIES_BUDGET) -> Samples:
    registry = CollectorRegistry()
    registry.register(RollingCollector(lambda: snapshot, clock=clock, budget=budget))
    return parsed(generate_latest(registry).decode())


def get(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


async def fetch(port: int, path: str) -> tuple[int, str, str]:
    def ask() -> tuple[int, str, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    return await asyncio.to_thread(ask)


def test_totals_and_breakdowns() -> None:
    fields = {
        "visits": 8,
        "visits_converted": 2,
        "visits|device=mobile": 3,
        "attempts|task=cart": 4,
        "attempts|task=cart|device=mobile": 1,
        "revenue|currency=EUR": 50_000,
        "queue_wait.n": 1,
        "queue_wait.p120": 1,
        "queue_wait.sum": 120_000,
        "queue_wait.n|medium=phone": 1,
        "queue_wait.p120|medium=phone": 1,
    }
    samples = scrape(Snapshot(reading(fields), time.time()))
    rate = {"metric": "conversion_rate", "window": "24h"}
    assert get(samples, "journey_rolling", **rate, stat="value") == 0.25
    assert get(samples, "journey_rolling", **rate, stat="numerator") == 2
    assert get(samples, "journey_rolling", **rate, stat="denominator") == 8
    assert get(samples, "journey_rolling", **rate, stat="n") == 8
    assert 0 < (get(samples, "journey_rolling", **rate, stat="low") or 0) < 0.25
    assert get(samples, "journey_rolling", metric="task_success_rate", window="5m", task="cart", stat="n") == 4
    assert get(samples, "journey_rolling", metric="revenue", window="all", currency="EUR", stat="value") == 5
    assert get(samples, "journey_rolling", metric="queue_wait_seconds", window="1h", stat="mean") == 120
    assert get(samples, "journey_rolling", metric="queue_wait_seconds", window="1h", stat="p90") == pytest.approx(120, rel=0.02)
    by = {"metric": "visits", "dimension": "device", "value": "mobile"}
    assert get(samples, "journey_rolling_by", **by, window="24h", stat="n") == 3
    assert get(samples, "journey_rolling_by", **by, window="5m", stat="n") is None
    assert get(samples, "journey_rolling_by", **by, window="1h", stat="low") is None
    task = {"metric": "task_success_rate", "task": "cart", "dimension": "device", "value": "mobile"}
    assert get(samples, "journey_rolling_by", **task, window="28d", stat="value") == 0
    wait = {"metric": "queue_wait_seconds", "dimension": "medium", "value": "phone", "window": "1h"}
    assert get(samples, "journey_rolling_by", **wait, stat="p50") == pytest.approx(120, rel=0.02)
    assert get(samples, "journey_watermark_timestamp_seconds") == NOW / 1000
    assert all(value == value for value in samples.values())  # noqa: PLR0124 - only NaN differs from itself


def test_every_declared_total_is_there_before_anything_happened() -> None:
    samples = scrape(Snapshot(Reading(-1, None, compute(-1, {}, POLICY)), time.time()))
    for metric in METRICS:
        definition = [
            labels for name, labels in samples if name == "journey_definitions_info" and ("metric", metric.name) in labels
        ]
        assert len(definition) == 1
        if metric.always == "currency":
            continue
        labels = {"task": "checkout"} if metric.always else {}
        for window in metric.windows:
            assert get(samples, "journey_rolling", metric=metric.name, window=window, stat="n", **labels) == 0
            value = get(samples, "journey_rolling", metric=metric.name, window=window, stat="value", **labels)
            assert value == (0 if metric.kind in {Kind.COUNT, Kind.STOCK} else None)
    assert get(samples, "journey_watermark_timestamp_seconds") is None


def test_stale_values_are_withheld_and_their_age_is_not() -> None:
    snapshot = Snapshot(reading({"visits": 1}), 1_000.0)
    fresh, stale = scrape(snapshot, lambda: 1_060.0), scrape(snapshot, lambda: 1_060.5)
    assert get(fresh, "journey_rolling", metric="visits", window="1h", stat="value") == 1
    assert not any(name.startswith("journey_rolling") for name, _ in stale)
    assert get(stale, "journey_snapshot_timestamp_seconds") == 1_000


def test_what_exceeds_the_budget_is_dropped_smallest_first_and_counted() -> None:
    fields = {f"visits|market=m{number}": number + 1 for number in range(6_000)} | {"visits": 1}
    started = time.perf_counter()
    samples = scrape(Snapshot(reading(fields), time.time()))
    seconds = time.perf_counter() - started
    rolling = [labels for name, labels in samples if name.startswith("journey_rolling")]
    assert len(rolling) <= SERIES_BUDGET
    assert len(rolling) > SERIES_BUDGET - 2
    exported = len([name for name, _ in samples if name == "journey_rolling_by"])
    everything = 4 * 3 * 2 * 6_000  # visits and the three rates per visit, windows, stats
    assert get(samples, "journey_exporter_series_dropped") == everything - exported
    assert get(samples, "journey_rolling", metric="visits", window="5m", stat="value") == 1
    by = {"metric": "visits", "window": "1h", "stat": "n", "dimension": "market"}
    assert get(samples, "journey_rolling_by", **by, value="m5999") == 6_000
    assert get(samples, "journey_rolling_by", **by, value="m0") is None
    assert seconds < 10


def test_registering_does_no_io_and_sees_clashes() -> None:
    def no_io() -> Snapshot | None:
        raise AssertionError("describe must not look at values")

    RollingCollector(no_io).describe()
    registry = CollectorRegistry()
    Gauge("journey_watermark_timestamp_seconds", "taken", registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(RollingCollector(lambda: None))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is seen from outside, as a scraper sees it
            await asyncio.sleep(0.01)


async def test_served_over_http() -> None:
    async with Exporter(MemoryStore(), POLICY, port=0, interval_seconds=0.05) as exporter:
        await until(exporter.ready)
        status, content_type, text = await fetch(exporter.port, "/metrics?name=x")
        assert (status, content_type.split(";")[0]) == (200, "text/plain")
        assert get(parsed(text), "journey_rolling", metric="visits", window="1h", stat="value") == 0
        assert get(parsed(text), "journey_exporter_refresh_failures_total") == 0
        assert (await fetch(exporter.port, "/livez"))[0] == 200
        assert (await fetch(exporter.port, "/readyz"))[0] == 200
        assert (await fetch(exporter.port, "/"))[0] == 404
        port = exporter.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


class Broken(MemoryStore):
    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        del buckets
        raise ConnectionError("the store is away")


async def test_a_store_that_is_away_makes_it_unready_and_keeps_it_alive() -> None:
    exporter = Exporter(Broken(), POLICY, port=0, interval_seconds=0.01)
    async with exporter:
        await until(lambda: (exporter.registry.get_sample_value("journey_exporter_refresh_failures_total") or 0) > 2)
        assert (await fetch(exporter.port, "/livez"))[0] == 200
        assert (await fetch(exporter.port, "/readyz"))[0] == 503
        status, _, text = await fetch(exporter.port, "/metrics")
        assert (status, any(name.startswith("journey_rolling") for name, _ in parsed(text))) == (200, False)
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
    async with asyncio.timeout(5):
        async with Exporter(Stubborn(), POLICY, port=0, interval_seconds=60) as exporter:
            await asyncio.sleep(0.05)
        assert not exporter.live()


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
