"""CDNOW's 1/10th sample: 2,357 customers who first bought in early 1997, and all they bought until the middle of 1998, to the cent.

Fader and Hardie's file; its lines name customer, day, number of CDs and value. Some lines are the same and different purchases. What is
compared with is computed here in plain Python, from the lines alone.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.core.metrics import Value
from streams.core.policy import Policy, TopicPolicy
from streams.export.reader import read_values
from streams.fold import fold_records, in_event_time, read_records
from streams.store.memory import MemoryStore

FILE = Path(__file__).parents[3] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
POLICY = Policy(clock="history")
SILENCE = timedelta(days=90)
MAPPING = """\
source: cdnow
id: position
time: {column: day, formats: ["%Y%m%d"], zone: UTC}
type: {constant: order.placed}
identifiers: {customer_id: customer}
fields: {channel: {constant: store}, value: value, currency: {constant: USD}}
"""


class Purchase(NamedTuple):
    customer: str
    day: date
    value: Decimal


@pytest.fixture(scope="module")
def purchases() -> list[Purchase]:
    if not FILE.is_file():
        pytest.skip(f"the sample is not here: {FILE}")
    lines = (line.split() for line in FILE.read_text().splitlines())
    return [
        Purchase(line[0], datetime.strptime(line[2], "%Y%m%d").replace(tzinfo=UTC).date(), Decimal(line[4])) for line in lines
    ]


@pytest.fixture(scope="module")
def store(purchases: list[Purchase], tmp_path_factory: pytest.TempPathFactory) -> MemoryStore:
    """All of it, folded; the clock ends a year after the last purchase."""
    folder = tmp_path_factory.mktemp("cdnow")
    (folder / "cdnow.yaml").write_text(MAPPING)
    file = folder / "cdnow.jsonl"
    rows = ({"customer": one.customer, "day": one.day.strftime("%Y%m%d"), "value": str(one.value)} for one in purchases)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    topic = TopicPolicy("cdnow", f"mapping:{folder / 'cdnow.yaml'}")
    records = in_event_time(read_records([str(file)]), topic, POLICY)
    return asyncio.run(fold_records(records, topic, POLICY, until=midnight(last(purchases) + timedelta(days=1)) - 1)).store


def last(purchases: list[Purchase]) -> date:
    return max(one.day for one in purchases)


def midnight(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000)


def values(store: MemoryStore, window: str, at: int | None = None, metrics: Sequence[str] | None = None) -> dict[str, Value]:
    reading = asyncio.run(read_values(store, POLICY, windows=[window], metrics=metrics, at=at))
    return {one.metric: one for one in reading.values if one.dimensions in {(), (("currency", "USD"),)}}


def ends_of_weeks(purchases: list[Purchase]) -> Iterator[date]:
    """The last day of the file, and every seventh before it in the 400 days for which days are kept."""
    for week in range(45):
        yield last(purchases) - timedelta(days=7 * week)


def days_of(purchases: list[Purchase]) -> dict[str, list[date]]:
    found: dict[str, list[date]] = {}
    for one in sorted(purchases, key=lambda purchase: purchase.day):
        found.setdefault(one.customer, []).append(one.day)
    return found


def is_customer(days: list[date], at: date) -> bool:
    """Whether somebody who bought on these days is one at the end of a day: the last purchase is not 90 days ago yet."""
    bought = [day for day in days if day <= at]
    return bool(bought) and at - bought[-1] < SILENCE


def test_the_file_is_the_one_that_is_known(purchases: list[Purchase]) -> None:
    assert len(purchases) == 6_919
    assert len({one.customer for one in purchases}) == 2_357
    assert (last(purchases) - min(one.day for one in purchases)).days == 545
    again = Counter(purchases)
    assert sum(n - 1 for n in again.values()) == 21


def test_orders_revenue_and_mean_value(purchases: list[Purchase], store: MemoryStore) -> None:
    """Whole, and of 7 and 28 days at the end of every week."""
    whole = values(store, "all")
    total = sum((one.value for one in purchases), Decimal(0))
    assert whole["orders"].value == len(purchases)
    assert whole["revenue"].numerator == float(total)
    assert round(Decimal(str(whole["average_order_value"].value)), 6) == round(total / len(purchases), 6)
    for end in ends_of_weeks(purchases):
        for days in (7, 28):
            within = [one for one in purchases if end - timedelta(days=days) < one.day <= end]
            asked = ["orders", "revenue"]
            found = values(store, f"{days}d", midnight(end + timedelta(days=1)) - 1, asked)
            assert found["orders"].value == len(within), end
            revenue = found.get("revenue")
            assert (revenue.numerator if revenue else 0) == float(sum((one.value for one in within), Decimal(0))), end


def test_customers_and_how_many_came_back(purchases: list[Purchase], store: MemoryStore) -> None:
    bought = days_of(purchases)
    for end in ends_of_weeks(purchases):
        found = values(store, "28d", midnight(end + timedelta(days=1)) - 1, ["customers", "repeat_rate"])
        assert found["customers"].value == sum(is_customer(days, end) for days in bought.values()), end
        by_then = [sum(day <= end for day in days) for days in bought.values()]
        repeat = found["repeat_rate"]
        assert (repeat.numerator, repeat.denominator) == (sum(n > 1 for n in by_then), sum(n > 0 for n in by_then)), end


@pytest.mark.parametrize("days", [7, 28])
def test_who_was_lost(purchases: list[Purchase], store: MemoryStore, days: int) -> None:
    bought = days_of(purchases)
    for end in ends_of_weeks(purchases):
        start = end - timedelta(days=days)
        before = [one for one in bought.values() if is_customer(one, start)]
        lost = sum(not is_customer(one, end) for one in before)
        churn: Any = values(store, f"{days}d", midnight(end + timedelta(days=1)) - 1, ["churn_rate"])["churn_rate"]
        assert (churn.numerator, churn.denominator) == (lost, len(before)), end


def test_what_customers_are_worth(purchases: list[Purchase], store: MemoryStore) -> None:
    """How many, and all they ever brought in, to the cent; median and 90th percentile within the stated 2 %."""
    for end in ends_of_weeks(purchases):
        worth: dict[str, Decimal] = {}
        for one in purchases:
            if one.day <= end:
                worth[one.customer] = worth.get(one.customer, Decimal(0)) + one.value
        found = values(store, "28d", midnight(end + timedelta(days=1)) - 1, ["clv_mean"])["clv_mean"]
        assert (found.n, round(Decimal(str(found.numerator)), 4)) == (len(worth), round(sum(worth.values(), Decimal(0)), 4)), end
        stats, ordered = found.stats, sorted(worth.values())
        assert stats is not None
        assert stats.mean == pytest.approx(float(sum(ordered) / len(ordered)))
        for said, q in ((stats.p50, 0.5), (stats.p90, 0.9)):
            assert said == pytest.approx(float(ordered[int(q * (len(ordered) - 1))]), rel=0.02), (end, q)


def test_who_of_a_week_is_there_weeks_later(purchases: list[Purchase], store: MemoryStore) -> None:
    """By the week, from Monday, of the first purchase: who buys anything in the n-th week after it."""
    monday = {one: one - timedelta(days=one.weekday()) for purchase in purchases for one in [purchase.day]}
    bought = days_of(purchases)
    seen = 0
    for end in ends_of_weeks(purchases):
        at = midnight(end + timedelta(days=1)) - 1
        reading = asyncio.run(read_values(store, POLICY, windows=["7d"], metrics=["cohort_retention"], at=at))
        found = {dict(one.dimensions)["week"]: (one.numerator, one.denominator) for one in reading.values}
        for week in (1, 2, 5, 12, 26, 52):
            over = monday.get(end, end - timedelta(days=end.weekday()))  # the Monday on which the n-th week is over
            first = over - timedelta(weeks=week + 1)
            cohort = [days for days in bought.values() if monday[days[0]] == first]
            back = sum(any(monday[day] == over - timedelta(weeks=1) for day in days) for days in cohort)
            assert found.get(str(week), (0, 0)) == (back, len(cohort)), (end, week)
            seen += len(cohort)
    assert seen > 2_357


@pytest.mark.parametrize(("window", "days"), [("24h", 1), ("7d", 7), ("28d", 28)])
def test_who_did_anything(purchases: list[Purchase], store: MemoryStore, window: str, days: int) -> None:
    for end in ends_of_weeks(purchases):
        within = {one.customer for one in purchases if end - timedelta(days=days) < one.day <= end}
        found = values(store, window, midnight(end + timedelta(days=1)) - 1, ["active_users", "active_customers"])
        # Nobody is lost within 28 days of a purchase here.
        assert found["active_users"].value == found["active_customers"].value == len(within), end
