"""Values as Prometheus gauges: one collector, whose label sets follow from the catalogue and the policy.

Gauges, because late touchpoints restate figures and a store that went back must not look like a counter's reset. Label
sets are there before anything happened, with their counts at zero, so that no rule sees a series appear with its first
event: every total of the catalogue (per configured task; per currency once there was an order in it), and in the
breakdowns every value that the policy lists or that was ever there. A figure that has no value is left out (there is no
NaN). Breakdowns come for four windows. Totals always stay; where there are more series than the budget allows, the
breakdowns with the smallest samples are dropped, and counted, after those that are only zeros.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.core.catalogue import METRICS, Kind, catalogue_digest
from streams.core.catalogue import Metric as Declared
from streams.core.content import dimension_values
from streams.core.fields import Dims
from streams.core.metric import COUNTED
from streams.core.metrics import Number, Value
from streams.core.policy import Policy
from streams.export.reader import Reading

SERIES_BUDGET = 20_000
"""Rolling series per scrape, totals and breakdowns together."""

BREAKDOWN_WINDOWS = frozenset({"1h", "24h", "28d"})
"""What everything is broken down over; a fourth window for all would not go into the budget."""

_ALSO_WEEKLY = frozenset({"task_abandonment_rate"})
"""Broken down over 7 days, too, for the alert that compares these."""

_SETTLED_LATE = frozenset(
    name for metric in METRICS if (name := metric.name).startswith("message_") or name.endswith("_response_rate")
) | {"damage_rate", "first_contact_resolution_rate", "broken_promise_chain", "referral_conversion_rate"}
"""Booked a week or more after what they are about: an hour or a day of them is not worth a breakdown."""

_BY_MONTH = _SETTLED_LATE | {"reactivated_customers"}
"""These, and those of which there are so few that a week of them is not worth a breakdown."""

_TOLD_BY_ANOTHER = frozenset({"retention_rate"})
"""Not broken down at all, because another one says the same: retention is the rest of churn."""

FOLLOWED = frozenset({"channel", "medium"})
"""Dimensions with fixed lists of which a shop uses a few: a value of these is there from its first event on."""

_DECLARED: dict[str, Declared] = {metric.name: metric for metric in METRICS}
_COUNTED = COUNTED | {Kind.MONEY}
_ROLLING = "journey_rolling"
_ROLLING_BY = "journey_rolling_by"

_Figures = list[tuple[str, Number]]
"""Stats of one value and their numbers."""

_Seen = dict[tuple[str, Dims], dict[str, set[str]]]
"""Metric and what it always carries -> dimension -> values, over all windows."""


def breakdown_windows(metric: Declared) -> frozenset[str]:
    """The windows over which a metric is broken down, of those that it has: what is kept by the day has no shorter one than 7d."""
    if metric.name in _TOLD_BY_ANOTHER:
        return frozenset()
    if metric.stock or metric.name in _BY_MONTH:  # a stock is the same over any window
        return frozenset({"28d"})
    weekly = metric.name in _ALSO_WEEKLY or "24h" not in metric.windows
    return BREAKDOWN_WINDOWS | {"7d"} if weekly else BREAKDOWN_WINDOWS


class Snapshot(msgspec.Struct, frozen=True):
    """A reading, when it was taken, and when the namespace was last seen to move, in Unix seconds of the wall clock."""

    reading: Reading
    taken: float
    moved: float | None = None


class RollingCollector(Collector):
    """Exports the snapshot that `current` gives; nothing but timestamps of one that is older than `stale_seconds`.

    `describe` and `collect` do no I/O. A figure that stands still after an outage would look like calm; a gap does not.
    """

    def __init__(
        self,
        current: Callable[[], Snapshot | None],
        policy: Policy,
        *,
        stale_seconds: float = 60.0,
        budget: int = SERIES_BUDGET,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._current = current
        self._policy = policy
        self._stale_seconds = stale_seconds
        self._budget = budget
        self._clock = clock
        self._closed = {name: values for name, values in dimension_values(policy).items() if name not in FOLLOWED}
        self._last: tuple[Snapshot, list[Metric]] | None = None

    def describe(self) -> Iterable[Metric]:
        """The families without samples, so that a registry sees clashes of names."""
        return [*_Families(0).all(), *_timestamps(None), *_definitions(self._policy)]

    def collect(self) -> Iterator[Metric]:
        """The samples of the current snapshot, built once per snapshot."""
        snapshot = self._current()
        if snapshot is not None and self._clock() <= snapshot.taken + self._stale_seconds:
            last = self._last
            if last is None or last[0] is not snapshot:
                last = self._last = (snapshot, self._rolling(snapshot.reading.values))
            yield from last[1]
        yield from _timestamps(snapshot)
        yield from _definitions(self._policy)

    def _rolling(self, values: Sequence[Value]) -> list[Metric]:
        families = _Families(self._budget)
        breakdowns: list[Value] = []
        seen: _Seen = {}
        there: dict[tuple[str, str, Dims], int] = {}
        for value in values:
            always, by = _split(value)
            known = seen.setdefault((value.metric, always), {})
            there[value.metric, value.window, value.dimensions] = value.n
            if by is None:
                families.total(value.metric, value.window, always, _stats(value))
                continue
            known.setdefault(by[0], set()).add(by[1])
            if value.window in breakdown_windows(_DECLARED[value.metric]):
                breakdowns.append(value)
        for name, window, always in _windows_of(seen):
            if (name, window, always) not in there:
                families.total(name, window, always, _nothing(_DECLARED[name]))
        families.breakdowns(breakdowns)
        for name, window, dims in self._listed(seen):
            if (name, window, dims) not in there:
                metric, shared = _DECLARED[name], there.get((name, window, dims[:-1]), 0)
                families.zero(name, window, dims, _nothing_by(metric, shared if dims[-1][0] in metric.whole else 0))
        return families.all()

    def _listed(self, seen: _Seen) -> Iterator[tuple[str, str, Dims]]:
        """Every breakdown by a value that is listed, or was there in any window; in the order of the catalogue."""
        for (name, always), known in seen.items():
            metric = _DECLARED[name]
            for dimension in metric.dimensions:
                values = dict.fromkeys((*self._closed.get(dimension, ()), *sorted(known.get(dimension, ()))))
                for window in (window for window in metric.windows if window in breakdown_windows(metric)):
                    for value in values:
                        yield name, window, (*always, (dimension, value))


class _Families:
    """The rolling families, filled until the budget is spent; totals are let in whatever it is."""

    def __init__(self, budget: int) -> None:
        self._rolling = Metric(_ROLLING, "Rolling value of a metric over a window that ends at the watermark", "gauge")
        self._by = Metric(_ROLLING_BY, "Rolling value of a metric by one dimension", "gauge")
        self._left = budget
        self._dropped = 0

    def all(self) -> list[Metric]:
        dropped = GaugeMetricFamily("journey_exporter_series_dropped", "Breakdown series that exceeded the series budget")
        dropped.add_metric([], self._dropped)
        return [self._rolling, self._by, dropped]

    def total(self, metric: str, window: str, dims: Dims, stats: _Figures) -> None:
        labels = {"metric": metric, "window": window, **dict(dims)}
        for stat, number in stats:
            self._rolling.add_sample(_ROLLING, {**labels, "stat": stat}, number)
        self._left -= len(stats)

    def breakdowns(self, values: Sequence[Value]) -> None:
        """All of them, or the largest samples; what is smaller than one that is dropped is dropped, too."""
        figures = [(value, _stats_by(value)) for value in values]
        if sum(len(stats) for _, stats in figures) > self._left:
            figures.sort(key=lambda pair: -pair[0].n)
        for value, stats in figures:
            if self._dropped or len(stats) > self._left:
                self._dropped += len(stats)
            else:
                self._add(value.metric, value.window, value.dimensions, stats)

    def zero(self, metric: str, window: str, dims: Dims, stats: _Figures) -> None:
        """Nothing is lost where it does not fit."""
        if not self._dropped and len(stats) <= self._left:
            self._add(metric, window, dims, stats)

    def _add(self, metric: str, window: str, dims: Dims, stats: _Figures) -> None:
        *always, (dimension, value) = dims
        labels = {"metric": metric, "window": window, **dict(always), "dimension": dimension, "value": value}
        for stat, number in stats:
            self._by.add_sample(_ROLLING_BY, {**labels, "stat": stat}, number)
        self._left -= len(stats)


def _split(value: Value) -> tuple[Dims, tuple[str, str] | None]:
    """What a value always carries, and what it is broken down by: None for a total."""
    size = int(bool(_DECLARED[value.metric].always))
    return value.dimensions[:size], value.dimensions[size] if len(value.dimensions) > size else None


def _windows_of(seen: _Seen) -> Iterator[tuple[str, str, Dims]]:
    """Every total in all of its windows: also a currency, or a task that is not configured, that was there in one."""
    for name, always in seen:
        for window in _DECLARED[name].windows:
            yield name, window, always


def _nothing(metric: Declared) -> _Figures:
    """What a total says where nothing happened."""
    if metric.kind in _COUNTED:
        return [("value", 0), ("numerator", 0), ("n", 0)]
    return [("numerator", 0), ("denominator", 0), ("n", 0)]


def _nothing_by(metric: Declared, shared: int) -> _Figures:
    """The same of a breakdown; `shared` is the denominator that it has from the total, which makes a rate of zero."""
    return [("value", 0), ("n", shared)] if metric.kind in _COUNTED or shared else [("n", 0)]


def _stats(value: Value) -> _Figures:
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


def _stats_by(value: Value) -> _Figures:
    """Value and n; a distribution, which has no value, gives its quantiles."""
    if value.stats is None:
        return [("n", value.n)] if value.value is None else [("value", value.value), ("n", value.n)]
    quantiles = (("p50", value.stats.p50), ("p90", value.stats.p90))
    return [("n", value.n), *((stat, number) for stat, number in quantiles if number is not None)]


def _timestamps(snapshot: Snapshot | None) -> list[Metric]:
    taken = GaugeMetricFamily("journey_snapshot_timestamp_seconds", "When the rolling values were read, in Unix seconds")
    watermark = GaugeMetricFamily("journey_watermark_timestamp_seconds", "Event time up to which all is counted, in Unix seconds")
    moved = GaugeMetricFamily(
        "journey_progress_timestamp_seconds", "When a position or the watermark was last seen to move, in Unix seconds"
    )
    if snapshot is not None:
        taken.add_metric([], snapshot.taken)
        if snapshot.reading.watermark >= 0:
            watermark.add_metric([], snapshot.reading.watermark / 1000)
        if snapshot.moved is not None:
            moved.add_metric([], snapshot.moved)
    return [taken, watermark, moved]


def _definitions(policy: Policy) -> list[Metric]:
    names = ["metric", "definition", "unit", "kind", "catalogue"]
    family = InfoMetricFamily("journey_definitions", "What each metric is defined as: its version, unit and kind", labels=names)
    digest = catalogue_digest()[:12]
    for metric in METRICS:
        family.add_metric([metric.name, str(metric.version), metric.unit, metric.kind.value, digest], {})
    clock = InfoMetricFamily("journey_clock", "What the watermark follows: live (the wall clock) or history", labels=["clock"])
    clock.add_metric([policy.clock], {})
    return [family, clock]
