"""The oracle's ledger: which buckets an amount falls into, and what its fields are called.

Written again from the definitions on purpose; nothing of `streams.core` but its types is used here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from streams.core.model import Dimensions, Grain

Cells = dict[tuple[Grain, int, str], int]
Tags = Mapping[str, str]

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
SPANS = {Grain.MINUTE: (MINUTE_MS, 26 * HOUR_MS), Grain.HOUR: (HOUR_MS, 9 * DAY_MS), Grain.DAY: (DAY_MS, 400 * DAY_MS)}
"""Grain -> (width of a bucket, how long before the watermark its buckets live), in ms."""

RELATIVE_ERROR = 0.02


def local_day(at: int, zone: str) -> int:
    """Days from 1970-01-01 to the local date of `at`."""
    there = datetime.fromtimestamp(at // 1000, ZoneInfo(zone))
    return (there.date() - date(1970, 1, 1)).days


def bucket_name(milliseconds: int) -> str:
    """The logarithmic bucket of a duration: `p<k>`, `m<k>` or `z`, k counted in seconds with 2 % relative error."""
    if milliseconds == 0:
        return "z"
    gamma = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
    k = math.ceil(math.log(abs(milliseconds) / 1000) / math.log(gamma))
    return f"{'p' if milliseconds > 0 else 'm'}{k}"


def tags_of(dimensions: Dimensions, *names: str) -> dict[str, str]:
    """The named dimensions of a touchpoint as a mapping."""
    return {name: str(getattr(dimensions, name)) for name in names}


class Book:
    """Adds amounts up in every live bucket; `closed()` gives the cells that are not zero."""

    def __init__(self, zone: str, watermark: int) -> None:
        self.zone = zone
        self.watermark = watermark
        self._sums: Cells = {}

    def _put(self, grain: Grain, index: int, name: str, amount: int, tags: Tags, fixed: str) -> None:
        if grain in SPANS:
            width, span = SPANS[grain]
            if (index + 1) * width <= self.watermark - span:
                return
        fields = [name + fixed] + [f"{name}{fixed}|{key}={value}" for key, value in tags.items() if value != ""]
        for field in fields:
            key = (grain, index, field)
            self._sums[key] = self._sums.get(key, 0) + amount

    def add(self, at: int, name: str, amount: int, tags: Tags, fixed: str = "") -> None:
        """Books `amount` at time `at` in all four grains. `fixed` is what every field carries: `|task=cart`."""
        self._put(Grain.MINUTE, at // MINUTE_MS, name, amount, tags, fixed)
        self._put(Grain.HOUR, at // HOUR_MS, name, amount, tags, fixed)
        self._put(Grain.DAY, local_day(at, self.zone), name, amount, tags, fixed)
        self._put(Grain.EVER, 0, name, amount, tags, fixed)

    def add_day(self, day: int, name: str, amount: int, tags: Tags, fixed: str = "") -> None:
        """Books a day metric: by day index, in day and ever only."""
        self._put(Grain.DAY, day, name, amount, tags, fixed)
        self._put(Grain.EVER, 0, name, amount, tags, fixed)

    def spread(self, at: int, name: str, milliseconds: int, tags: Tags, fixed: str = "") -> None:
        """Books one observation of a distribution."""
        self.add(at, f"{name}.n", 1, tags, fixed)
        self.add(at, f"{name}.sum", milliseconds, tags, fixed)
        self.add(at, f"{name}.{bucket_name(milliseconds)}", 1, tags, fixed)

    def closed(self) -> Cells:
        """All cells that are not zero."""
        return {key: amount for key, amount in self._sums.items() if amount != 0}
