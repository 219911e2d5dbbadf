"""A simulated shop of six weeks as Prometheus would have scraped it: in the last hour, and the same hour a day and a week ago."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import Metric

from streams.core.model import Partition, Record
from streams.core.policy import DAY, HOUR, MINUTE, Policy, TopicPolicy
from streams.drill.blocks import create_blocks, line, samples, write_text
from streams.drill.walk import readings
from streams.export.reader import Reading as Figures
from streams.export.server import Exporter
from streams.simulate import simulate
from streams.simulate.options import DEFAULT_START_MS
from streams.store.memory import MemoryStore
from streams.worker.health import Health
from streams.worker.sweep import Sweeper
from tests.worker.reading import PARTITIONS, Log, Reading

NAMESPACE = "shop"
POLICY = Policy(clock="history")
TOPIC = TopicPolicy("touchpoints")
WEEKS = 6
"""A week ago there were already customers of four weeks before."""
NOW = DEFAULT_START_MS + WEEKS * 7 * DAY - 2 * HOUR
STEP = 15 * MINUTE
HOURS = (NOW - 7 * DAY, NOW - DAY, NOW)
MOMENTS = [moment for end in HOURS for moment in range(end - HOUR, end + 1, STEP)]
ALERT = {"alertname": "JourneyAbandonmentSpike", "alertstate": "firing", "severity": "critical", "task": "checkout"}


def records() -> list[Record]:
    """What arrives: two quiet stretches of three weeks, and a busy end, so that a day's breakdowns have samples."""
    half = WEEKS // 2 * 7
    worlds = [
        simulate(400, 6_000, seed=21, days=half, reviews=0.05),
        simulate(400, 6_000, seed=22, days=half, reviews=0.05, start_ms=DEFAULT_START_MS + half * DAY),
        simulate(1_000, 12_000, seed=23, days=5, reviews=0.05, start_ms=NOW - 5 * DAY),
    ]
    arrivals = heapq.merge(*worlds, key=lambda one: one.arrival_ms)
    until_now = (one for one in arrivals if one.arrival_ms <= NOW)
    return [Record(offset, one.arrival_ms, one.value, one.key) for offset, one in enumerate(until_now)]


async def figures() -> list[Figures]:
    """What the exporter reads at each moment."""
    return [reading async for reading in readings(records(), TOPIC, POLICY, MOMENTS)]


def exporter_lines(steps: list[Figures]) -> Iterator[str]:
    """Scrapes of the exporter; until yesterday it was another host's."""
    for at, reading in zip(MOMENTS, steps, strict=True):
        instance = "old:9108" if at < NOW - HOUR else "new:9108"
        target = {"job": "journey-exporter", "instance": instance, "namespace": NAMESPACE}
        yield from samples(reading, at, target)
        yield line("journey_progress_timestamp_seconds", target, at / 1_000, at)
    registry = Exporter(MemoryStore(), POLICY).registry
    for at in range(NOW - HOUR, NOW + 1, MINUTE):
        yield from _lines(registry.collect(), "journey_exporter_refresh", at)


async def worker_lines() -> list[str]:
    """Scrapes of a worker that reads a log with duplicates, rubbish and tombstones, a chunk a minute, the last one now."""
    worker = Reading(_log(), size=60)
    sweeper, health = Sweeper(worker.owner), Health(worker.owner)
    await worker.assigned()
    worker.owner.metrics.ready.set(1)  # what it says once Faust has started, which it does not here
    scrapes = []
    while worker.reader.upcoming() is not None:
        await worker.take()
        await sweeper.sweep()
        await health.measure()
        scrapes.append(list(worker.registry.collect()))
    first = NOW - (len(scrapes) - 1) * MINUTE
    texts = (_lines(scrape, "journey_worker", first + number * MINUTE) for number, scrape in enumerate(scrapes))
    return list(itertools.chain.from_iterable(texts))


def seed(steps: list[Figures], place: Path) -> Path:
    """A data directory for Prometheus with all of it, an alert that fires, and a scrape's success."""
    alert = [line("ALERTS", {**ALERT, "namespace": NAMESPACE}, 1, at) for at in range(NOW - HOUR, NOW + 1, MINUTE)]
    up = [line("up", {"job": "journey-worker", "namespace": NAMESPACE}, 1, at) for at in range(NOW - HOUR, NOW + 1, MINUTE)]
    write_text([*exporter_lines(steps), *asyncio.run(worker_lines()), *alert, *up], place / "scrapes.txt")
    create_blocks(place / "scrapes.txt", place / "data")
    return place / "data"


def _log() -> Log:
    log: dict[Partition, list[Record]] = {partition: [] for partition in PARTITIONS}
    told = simulate(60, 3_000, seed=4, days=3, duplicates=0.05, rubbish=0.05, start_ms=NOW - 3 * DAY)
    for one in told:
        records = log[PARTITIONS[sum(one.key) % len(PARTITIONS)]]
        records.append(Record(len(records), one.arrival_ms, one.value, one.key))
        if len(records) % 50 == 0:
            records.append(Record(len(records), one.arrival_ms, None, one.key))
    return log


def _lines(scrape: Iterable[Metric], prefix: str, at: int) -> Iterator[str]:
    for family in scrape:
        for sample in family.samples:
            if sample.name.startswith(prefix):
                yield line(sample.name, {**sample.labels, "namespace": NAMESPACE}, sample.value, at)
