"""PromQL over what the exporter serves, made from the catalogue: no metric, window or label is spelt by hand.

The figures are rolling already, so there is no rate() or increase() here. All are of the dashboard's `$namespace`, those of a task
or in a currency of its `$task` or `$currency`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from streams.core.catalogue import METRICS, Kind, Metric
from streams.core.metric import COUNTED
from streams.core.statistics import Z
from streams.core.windows import WINDOWS

METRIC = {metric.name: metric for metric in METRICS}

LIVE = tuple(window for window in WINDOWS if window != "all")
"""Windows that roll; `all` only grows."""
SHORT = "$window"
LONG = "$days"
INTERVALS = frozenset({Kind.SHARE, Kind.RATE, Kind.DENSITY, Kind.SCORE, Kind.STANDING, Kind.CHURN, Kind.RETENTION})
"""Kinds with low and high."""
WEEK = "1w"
DAY = "1d"


def has_interval(metric: Metric) -> bool:
    """Whether the exporter serves low and high of it."""
    return metric.kind in INTERVALS


def window(metric: Metric) -> str:
    """The variable that its window is chosen by: metrics that are kept by the day have one of their own."""
    return SHORT if set(LIVE) <= set(metric.windows) else LONG


def long_windows() -> tuple[str, ...]:
    """What `$days` offers: the windows of every metric that is kept by the day."""
    daily = [set(metric.windows) for metric in METRICS if window(metric) == LONG]
    return tuple(name for name in LIVE if all(name in served for served in daily))


def breakdown_window(metric: Metric) -> str:
    """The variable that its breakdowns' window is chosen by: the exporter does not break down over all of `$window`'s."""
    return "$by_window" if window(metric) == SHORT else LONG


def centre(metric: Metric) -> str:
    """The stat that stands for it: the value, or the median of a distribution."""
    return "p50" if metric.kind is Kind.DISTRIBUTION else "value"


def selector(name: str, labels: Mapping[str, str] = MappingProxyType({})) -> str:
    """The series of the chosen namespace, a label that Prometheus attaches; where it does not, `$namespace` is empty."""
    matchers = {"namespace": "$namespace", **labels}
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in matchers.items()) + "}"


def rolling(metric: Metric, stat: str, *, offset: str = "", every: bool = False) -> str:
    """A total over the chosen window. every: all tasks or currencies instead of the chosen one.

    Over all instances, so that an exporter that moved to another host goes on where it was.
    """
    labels = {"metric": metric.name, "window": window(metric), "stat": stat}
    if metric.always and not every:
        labels[metric.always] = f"${metric.always}"
    grouped = f" by ({metric.always}) " if every else ""
    return f"max{grouped}({selector('journey_rolling', labels)}{f' offset {offset}' if offset else ''})"


def by(metric: Metric, stat: str, dimension: str) -> str:
    """The breakdown by a dimension (a name, or `$dimension`), one series per value of it."""
    labels = {"metric": metric.name, "window": breakdown_window(metric), "stat": stat, "dimension": dimension}
    if metric.always:
        labels[metric.always] = f"${metric.always}"
    return f"max by (value) ({selector('journey_rolling_by', labels)})"


def change(metric: Metric) -> str:
    """The change since the same hour a week ago, as a share of what it was then."""
    before = rolling(metric, centre(metric), offset=WEEK)
    return f"{rolling(metric, centre(metric))} / ({before} != 0) - 1"


def verdict(metric: Metric, better: int) -> str:
    """1 where it is clearly better than at the same hour a week ago, -1 where clearly worse, 0 where neither.

    Clearly: the two 95 % intervals do not touch, which is stricter than a test at 5 %; so a small sample says nothing. better:
    1 where more is better, -1 where less is.
    """
    rose = f"({rolling(metric, 'low')} > bool {rolling(metric, 'high', offset=WEEK)})"
    fell = f"({rolling(metric, 'high')} < bool {rolling(metric, 'low', offset=WEEK)})"
    return f"{rose} - {fell}" if better > 0 else f"{fell} - {rose}"


def sampled(metric: Metric) -> bool:
    """Whether it is made of a sample; a count is one itself."""
    return metric.kind not in COUNTED


def by_at_least(metric: Metric, dimension: str) -> str:
    """The breakdown without the values of which there are fewer than `$least` in the window."""
    if not sampled(metric):
        return by(metric, centre(metric), dimension)
    return f"{by(metric, centre(metric), dimension)} and {by(metric, 'n', dimension)} >= $least"


def wilson(metric: Metric, dimension: str, sign: str) -> str:
    """A bound of a share's 95 % interval per value of a dimension; sign: `-` for the lower one, `+` for the upper.

    The exporter serves no interval of breakdowns; this is `streams.core.statistics.wilson` in PromQL.
    """
    share, n = by(metric, "value", dimension), by(metric, "n", dimension)
    z2 = f"{Z * Z:.6f}"
    half = f"{Z:.6f} * sqrt({share} * (1 - {share}) / {n} + {Z * Z / 4:.6f} / {n} ^ 2)"
    return f"clamp(({share} + {Z * Z / 2:.6f} / {n} {sign} {half}) / (1 + {z2} / {n}), 0, 1)"
