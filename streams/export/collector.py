"""Values as Prometheus gauges: one collector, whose label sets follow from the catalogue and the policy.

Gauges, because late touchpoints restate figures and a store that went back must not look like a counter's reset. A total
of the catalogue is always there with its counts, also while they are zero; a figure that has no value is left out (there
is no NaN). Breakdowns come for three windows, and what exceeds the series budget is dropped, smallest samples
first, and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.core.catalogue import METRICS, catalogue_digest
from streams.core.catalogue import Metric as Declared
from streams.core.metrics import Number, Value
from streams.export.reader import Reading

SERIES_BUDGET = 20_000
"""Rolling series per scrape, totals and breakdowns together; client_python writes that many in 0.2 s."""

BREAKDOWN_WINDOWS = frozenset({"1h", "24h", "28d"})

_DECLARED: dict[str, Declared] = {metric.name: metric for metric in METRICS}
_ROLLING = "journey_rolling"
_ROLLING_BY = "journey_rolling_by"


class Snapshot(msgspec.Struct, frozen=True):
    """A reading and when it was taken, in Unix seconds of the wall clock."""

    reading: Reading
    taken: float


class RollingCollector(Collector):
    """Exports the snapshot that `current` gives; nothing but timestamps of one that is older than `stale_seconds`.

    `describe` and `collect` do no I/O. A figure that stands still after an outage would look like calm; a gap does not.
    """

    def __init__(
        self,
        current: Callable[[], Snapshot | None],
        *,
        stale_seconds: float = 60.0,
        budget: int = SERIES_BUDGET,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._current = current
        self._stale_seconds = stale_seconds
        self._budget = budget
        self._clock = clock
        self._last: tuple[Snapshot, list[Metric]] | None = None

    def describe(self) -> Iterable[Metric]:
        """The families without samples, so that a registry sees clashes of names."""
        return [*_families(), *_timestamps(None), _definitions()]

    def collect(self) -> Iterator[Metric]:
        """The samples of the current snapshot, built once per snapshot."""
        snapshot = self._current()
        if snapshot is not None and self._clock() - snapshot.taken <= self._stale_seconds:
            if self._last is None or self._last[0] is not snapshot:
                self._last = (snapshot, _families(snapshot.reading.values, self._budget))
            yield from self._last[1]
        yield from _timestamps(snapshot)
        yield _definitions()


def _families(values: Iterable[Value] = (), budget: int = SERIES_BUDGET) -> list[Metric]:
    rolling = Metric(_ROLLING, "Rolling value of a metric over a window that ends at the watermark", "gauge")
    by = Metric(_ROLLING_BY, "Rolling value of a metric by one dimension", "gauge")
    dropped = GaugeMetricFamily("journey_exporter_series_dropped", "Breakdown series that exceeded the series budget")
    breakdowns: list[Value] = []
    for value in values:
        if len(value.dimensions) > bool(_DECLARED[value.metric].always):
            if value.window in BREAKDOWN_WINDOWS:
                breakdowns.append(value)
            continue
        labels = {"metric": value.metric, "window": value.window, **dict(value.dimensions)}
        for stat, number in _stats(value):
            rolling.add_sample(_ROLLING, {**labels, "stat": stat}, number)
    left = budget - len(rolling.samples)
    lost = 0
    if sum(len(_stats_by(value)) for value in breakdowns) > left:
        breakdowns.sort(key=lambda value: -value.n)
    for value in breakdowns:
        stats = _stats_by(value)
        if lost or len(stats) > left:
            lost += len(stats)
            continue
        left -= len(stats)
        *always, (dimension, of) = value.dimensions
        labels = {"metric": value.metric, "window": value.window, **dict(always), "dimension": dimension, "value": of}
        for stat, number in stats:
            by.add_sample(_ROLLING_BY, {**labels, "stat": stat}, number)
    dropped.add_metric([], lost)
    return [rolling, by, dropped]


def _stats(value: Value) -> list[tuple[str, Number]]:
    found = {
        "value": value.value,
        "numerator": value.numerator,
        "denominator": value.denominator,
        "n": value.n,
        "low": value.low,
        "high": value.high,
    }
    if value.stats is not None:
        found |= msgspec.structs.asdict(value.stats)
    return [(stat, number) for stat, number in found.items() if number is not None]


def _stats_by(value: Value) -> list[tuple[str, Number]]:
    """Value and n; a distribution, which has no value, gives its quantiles."""
    wanted = ("value", "n") if value.stats is None else ("n", "p50", "p90")
    return [(stat, number) for stat, number in _stats(value) if stat in wanted]


def _timestamps(snapshot: Snapshot | None) -> list[Metric]:
    taken = GaugeMetricFamily("journey_snapshot_timestamp_seconds", "When the rolling values were read, in Unix seconds")
    watermark = GaugeMetricFamily("journey_watermark_timestamp_seconds", "Event time up to which all is counted, in Unix seconds")
    if snapshot is not None:
        taken.add_metric([], snapshot.taken)
        if snapshot.reading.watermark >= 0:
            watermark.add_metric([], snapshot.reading.watermark / 1000)
    return [taken, watermark]


def _definitions() -> Metric:
    names = ["metric", "definition", "unit", "kind", "catalogue"]
    family = InfoMetricFamily("journey_definitions", "What each metric is defined as: its version, unit and kind", labels=names)
    digest = catalogue_digest()[:12]
    for metric in METRICS:
        family.add_metric([metric.name, str(metric.version), metric.unit, metric.kind.value, digest], {})
    return family
