"""Golden story 1 as the values that people read, from the oracle's cells, at and just before the moments of its table."""

from __future__ import annotations

import pytest

from streams.core.metrics import Value, compute
from streams.core.model import Bucket
from streams.core.policy import Policy
from streams.core.windows import WindowName
from tests.golden.stories import D0, at, story_1
from tests.oracle.native import touchpoint_of
from tests.oracle.oracle import oracle

POLICY = Policy()
STORY = [touchpoint_of(event) for event in story_1()]


def values_at(days: int, clock: str) -> dict[tuple[str, str], Value]:
    """The totals at a moment, by metric and window; a task's under `metric task`."""
    now = int(at(D0, days, clock).timestamp()) * 1000
    cells: dict[Bucket, dict[str, int]] = {}
    for (grain, index, field), amount in oracle([t for t in STORY if t.at <= now], POLICY, now, now).items():
        cells.setdefault((grain, index), {})[field] = amount
    found: dict[tuple[str, str], Value] = {}
    for value in compute(now, cells, POLICY):
        name = " ".join([value.metric, *(of for dimension, of in value.dimensions if dimension == "task")])
        if not [dimension for dimension, _ in value.dimensions if dimension not in {"task", "currency"}]:
            found[name, value.window] = value
    return found


# Day, clock, metric (and task), window, numerator, denominator. The checkout is booked 30 minutes, its limit, after its start.
TABLE: list[tuple[int, str, str, WindowName, float, int | None]] = [
    (-60, "09:00", "customers", "7d", 1, None),
    (0, "10:01", "orders", "5m", 1, None),
    (0, "10:30:59", "visits", "5m", 0, None),
    (0, "10:31", "conversion_rate", "5m", 1, 1),
    (0, "10:31", "bounce_rate", "5m", 0, 1),
    (0, "10:31", "pages_per_visit", "5m", 1, 1),
    (0, "10:31", "visit_duration_seconds", "5m", 60, 1),
    (0, "10:30:29", "task_success_rate checkout", "1h", 0, 0),
    (0, "10:30:30", "task_success_rate checkout", "1h", 1, 1),
    (0, "10:30:30", "task_abandonment_rate checkout", "1h", 0, 1),
    (0, "10:30:30", "time_to_complete_seconds checkout", "1h", 30, 1),
    (3, "10:00:59", "promise_kept_rate", "all", 0, 0),
    (3, "10:01", "promise_kept_rate", "all", 0, 1),
    (3, "10:01", "promise_kept_latest_rate", "all", 0, 1),
    (3, "10:01", "orders_overdue", "all", 1, None),
    (4, "10:10", "orders_overdue", "all", 0, None),
    (4, "10:10", "promise_kept_latest_rate", "all", 0, 0),
    (4, "10:10", "queue_wait_seconds", "1h", 120, 1),
    (4, "10:10", "hold_seconds", "1h", 300, 1),
    (4, "10:10", "contacts_per_100_orders", "7d", 1, 1),
    (18, "10:01", "promise_kept_latest_rate", "1h", 0, 1),
    (18, "10:01", "orders_overdue", "1h", 1, None),
    (19, "10:01", "orders_overdue", "1h", 0, None),
    (19, "10:01", "delivery_delay_seconds", "28d", 1_382_400, 1),
    (19, "10:01", "delivery_delay_latest_seconds", "28d", 86_400, 1),
    (20, "12:00", "csat", "1h", 0, 1),
    (20, "12:00", "nps", "1h", -1, 1),
    (21, "12:00", "cancellation_requests", "7d", 1, None),
    (39, "12:00", "churn_rate", "28d", 0, 1),
    (40, "09:00", "customers", "28d", 0, None),
    (40, "09:00", "churn_rate", "7d", 1, 1),
    (40, "09:00", "churn_rate", "28d", 1, 1),
    (40, "09:00", "retention_rate", "7d", 0, 1),
    (47, "09:00", "churn_rate", "7d", 0, 0),
]


@pytest.mark.parametrize(("days", "clock", "metric", "window", "numerator", "denominator"), TABLE)
def test_the_story(days: int, clock: str, metric: str, window: str, numerator: float, denominator: int | None) -> None:
    value = values_at(days, clock)[metric, window]
    assert (value.numerator, value.denominator) == (numerator, denominator)


def test_the_values_themselves() -> None:
    day_20 = values_at(20, "12:00")
    assert day_20["nps", "1h"].value == -100
    assert day_20["csat", "1h"].value == 0.0
    assert day_20["revenue", "28d"].value == 120.0
    delay = day_20["delivery_delay_seconds", "28d"].stats
    assert delay is not None
    assert delay.mean == 1_382_400
    assert delay.p50 == pytest.approx(1_382_400, rel=0.02)
