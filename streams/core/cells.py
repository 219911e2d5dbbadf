"""Cells: the integers that metrics are made of, and the notebook that collects their increments.

A cell is (grain, bucket, field). The field is `name` for a total and `name|dimension=value` for a breakdown; a task
cell always carries its task, a money cell its currency. Flows and stocks of moments are booked by minute and spread
over the grains when a commit is built; relationship cells are booked by local day.

Distributions count values in logarithmic buckets of seconds with a relative error of at most 2 % (as DDSketch:
Masson, Rim and Lee 2019), beside an exact count and sum, so that they add and subtract like any other cell.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log

from streams.core.model import Bucket, Dimensions, Grain
from streams.core.policy import MINUTE
from streams.core.windows import WIDTHS, LocalDays, oldest_live

RELATIVE_ERROR = 0.02
_LN_GAMMA = log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))


class Where:
    """The breakdowns of a booking: the suffixes of a total's field and of each breakdown's (`""`, `"|channel=web"`, ...).

    Equal ones are one object, so that increments meet in a dictionary without comparing strings.
    """

    __slots__ = ("suffixes",)

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        self.suffixes = suffixes


@lru_cache(maxsize=65_536)
def where_of(dimensions: Dimensions, names: tuple[str, ...], always: str = "", more: tuple[str, ...] = ()) -> Where:
    """The total and the breakdowns by these dimensions that have a value; `always` precedes each, `more` are added."""
    found = [always]
    for name in names:
        value = getattr(dimensions, name)
        if value:
            found.append(f"{always}|{name}={value}")
    return Where((*found, *more))


Booked = dict[tuple[str, Where], int]


class Notebook:
    """Collects increments of one commit: `minutes` for cells of all grains, `days` for relationship cells."""

    __slots__ = ("days", "local", "minutes", "sign")

    def __init__(self, local: LocalDays) -> None:
        self.local = local
        self.minutes: dict[tuple[str, Where, int], int] = {}
        self.days: dict[tuple[str, Where, int], int] = {}
        self.sign = 1

    def count(self, name: str, at: int, where: Where, n: int = 1) -> None:
        """Adds n to the cells of the minute that contains `at`."""
        key = (name, where, at // MINUTE)
        self.minutes[key] = self.minutes.get(key, 0) + n * self.sign

    def measure(self, name: str, at: int, where: Where, value_ms: int, *, geometric: bool = False) -> None:
        """Adds one value in milliseconds to a distribution."""
        self.count(f"{name}.n", at, where)
        if value_ms:
            self.count(f"{name}.sum", at, where, value_ms)
        self.count(f"{name}.{bucket_of(value_ms)}", at, where)
        if geometric and value_ms > 0:
            self.count(f"{name}.ln", at, where, round(1_000_000 * log(value_ms / 1000)))

    def count_day(self, name: str, day: int, where: Where, n: int = 1) -> None:
        """Adds n to the relationship cells of a local day."""
        key = (name, where, day)
        self.days[key] = self.days.get(key, 0) + n * self.sign

    def buckets(self, watermark: int) -> dict[Bucket, dict[str, int]]:
        """The increments by bucket, in every grain that is live at this watermark, and ever. Zeros are left out."""
        found: dict[Bucket, Booked] = {}
        ever = found[Grain.EVER, 0] = {}
        oldest = {grain: oldest_live(grain, watermark) for grain in WIDTHS}
        first_minute, first_hour, first_day = oldest[Grain.MINUTE], oldest[Grain.HOUR], oldest[Grain.DAY]
        day_of_minute = self.local.day_of_minute
        for (name, where, minute), n in self.minutes.items():
            if not n:
                continue
            key = (name, where)
            ever[key] = ever.get(key, 0) + n
            if minute >= first_minute:
                _add(found, (Grain.MINUTE, minute), key, n)
            hour = minute // 60
            if hour >= first_hour:
                _add(found, (Grain.HOUR, hour), key, n)
            day = day_of_minute(minute)
            if day >= first_day:
                _add(found, (Grain.DAY, day), key, n)
        for (name, where, day), n in self.days.items():
            if not n:
                continue
            key = (name, where)
            ever[key] = ever.get(key, 0) + n
            if day >= first_day:
                _add(found, (Grain.DAY, day), key, n)
        spread = ((bucket, _fields(booked)) for bucket, booked in found.items())
        return {bucket: fields for bucket, fields in spread if fields}


def _add(found: dict[Bucket, Booked], bucket: Bucket, key: tuple[str, Where], n: int) -> None:
    booked = found.get(bucket)
    if booked is None:
        booked = found[bucket] = {}
    booked[key] = booked.get(key, 0) + n


def _fields(booked: Booked) -> dict[str, int]:
    """Totals and breakdowns, without zeros."""
    fields: dict[str, int] = {}
    for (name, where), n in booked.items():
        if n:
            for suffix in where.suffixes:
                field = name + suffix
                fields[field] = fields.get(field, 0) + n
    return {field: n for field, n in fields.items() if n}


@lru_cache(maxsize=65_536)
def bucket_of(value_ms: int) -> str:
    """The logarithmic bucket of a duration: `z` for zero, `p<k>` or `m<k>` for gamma^(k-1) < |seconds| <= gamma^k."""
    if value_ms == 0:
        return "z"
    return f"{'p' if value_ms > 0 else 'm'}{ceil(log(abs(value_ms) / 1000) / _LN_GAMMA)}"
