"""The e-commerce clickstream: where it lies, what was counted in it by others, and the same figures from cells.

The figures are those of a throw-away script that its packagers' incidents were checked with: (success, of n), all and
by device of the first event. Periods are days in UTC, the last one included, by booking time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.core.fields import parse_field
from streams.core.model import Grain
from streams.core.policy import DAY, Policy, TopicPolicy
from streams.store.dump import Cell

REPOSITORY = Path(__file__).parents[2]
PLACES = (REPOSITORY / "streams/demo/data/ecom.csv.gz", REPOSITORY.parent / "shared/data/ecom/ecom.csv.gz")
FORMAT = "mapping:retentioneering-ecom"
EVENTS = 31_106
POLICY = Policy(clock="history")
TOPIC = TopicPolicy("clickstream", FORMAT)

GROUPS = ("all", "desktop", "mobile", "tablet")
Share = tuple[int, int]
Shares = dict[str, Share]
WHOLE, MOBILE_BUG, PAYMENT_INCIDENT = ("2024-01-01", "2024-07-31"), ("2024-04-09", "2024-05-09"), ("2024-05-19", "2024-06-07")

MEASURES: dict[str, tuple[str, str, str]] = {
    "conversion": ("visits_converted", "visits", ""),
    "cart": ("attempts_completed", "attempts", "cart"),
    "checkout": ("attempts_completed", "attempts", "checkout"),
}
"""Measure -> cell of the numerator, of the denominator, and the task."""


def _shares(*of: Share) -> Shares:
    return dict(zip(GROUPS, of, strict=True))


BY_PERIOD: dict[tuple[str, tuple[str, str]], Shares] = {
    ("conversion", WHOLE): _shares((470, 3605), (277, 1890), (126, 1295), (67, 420)),
    ("conversion", MOBILE_BUG): _shares((121, 953), (82, 503), (19, 331), (20, 119)),
    ("conversion", PAYMENT_INCIDENT): _shares((46, 598), (31, 305), (9, 226), (6, 67)),
    ("cart", WHOLE): _shares((364, 1220), (217, 662), (97, 406), (50, 152)),
    ("cart", MOBILE_BUG): _shares((91, 314), (63, 180), (15, 90), (13, 44)),
    ("cart", PAYMENT_INCIDENT): _shares((38, 229), (26, 126), (8, 78), (4, 25)),
    ("checkout", WHOLE): _shares((310, 822), (186, 447), (81, 269), (43, 106)),
    ("checkout", MOBILE_BUG): _shares((78, 216), (55, 123), (13, 62), (10, 31)),
    ("checkout", PAYMENT_INCIDENT): _shares((35, 160), (25, 89), (6, 52), (4, 19)),
}

CHECKOUT_28_DAYS: dict[str, tuple[Share, Share]] = {
    "2024-04-08": ((42, 98), (10, 26)),
    "2024-05-09": ((69, 201), (13, 62)),
    "2024-06-07": ((57, 211), (13, 72)),
}
"""Day -> checkouts of the 28 days up to its end: all, mobile."""


def clickstream() -> Path:
    """The file; skips where there is none."""
    for place in PLACES:
        if place.is_file():
            return place
    pytest.skip("the clickstream is neither in streams/demo/data nor in ../shared/data")


def end_of(day: str) -> int:
    """The last ms of a day in UTC."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000 + DAY - 1


def shares(cells: Iterable[Cell], measure: str, period: tuple[str, str]) -> Shares:
    """A measure over a period, from its day cells."""
    numerator, denominator, task = MEASURES[measure]
    first, last = (end_of(day) // DAY for day in period)
    always = (("task", task),) if task else ()
    found = {group: {numerator: 0, denominator: 0} for group in GROUPS}
    for (grain, index), name, value in cells:
        field = parse_field(name)
        if grain is not Grain.DAY or not first <= index <= last or field is None or field.cell not in (numerator, denominator):
            continue
        if field.dims[: len(always)] == always:
            by = dict(field.dims[len(always) :])
            group = by.get("device", "") if by else "all"
            if group in found and len(by) <= 1:
                found[group][field.cell] += value
    return {group: (counts[numerator], counts[denominator]) for group, counts in found.items()}


def differing(cells: list[Cell]) -> dict[tuple[str, tuple[str, str]], tuple[Shares, Shares]]:
    """Measure and period -> (found, expected), where they differ: nothing."""
    compared = {key: (shares(cells, *key), expected) for key, expected in BY_PERIOD.items()}
    return {key: both for key, both in compared.items() if both[0] != both[1]}
