"""What a run found, as a table for people and one line of JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import msgspec

from streams.bench.figures import STAGES, Measured


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on what."""

    broker: str
    store: str
    core: str
    events: int
    customers: int
    bytes_per_event: float


class Report(msgspec.Struct, kw_only=True):
    """The runs of both sides, in order. store_bytes: what each worker's run left in Redis."""

    about: Surroundings
    worker: list[Measured] = msgspec.field(default_factory=list)
    empty: list[Measured] = msgspec.field(default_factory=list)
    store_bytes: list[int] = msgspec.field(default_factory=list)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON. Speeds are medians over the runs; times are those of the median runs, so that the stages add up.

    Where others use the machine, processor times say more than speeds.
    """

    events_per_second: float
    empty_faust_events_per_second: float
    ratio: float
    us_per_event: float
    us_by_stage: dict[str, float]
    worker_peak_mb: float
    store_bytes_per_customer: float
    cpu_us_per_event: float
    empty_faust_cpu_us_per_event: float
    events: int
    customers: int
    broker: str
    store: str
    core: str


def lines(report: Report) -> Iterator[str]:
    """The table, then the JSON."""
    about, result = report.about, result_of(report)
    yield f"{about.events:,} events of {about.bytes_per_event:,.0f} bytes, {about.customers:,} customers; {about.broker}; {about.store}; core {about.core}"
    yield _speed("worker", result.events_per_second, report.worker)
    yield _speed("empty Faust agent", result.empty_faust_events_per_second, report.empty)
    yield f"{'ratio':24}{result.ratio:>10.2f}"
    yield f"{'worker, wall clock':24}{result.us_per_event:>10.2f}  us an event, of which"
    for stage, microseconds in result.us_by_stage.items():
        yield f"  {stage:22}{microseconds:>10.2f}"
    yield _processor("worker, processor", report.worker)
    yield _processor("empty, processor", report.empty)
    yield f"{'worker, peak memory':24}{result.worker_peak_mb:>10.1f}  MB"
    yield f"{'Redis':24}{result.store_bytes_per_customer:>10,.0f}  bytes a customer"
    yield msgspec.json.encode(result).decode()


def result_of(report: Report) -> Result:
    """The figures of the JSON; at least one run of each side is there."""
    ours, theirs = _typical(report.worker), _typical(report.empty)
    return Result(
        events_per_second=round(ours.per_second, 1),
        empty_faust_events_per_second=round(theirs.per_second, 1),
        ratio=round(ours.per_second / theirs.per_second, 3),
        us_per_event=round(1e6 * ours.seconds / ours.records, 3),
        us_by_stage={stage: round(1e6 * ours.stages[stage] / ours.records, 3) for stage in STAGES},
        worker_peak_mb=round(max(one.peak_mb for one in report.worker), 1),
        store_bytes_per_customer=round(statistics.median(report.store_bytes) / report.about.customers, 1),
        cpu_us_per_event=round(1e6 * ours.cpu_seconds / ours.records, 3),
        empty_faust_cpu_us_per_event=round(1e6 * theirs.cpu_seconds / theirs.records, 3),
        events=report.about.events,
        customers=report.about.customers,
        broker=report.about.broker,
        store=report.about.store,
        core=report.about.core,
    )


def _typical(runs: list[Measured]) -> Measured:
    """The run with the median speed."""
    return sorted(runs, key=lambda one: one.per_second)[len(runs) // 2]


def _speed(name: str, per_second: float, runs: list[Measured]) -> str:
    each = ", ".join(f"{one.per_second:,.0f}" for one in runs)
    return f"{name:24}{per_second:>10,.0f}  events/s; runs: {each}"


def _processor(name: str, runs: list[Measured]) -> str:
    one = _typical(runs)
    used, others = 1e6 * one.cpu_seconds / one.records, 1e6 * one.other_cpu_seconds / one.records
    return f"{name:24}{used:>10.2f}  us an event, of which {others:.2f} in other threads than the main one"
