"""What the demo shows of the rolling metrics: UX beside CX, each figure with its sample and interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from streams.cli.figures import figure, interval
from streams.core.fields import Dims
from streams.core.metrics import Value

CHECKOUT: Dims = (("task", "checkout"),)
EURO: Dims = (("currency", "EUR"),)
WINDOWS = ("1h", "24h", "28d")

Values = Mapping[tuple[str, str, Dims], Value]
"""Metric, window, dimensions -> value."""


class Row(msgspec.Struct, frozen=True):
    """One line of the table. stat: which figure of a distribution."""

    label: str
    metric: str
    dimensions: Dims = ()
    stat: str = ""


UX = (
    Row("visits", "visits"),
    Row("conversion", "conversion_rate"),
    Row("bounce", "bounce_rate"),
    Row("checkout success", "task_success_rate", CHECKOUT),
    Row("checkout abandonment", "task_abandonment_rate", CHECKOUT),
    Row("time to check out, p50", "time_to_complete_seconds", CHECKOUT, "p50"),
)
ABANDONED = UX[4]
CX = (
    Row("orders", "orders"),
    Row("revenue, EUR", "revenue", EURO),
    Row("delivery promise kept", "promise_kept_rate"),
    Row("orders overdue", "orders_overdue"),
    Row("contacts per 100 orders", "contacts_per_100_orders"),
    Row("queue wait, p90", "queue_wait_seconds", (), "p90"),
    Row("on hold, p90", "hold_seconds", (), "p90"),
)
RELATIONSHIP = (
    Row("customers", "customers"),
    Row("churn", "churn_rate"),
    Row("csat", "csat"),
    Row("nps", "nps"),
)
"""What moves slowly: over 28 days."""

METRICS = tuple(dict.fromkeys(row.metric for row in (*UX, *CX, *RELATIONSHIP)))


def by_name(values: Iterable[Value]) -> Values:
    """Values to look rows up in."""
    return {(value.metric, value.window, value.dimensions): value for value in values}


def found(values: Values, row: Row, window: str) -> Value | None:
    """A row's value, a distribution's as the figure that is shown of it; None where there is none."""
    value = values.get((row.metric, window, row.dimensions))
    if value is None or value.stats is None:
        return value
    return msgspec.structs.replace(value, value=getattr(value.stats, row.stat), stats=None)


def cells(values: Values, row: Row, window: str) -> tuple[str, str, str]:
    """Figure, sample and interval as text; a sample that says no more than the figure is left out."""
    value = found(values, row, window)
    if value is None or value.value is None:
        return "-", "", ""
    sample = "" if value.denominator is None and not row.stat else f"{value.n:,}"
    return figure(value), sample, interval(value)


def share(values: Values, row: Row, window: str) -> tuple[float | None, int]:
    """A share and its sample."""
    value = found(values, row, window)
    return (None, 0) if value is None or value.value is None else (float(value.value), value.n)


def spark(shares: Sequence[float | None], blocks: str) -> str:
    """One character per share of 0 to 1, blank where there is none."""
    return "".join(" " if one is None else blocks[min(int(one * len(blocks)), len(blocks) - 1)] for one in shares)
