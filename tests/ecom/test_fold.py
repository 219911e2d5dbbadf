"""`fold` of a shop's real-looking half year counts what others counted in it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from typing import Any

import pytest

from streams.core.fields import spell_all
from streams.core.metrics import Value, compute, needed
from streams.core.model import Record
from streams.fold import Folded, fold_records, in_event_time, read_records
from streams.store.dump import canonical_cells
from tests.ecom.clickstream import (
    BY_PERIOD,
    CHECKOUT_28_DAYS,
    EVENTS,
    POLICY,
    TOPIC,
    WHOLE,
    Share,
    clickstream,
    differing,
    end_of,
)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return in_event_time(read_records([str(clickstream())]), TOPIC, POLICY)


@pytest.fixture(scope="module")
def folding(records: list[Record]) -> Any:
    """Folded once, by the first test that awaits it."""
    done: list[Folded] = []

    async def whole() -> Folded:
        if not done:
            done.append(await fold_records(records, TOPIC, POLICY))
        return done[0]

    return whole


async def test_every_line_is_a_touchpoint(folding: Any) -> None:
    outcomes = (await folding()).outcomes
    assert {name: outcomes[name] for name in ("records", "decoded", "touchpoints", "touchpoints|applied")} == {
        "records": EVENTS,
        "decoded": EVENTS,
        "touchpoints": EVENTS,
        "touchpoints|applied": EVENTS,
    }
    assert not {name for name in outcomes if "rejected" in name or "ignored" in name}


async def test_shares_by_period_and_device(folding: Any) -> None:
    assert differing(await canonical_cells((await folding()).store)) == {}


async def test_visits_are_the_files_own_sessions(folding: Any) -> None:
    with gzip.open(clickstream(), "rt", encoding="utf-8", newline="") as file:
        sessions = {row["session_id"] for row in csv.DictReader(file)}
    values = await _values(await folding(), "all", "visits")
    assert _one(values, ()).value == len(sessions) == BY_PERIOD["conversion", WHOLE]["all"][1]


@pytest.mark.parametrize("day", CHECKOUT_28_DAYS)
async def test_28_days_of_checkouts_to_the_end_of_a_day(records: list[Record], folding: Any, day: str) -> None:
    """Standing at that time, and looking back at it from the end."""
    whole, mobile = CHECKOUT_28_DAYS[day]
    then = await _values(await fold_records(records, TOPIC, POLICY, end_of(day)), "28d", "task_success_rate")
    later = await _values(await folding(), "28d", "task_success_rate", end_of(day))
    for values in (then, later):
        assert _share(_one(values, (("task", "checkout"),))) == whole
        assert _share(_one(values, (("task", "checkout"), ("device", "mobile")))) == mobile
        assert {value.moment for value in values} == {end_of(day)}


async def test_totals_of_the_metrics_are_those_of_the_cells(folding: Any) -> None:
    done = await folding()
    conversion = await _values(done, "all", "conversion_rate")
    tasks = await _values(done, "all", "task_success_rate")
    for group, expected in BY_PERIOD["conversion", WHOLE].items():
        assert _share(_one(conversion, () if group == "all" else (("device", group),))) == expected
    for task in ("cart", "checkout"):
        for group, expected in BY_PERIOD[task, WHOLE].items():
            dims = (("task", task),) if group == "all" else (("task", task), ("device", group))
            assert _share(_one(tasks, dims)) == expected


async def _values(done: Folded, window: str, metric: str, at: int | None = None) -> list[Value]:
    wanted = needed(done.watermark, POLICY, [window], [metric], at)
    watermark, tables = await done.store.read(wanted)
    assert watermark == done.watermark
    return compute(watermark, spell_all(tables), POLICY, [window], [metric], at)


def _one(values: Sequence[Value], dims: tuple[tuple[str, str], ...]) -> Value:
    found = [value for value in values if value.dimensions == dims]
    assert len(found) == 1, f"{len(found)} values for {dims}"
    return found[0]


def _share(value: Value) -> Share:
    return int(value.numerator), value.denominator or 0
