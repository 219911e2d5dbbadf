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

Suffixes = tuple[str, ...]


@lru_cache(maxsize=65_536)
def suffixes(dimensions: Dimensions, names: tuple[str, ...], always: str = "") -> Suffixes:
    """The field suffixes of a total and of its breakdowns: `("", "|channel=web", ...)`; `always` precedes each."""
    found = [always]
    for name in names:
        value = getattr(dimensions, name)
        if value:
            found.append(f"{always}|{name}={value}")
    return tuple(found)


class Notebook:
    """Collects increments of one commit: `minutes` for cells of all grains, `days` for relationship cells."""

    __slots__ = ("days", "local", "minutes", "sign")

    def __init__(self, local: LocalDays) -> None:
        self.local = local
        self.minutes: dict[tuple[str, int], int] = {}
        self.days: dict[tuple[str, int], int] = {}
        self.sign = 1

    def count(self, name: str, at: int, where: Suffixes, n: int = 1) -> None:
        """Adds n to the cells of the minute that contains `at`."""
        minute = at // MINUTE
        amount = n * self.sign
        cells = self.minutes
        for suffix in where:
            key = (name + suffix, minute)
            cells[key] = cells.get(key, 0) + amount

    def measure(self, name: str, at: int, where: Suffixes, value_ms: int, *, geometric: bool = False) -> None:
        """Adds one value in milliseconds to a distribution."""
        self.count(f"{name}.n", at, where)
        if value_ms:
            self.count(f"{name}.sum", at, where, value_ms)
        self.count(f"{name}.{bucket_of(value_ms)}", at, where)
        if geometric and value_ms > 0:
            self.count(f"{name}.ln", at, where, round(1_000_000 * log(value_ms / 1000)))

    def count_day(self, name: str, day: int, where: Suffixes, n: int = 1) -> None:
        """Adds n to the relationship cells of a local day."""
        amount = n * self.sign
        cells = self.days
        for suffix in where:
            key = (name + suffix, day)
            cells[key] = cells.get(key, 0) + amount

    def buckets(self, watermark: int) -> dict[Bucket, dict[str, int]]:
        """The increments by bucket, in every grain that is live at this watermark, and ever. Zeros are left out."""
        found: dict[Bucket, dict[str, int]] = {}
        ever: dict[str, int] = {}
        oldest = {grain: oldest_live(grain, watermark) for grain in WIDTHS}
        first_minute, first_hour, first_day = oldest[Grain.MINUTE], oldest[Grain.HOUR], oldest[Grain.DAY]
        day_of_minute = self.local.day_of_minute
        for (field, minute), n in self.minutes.items():
            if not n:
                continue
            ever[field] = ever.get(field, 0) + n
            if minute >= first_minute:
                _add(found, (Grain.MINUTE, minute), field, n)
            hour = minute // 60
            if hour >= first_hour:
                _add(found, (Grain.HOUR, hour), field, n)
            day = day_of_minute(minute)
            if day >= first_day:
                _add(found, (Grain.DAY, day), field, n)
        for (field, day), n in self.days.items():
            if not n:
                continue
            ever[field] = ever.get(field, 0) + n
            if day >= first_day:
                _add(found, (Grain.DAY, day), field, n)
        found[Grain.EVER, 0] = ever
        return _without_zeros(found)


def _add(found: dict[Bucket, dict[str, int]], bucket: Bucket, field: str, n: int) -> None:
    cells = found.get(bucket)
    if cells is None:
        cells = found[bucket] = {}
    cells[field] = cells.get(field, 0) + n


def _without_zeros(found: dict[Bucket, dict[str, int]]) -> dict[Bucket, dict[str, int]]:
    kept = {}
    for bucket, cells in found.items():
        rest = {field: n for field, n in cells.items() if n}
        if rest:
            kept[bucket] = rest
    return kept


@lru_cache(maxsize=65_536)
def bucket_of(value_ms: int) -> str:
    """The logarithmic bucket of a duration: `z` for zero, `p<k>` or `m<k>` for gamma^(k-1) < |seconds| <= gamma^k."""
    if value_ms == 0:
        return "z"
    return f"{'p' if value_ms > 0 else 'm'}{ceil(log(abs(value_ms) / 1000) / _LN_GAMMA)}"
