"""Values from hand-made cells: exact numbers, breakdowns, and the document that the commands print."""

from __future__ import annotations

from datetime import datetime

import pytest

from streams.core.catalogue import METRIC_NAMES, METRICS
from streams.core.metrics import Value, as_json, compute, moment_of, needed, timestamp
from streams.core.model import Bucket, Grain
from streams.core.policy import DAY, HOUR, MINUTE, Policy, TaskPolicy
from streams.core.statistics import poisson, wilson
from streams.core.windows import EVER, WINDOWS, LocalDays

POLICY = Policy()
Cells = dict[Bucket, dict[str, int]]
Dims = tuple[tuple[str, str], ...]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NOW = ms("2024-05-06T10:30:20Z")
TODAY = NOW // DAY


def booked(at: int, **fields: int) -> Cells:
    """The cells of one moment, under names in which `__` stands for the dot."""
    cells = {name.replace("__", "."): amount for name, amount in fields.items()}
    return {
        bucket: dict(cells) for bucket in ((Grain.MINUTE, at // MINUTE), (Grain.HOUR, at // HOUR), (Grain.DAY, at // DAY), EVER)
    }


def now(cells: dict[str, int]) -> Cells:
    return {bucket: dict(cells) for bucket in booked(NOW)}


def daily(changes: dict[int, dict[str, int]]) -> Cells:
    cells: Cells = {EVER: {}}
    for day, fields in changes.items():
        cells[Grain.DAY, day] = fields
        for name, amount in fields.items():
            cells[EVER][name] = cells[EVER].get(name, 0) + amount
    return cells


def find(values: list[Value], metric: str, window: str = "1h", dims: Dims = ()) -> Value:
    (found,) = [value for value in values if (value.metric, value.window, value.dimensions) == (metric, window, dims)]
    return found


def test_shares_counts_and_ratios() -> None:
    cells = now(
        {"visits": 8, "visits_converted": 2, "visit_pages": 20, "visits|device=mobile": 3, "visits_converted|device=mobile": 2}
    )
    values = compute(NOW, cells, POLICY)
    rate = find(values, "conversion_rate")
    assert (rate.value, rate.numerator, rate.denominator, rate.n) == (0.25, 2, 8, 8)
    assert (rate.low, rate.high) == wilson(2, 8)
    assert find(values, "conversion_rate", dims=(("device", "mobile"),)).value == 2 / 3
    bounce = find(values, "bounce_rate")
    assert (bounce.value, bounce.numerator) == (0.0, 0)
    visits = find(values, "visits")
    assert (visits.value, visits.numerator, visits.denominator, visits.n, visits.low) == (8, 8, None, 8, None)
    pages = find(values, "pages_per_visit")
    assert (pages.value, pages.unit, pages.low) == (2.5, "pages", None)


def test_a_window_holds_what_was_booked_in_it() -> None:
    cells = booked(NOW - 5 * MINUTE, visits=1)
    values = compute(NOW, cells, POLICY, metrics=["visits"])
    assert [find(values, "visits", window).value for window in WINDOWS] == [0, 1, 1, 1, 1, 1]
    cells = booked(NOW - 4 * MINUTE, visits=1)
    assert find(compute(NOW, cells, POLICY), "visits", "5m").value == 1


def test_totals_without_cells_are_there_and_have_no_value() -> None:
    values = compute(NOW, {}, POLICY)
    assert {value.metric for value in values} == set(METRIC_NAMES) - {
        "revenue",
        "average_order_value",
        "clv_mean",
        "clv_predicted",
    }
    for value in values:
        counted = value.metric in {metric.name for metric in METRICS if metric.kind in {"count", "stock", "oldest"}}
        assert value.value == (0 if counted else None), value
        assert value.n == 0
        assert (value.low, value.high) == (None, None)


def test_values_come_in_the_order_of_the_catalogue_and_once() -> None:
    values = compute(NOW, now({"visits": 2, "visits|device=tablet": 1, "visits|device=mobile": 1}), POLICY)
    keys = [(METRIC_NAMES.index(v.metric), WINDOWS.index(v.window), len(v.dimensions), v.dimensions) for v in values]
    assert keys == sorted(set(keys))


def test_tasks_always_carry_their_task() -> None:
    cells = now(
        {
            "attempts|task=cart": 10,
            "attempts_completed|task=cart": 5,
            "attempts_failed|task=cart": 1,
            "attempts_errored|task=cart": 3,
            "attempts|task=cart|device=mobile": 4,
            "attempts|task=other": 1,
        }
    )
    policy = Policy(tasks=(TaskPolicy("cart", HOUR), TaskPolicy("search", HOUR)))
    values = compute(NOW, cells, policy, windows=["1h"])
    cart: Dims = (("task", "cart"),)
    assert find(values, "task_success_rate", dims=cart).value == 0.5
    abandoned = find(values, "task_abandonment_rate", dims=cart)
    assert (abandoned.value, abandoned.numerator, abandoned.n) == (0.4, 4, 10)
    assert find(values, "task_error_rate", dims=cart).value == 0.3
    assert find(values, "task_abandonment_rate", dims=(*cart, ("device", "mobile"))).value == 1.0
    named = [value.dimensions for value in values if value.metric == "task_success_rate" and len(value.dimensions) == 1]
    assert named == [(("task", "cart"),), (("task", "other"),), (("task", "search"),)]
    assert find(values, "task_success_rate", dims=(("task", "search"),)).value is None


def test_contacts_per_100_orders_and_their_denominators() -> None:
    cells = now(
        {
            "contacts": 3,
            "contacts|market=de": 2,
            "contacts|medium=phone": 3,
            "contacts|reason=late": 1,
            "contacts|channel=phone": 3,
            "orders": 40,
            "orders|market=de": 10,
            "orders|market=fr": 5,
            "orders|channel=web": 40,
        }
    )
    values = compute(NOW, cells, POLICY, windows=["1h"], metrics=["contacts_per_100_orders"])
    total = find(values, "contacts_per_100_orders")
    low, high = poisson(3)
    assert (total.value, total.numerator, total.denominator) == (7.5, 3, 40)
    assert total.low == pytest.approx(low * 2.5)
    assert total.high == pytest.approx(high * 2.5)
    shares = {value.dimensions[0]: (value.value, value.denominator) for value in values if value.dimensions}
    assert shares == {
        ("market", "de"): (20.0, 10),
        ("market", "fr"): (0.0, 5),
        ("medium", "phone"): (7.5, 40),
        ("reason", "late"): (2.5, 40),
    }


def test_money_is_in_units_of_its_currency() -> None:
    cells = now(
        {
            "revenue|currency=EUR": 1_234_500,
            "orders_valued|currency=EUR": 5,
            "revenue|currency=USD": 10_000,
            "orders_valued|currency=USD": 1,
            "revenue|currency=EUR|channel=web": 500_000,
            "orders_valued|currency=EUR|channel=web": 2,
        }
    )
    values = compute(NOW, cells, POLICY, windows=["24h"])
    euros: Dims = (("currency", "EUR"),)
    revenue = find(values, "revenue", "24h", euros)
    assert (revenue.value, revenue.n, revenue.unit, revenue.denominator) == (123.45, 5, "money", None)
    average = find(values, "average_order_value", "24h", euros)
    assert (average.value, average.numerator, average.denominator) == (24.69, 123.45, 5)
    assert find(values, "average_order_value", "24h", (*euros, ("channel", "web"))).value == 25.0
    assert find(values, "revenue", "24h", (("currency", "USD"),)).value == 1.0


def test_distributions_have_stats_and_no_value() -> None:
    cells = now(
        {"queue_wait.n": 2, "queue_wait.sum": 120_000, "queue_wait.z": 1, "queue_wait.p120": 1, "queue_wait.n|medium=phone": 1}
    )
    wait = find(compute(NOW, cells, POLICY), "queue_wait_seconds")
    assert wait.stats is not None
    assert (wait.value, wait.n, wait.stats.mean, wait.stats.p50, wait.stats.geometric_mean) == (None, 2, 60.0, 0.0, None)
    assert (wait.numerator, wait.denominator) == (120.0, 2)


def test_nps() -> None:
    nps = find(compute(NOW, now({"nps": 1, "nps_detractors": 1}), POLICY), "nps")
    assert (nps.value, nps.numerator, nps.denominator, nps.low, nps.high) == (-100, -1, 1, -100, -100)


def test_overdue_orders_are_a_stock_that_ignores_what_comes_later() -> None:
    minute = NOW // MINUTE
    cells: Cells = {
        EVER: {"orders_overdue": 3},
        (Grain.MINUTE, minute): {"orders_overdue": 4},
        (Grain.MINUTE, minute + 1): {"orders_overdue": -1},
        (Grain.HOUR, minute // 60 + 2): {"orders_overdue": 1},
        (Grain.DAY, TODAY + 3): {"orders_overdue": -1},
        (Grain.DAY, TODAY): {"orders_overdue": 4},
    }
    values = compute(NOW, cells, POLICY)
    assert {find(values, "orders_overdue", window).value for window in WINDOWS} == {4}


def test_the_customer_base_and_its_churn() -> None:
    # Ten since long; one lost 3 days ago (in the churn of 7 days for 7 days), one lost 20 days ago, one new yesterday.
    cells = daily(
        {
            TODAY - 200: {"customers": 10, "new_customers": 10, "customers|market=de": 10},
            TODAY - 20: {"customers": -1, "churned_28d": 1, "churned_7d": 1},
            TODAY - 13: {"churned_7d": -1},
            TODAY - 3: {"customers": -1, "churned_28d": 1, "churned_7d": 1},
            TODAY - 1: {"customers": 1, "new_customers": 1},
            TODAY + 4: {"churned_7d": -1},
            TODAY + 8: {"churned_28d": -1},
            TODAY + 25: {"churned_28d": -1},
        }
    )
    values = compute(NOW, cells, POLICY)
    assert [find(values, "customers", window).value for window in ("7d", "28d", "all")] == [9, 9, 9]
    assert [find(values, "new_customers", window).value for window in ("7d", "28d", "all")] == [1, 1, 11]
    week, month = find(values, "churn_rate", "7d"), find(values, "churn_rate", "28d")
    assert (week.numerator, week.denominator) == (1, 9)
    assert (month.numerator, month.denominator) == (2, 10)
    kept = find(values, "retention_rate", "28d")
    assert (kept.value, kept.numerator, kept.denominator) == (0.8, 8, 10)
    assert find(values, "churn_rate", "28d", (("market", "de"),)).denominator == 10


def test_the_last_customer_leaves() -> None:
    # Golden story 1: a customer since d-60, lost at d40.
    lost = TODAY
    cells = daily(
        {
            lost - 100: {"customers": 1, "new_customers": 1},
            lost: {"customers": -1, "churned_7d": 1, "churned_28d": 1},
            lost + 7: {"churned_7d": -1},
            lost + 28: {"churned_28d": -1},
        }
    )
    for day, rates in (
        (lost - 1, (0.0, 0.0)),
        (lost, (1.0, 1.0)),
        (lost + 6, (1.0, 1.0)),
        (lost + 7, (None, 1.0)),
        (lost + 28, (None, None)),
    ):
        values = compute(day * DAY + HOUR, cells, POLICY)
        assert (find(values, "churn_rate", "7d").value, find(values, "churn_rate", "28d").value) == rates, day - lost


def test_relationship_metrics_follow_the_local_day() -> None:
    policy = Policy(timezone="Pacific/Auckland")
    local = LocalDays("Pacific/Auckland").day_of(NOW)
    evening = ms("2024-05-06T12:30:00Z")
    assert LocalDays("Pacific/Auckland").day_of(evening) == local + 1
    cells = daily({local - 6: {"new_customers": 1}})
    assert find(compute(NOW, cells, policy), "new_customers", "7d").value == 1
    assert find(compute(evening, cells, policy), "new_customers", "7d").value == 0


def test_an_earlier_moment_knows_nothing_of_what_came_after() -> None:
    cells = now({"orders": 1})
    for bucket, fields in booked(NOW - 3 * HOUR, orders=2).items():
        for field, amount in fields.items():
            cells.setdefault(bucket, {})
            cells[bucket][field] = cells[bucket].get(field, 0) + amount
    at = NOW - 2 * HOUR
    values = compute(NOW, cells, POLICY, at=at)
    assert {value.moment for value in values} == {moment_of(NOW, POLICY, at)} == {(at // MINUTE + 1) * MINUTE - 1}
    assert [find(values, "orders", window).value for window in WINDOWS] == [0, 0, 2, 2, 2, 2]
    assert compute(NOW, cells, POLICY, at=NOW - 500 * DAY) == []
    assert needed(NOW, POLICY, at=NOW - 500 * DAY) == []


def test_relationship_metrics_of_an_earlier_day() -> None:
    cells = daily({TODAY - 40: {"new_customers": 2, "customers": 2}, TODAY - 1: {"new_customers": 1, "customers": 1}})
    values = compute(NOW, cells, POLICY, at=NOW - 2 * DAY)
    assert [find(values, "new_customers", window).value for window in ("7d", "28d", "all")] == [0, 0, 2]
    assert find(values, "customers", "7d").value == 2


def test_only_the_needed_buckets_count_and_unknown_fields_do_not() -> None:
    cells = now(
        {
            "visits": 1,
            "visits|planet=mars": 1,
            "visits|task=cart": 1,
            "attempts": 5,
            "queue_wait.p1x": 1,
            "queue_wait": 1,
            "nonsense": 1,
        }
    )
    wanted = set(needed(NOW, POLICY))
    assert compute(NOW, cells, POLICY) == compute(NOW, {bucket: cells[bucket] for bucket in wanted if bucket in cells}, POLICY)
    values = compute(NOW, cells, POLICY)
    assert [value.dimensions for value in values if value.metric == "visits" and value.window == "1h"] == [()]
    assert find(values, "queue_wait_seconds").n == 0


def test_filters() -> None:
    values = compute(NOW, {}, POLICY, windows=["7d"], metrics=["customers", "visits", "no_such_metric"])
    assert [(value.metric, value.window) for value in values] == [("visits", "7d"), ("customers", "7d")]
    assert set(needed(NOW, POLICY, ["5m"], ["visits"])) == {(Grain.MINUTE, NOW // MINUTE - back) for back in range(5)}


def test_the_json_document() -> None:
    cells = now({"attempts|task=cart": 10, "attempts_completed|task=cart": 5, "hold.n": 1, "hold.sum": 1000, "hold.p0": 1})
    values = compute(NOW, cells, POLICY, windows=["24h"], metrics=["task_success_rate", "hold_seconds"])
    document = as_json(values, NOW, "shop")
    low, high = wilson(5, 10) or (0, 0)
    assert document == {
        "as_of": "2024-05-06T10:30:20Z",
        "namespace": "shop",
        "metrics": [
            {
                "metric": "task_success_rate",
                "window": "24h",
                "dimensions": {"task": "cart"},
                "value": 0.5,
                "numerator": 5,
                "denominator": 10,
                "n": 10,
                "low": low,
                "high": high,
                "unit": "ratio",
                "definition": 1,
            },
            {
                "metric": "task_success_rate",
                "window": "24h",
                "dimensions": {"task": "checkout"},
                "value": None,
                "numerator": 0,
                "denominator": 0,
                "n": 0,
                "low": None,
                "high": None,
                "unit": "ratio",
                "definition": 1,
            },
            {
                "metric": "hold_seconds",
                "window": "24h",
                "dimensions": {},
                "value": None,
                "stats": {"mean": 1.0, "geometric_mean": None, "p50": pytest.approx(0.98), "p90": pytest.approx(0.98)},
                "numerator": 1.0,
                "denominator": 1,
                "n": 1,
                "low": None,
                "high": None,
                "unit": "seconds",
                "definition": 1,
            },
        ],
    }


def test_times_are_rfc_3339() -> None:
    assert timestamp(NOW) == "2024-05-06T10:30:20Z"
    assert timestamp(NOW - 1) == "2024-05-06T10:30:19.999Z"
    assert as_json([], None, "shop") == {"as_of": None, "namespace": "shop", "metrics": []}


def test_contacts_are_told_per_thousand_customers_at_the_windows_end() -> None:
    cells = {(Grain.EVER, 0): {"customers": 250}, (Grain.HOUR, NOW // HOUR - 1): {"contacts": 5}}
    found = {value.window: value for value in compute(NOW, cells, Policy(), metrics=["contacts_per_1000_customers"])}
    assert found["7d"].value == pytest.approx(20)
    assert (found["7d"].numerator, found["7d"].denominator) == (5, 250)
    assert found["7d"].low is not None
    assert 0 < found["7d"].low < 20
