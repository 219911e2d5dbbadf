"""Metric values as people read them: a table of totals, or of one metric with its breakdowns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streams.cli import output
from streams.cli.failure import Misuse
from streams.core.catalogue import METRICS
from streams.core.metrics import Value
from streams.core.windows import WINDOWS


def check_names(windows: Collection[str] | None, metrics: Collection[str] | None) -> None:
    """Raises Misuse for a window or a metric that does not exist."""
    known = [metric.name for metric in METRICS]
    for name in windows or ():
        if name not in WINDOWS:
            raise Misuse(f"No window {name!r}; there are {', '.join(WINDOWS)}.")
    for name in metrics or ():
        if name not in known:
            raise Misuse(f"No metric {name!r}; there are {', '.join(known)}.")


def print_values(values: Sequence[Value], title: str, *, breakdowns: bool) -> None:
    """A table of the values: totals (per task or currency where a metric has them), and with `breakdowns` all others."""
    always = {metric.name: metric.always for metric in METRICS}
    rows = []
    for value in values:
        by = [f"{name}={part}" for name, part in value.dimensions]
        if not breakdowns and len(by) > bool(always[value.metric]):
            continue
        rows.append((value.metric, value.window, " ".join(by), figure(value), value.n, interval(value)))
    output.table(("metric", "window", "by", "value", "n", "95 %"), rows, right=("value", "n", "95 %"), title=title)


def figure(value: Value) -> str:
    """The value with its unit; a distribution's median and 90th percentile; `-` where there is none."""
    if value.stats is not None:
        if value.stats.p50 is None or value.stats.p90 is None:
            return "-"
        return f"p50 {number(value.stats.p50, value.unit)}, p90 {number(value.stats.p90, value.unit)}"
    return "-" if value.value is None else number(value.value, value.unit)


def interval(value: Value) -> str:
    """The 95 % interval, where the metric has one."""
    if value.low is None or value.high is None:
        return ""
    return f"{number(value.low, value.unit)} .. {number(value.high, value.unit)}"


def number(amount: float, unit: str) -> str:
    """An amount in a metric's unit."""
    if unit == "ratio":
        return f"{100 * amount:.1f} %"
    if unit == "seconds":
        return _seconds(amount)
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"


def _seconds(seconds: float) -> str:
    sign, size = "-" if seconds < 0 else "", abs(seconds)
    for width, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if size >= 2 * width:
            return f"{sign}{size / width:.1f} {unit}"
    return f"{sign}{size:.1f} s"
