"""Cells: the integers that metrics are made of, and the notebook that collects their increments.

A cell is (grain, bucket, field); `fields` says how fields are named, and how they are stored as rows. Flows and stocks
of moments are booked by minute and spread over the grains when a commit is built; relationship cells are booked by
local day.

Distributions count values in logarithmic buckets of seconds with a relative error of at most 2 % (as DDSketch:
Masson, Rim and Lee 2019), beside an exact count and sum, so that they add and subtract like any other cell.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log
from typing import Generic, TypeVar

from streams.core.fields import MANY, PLACES, code_of, place_of
from streams.core.model import Bucket, Dimensions, Grain, Rows
from streams.core.policy import MINUTE
from streams.core.windows import LocalDays, oldest_live

RELATIVE_ERROR = 0.02
_LN_GAMMA = log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))


class Where:
    """The breakdowns of a booking: the suffixes of a total's field and of each breakdown's (`""`, `"|channel=web"`, ...).

    Equal ones are one object, so that increments meet in a dictionary without comparing strings.
    """

    __slots__ = ("suffixes",)

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        self.suffixes = suffixes


@lru_cache(maxsize=16_384)
def _names(row: str, where: Where) -> tuple[str, ...]:
    """A row's name for the total and for each breakdown; made once, because strings remember their hash."""
    return tuple([row + suffix for suffix in where.suffixes])


@lru_cache(maxsize=65_536)
def where_of(dimensions: Dimensions, names: tuple[str, ...], always: str = "", more: tuple[str, ...] = ()) -> Where:
    """The total and the breakdowns by these dimensions that have a value; `always` precedes each, `more` are added."""
    found = [always]
    for name in names:
        value = getattr(dimensions, name)
        if value:
            found.append(f"{always}|{name}={value}")
    return Where((*found, *more))


_TOTAL = Where(("",))
Key = TypeVar("Key")
Booking = tuple[str, Where]
"""(row, breakdowns)."""
Booked = dict[Booking, dict[int, int]]
"""Increments of one bucket, before they are spread over breakdowns: slot -> n."""


class Notebook:
    """Collects increments of one commit: `minutes` for cells of all grains, `days` for relationship cells.

    most: no increment that `buckets` has returned is larger than this.
    """

    __slots__ = ("days", "local", "minutes", "most", "sign")

    def __init__(self, local: LocalDays) -> None:
        self.local = local
        self.minutes: dict[tuple[str, Where, int], dict[int, int]] = {}
        self.days: dict[tuple[str, Where, int], dict[int, int]] = {}
        self.sign = 1
        self.most = 0

    def count(self, name: str, at: int, where: Where, n: int = 1) -> None:
        """Adds n to the cells of the minute that contains `at`."""
        row, slot = PLACES[name]
        self._put(self.minutes, (row, where, at // MINUTE), slot, n)

    def measure(self, name: str, at: int, where: Where, value_ms: int, *, geometric: bool = False) -> None:
        """Adds one value in milliseconds to a distribution."""
        minute = at // MINUTE
        row, n = PLACES[name + ".n"]
        key = (row, where, minute)
        self._put(self.minutes, key, n, 1)
        self._put(self.minutes, key, n + 1, value_ms)
        if geometric and value_ms > 0:
            self._put(self.minutes, key, n + 2, round(1_000_000 * log(value_ms / 1000)))
        band, slot = place_of(name, bucket_of(value_ms))
        self._put(self.minutes, (band, where, minute), slot, 1)

    def tally(self, name: str, at: int, where: Where, number: int) -> None:
        """Adds one count to a distribution of counts; its sum is in thousandths, as others' are."""
        minute = at // MINUTE
        row, n = PLACES[name + ".n"]
        key = (row, where, minute)
        self._put(self.minutes, key, n, 1)
        self._put(self.minutes, key, n + 1, 1_000 * number)
        band, slot = place_of(name, min(number, MANY))
        self._put(self.minutes, (band, where, minute), slot, 1)

    def count_since(self, name: str, at: int, since: int, n: int = 1) -> None:
        """Adds n at `at` to a stock of what is there since the minute that contains `since`."""
        band, slot = place_of(name, since // MINUTE)
        self._put(self.minutes, (band, _TOTAL, at // MINUTE), slot, n)

    def count_day(self, name: str, day: int, where: Where, n: int = 1) -> None:
        """Adds n to the relationship cells of a local day."""
        row, slot = PLACES[name]
        self._put(self.days, (row, where, day), slot, n)

    def move_day(self, name: str, day: int, where: Where, before: int | None, after: int) -> None:
        """Moves one value of a distribution that is a stock to another, on a local day; before None: it is new."""
        row, n = PLACES[name + ".n"]
        key = (row, where, day)
        if before is None:
            self._put(self.days, key, n, 1)
        else:
            band, slot = place_of(name, bucket_of(before))
            self._put(self.days, (band, where, day), slot, -1)
        self._put(self.days, key, n + 1, after - (before or 0))
        band, slot = place_of(name, bucket_of(after))
        self._put(self.days, (band, where, day), slot, 1)

    def _put(self, table: dict[tuple[str, Where, int], dict[int, int]], key: tuple[str, Where, int], slot: int, n: int) -> None:
        slots = table.get(key)
        if slots is None:
            table[key] = {slot: n * self.sign}
        else:
            slots[slot] = slots.get(slot, 0) + n * self.sign

    def buckets(self, watermark: int) -> dict[Bucket, Rows]:
        """The increments by bucket, in every grain that is live at this watermark, and ever. Zeros are left out."""
        tables = _Tables(watermark)
        day_of_minute = self.local.day_of_minute
        for (row, where, minute), booked in self.minutes.items():
            slots = _without_zeros(booked)
            if slots:
                self.most += max(map(abs, slots.values()))
                tables.add_minute((row, where), minute, day_of_minute(minute), slots)
        for (row, where, day), booked in self.days.items():
            slots = _without_zeros(booked)
            if slots:
                self.most += max(map(abs, slots.values()))
                tables.add_day((row, where), day, slots)
        return tables.rows()


class _Sums(Generic[Key]):
    """Sums of slots by row. Tables share what is booked once: slots are copied before anything is added to them."""

    __slots__ = ("_own", "table")

    def __init__(self) -> None:
        self.table: dict[Key, dict[int, int]] = {}
        self._own: set[Key] = set()

    def add(self, key: Key, slots: dict[int, int]) -> None:
        """Adds slots that have no zeros; what becomes zero is left out, and a row of which nothing is left."""
        known = self.table.get(key)
        if known is None:
            self.table[key] = slots
            return
        if key not in self._own:
            known = self.table[key] = dict(known)
            self._own.add(key)
        for slot, n in slots.items():
            total = known.get(slot, 0) + n
            if total:
                known[slot] = total
            else:
                del known[slot]
        if not known:
            del self.table[key]
            self._own.discard(key)

    def add_all(self, table: dict[Key, dict[int, int]]) -> None:
        """Adds every row of a table."""
        if not self.table:
            self.table = dict(table)
            return
        for key, slots in table.items():
            self.add(key, slots)


class _Tables:
    """Increments by grain, of the buckets that are live at a watermark.

    Hours are spread over breakdowns, days are sums of hours, and ever is the sum of the days: a sum of breakdowns is made of
    far fewer numbers than what they are spread from. An hour that is in two local days is in two parts.
    """

    __slots__ = ("_days", "_first_day", "_first_hour", "_first_minute", "_hours", "_minutes")

    def __init__(self, watermark: int) -> None:
        self._first_minute = oldest_live(Grain.MINUTE, watermark)
        self._first_hour = oldest_live(Grain.HOUR, watermark)
        self._first_day = oldest_live(Grain.DAY, watermark)
        self._minutes: dict[int, Booked] = {}
        self._hours: dict[tuple[int, int], _Sums[Booking]] = {}
        self._days: dict[int, _Sums[Booking]] = {}

    def add_minute(self, key: Booking, minute: int, day: int, slots: dict[int, int]) -> None:
        """Each key and minute once."""
        if minute >= self._first_minute:
            table = self._minutes.get(minute)
            if table is None:
                table = self._minutes[minute] = {}
            table[key] = slots
        hour = (minute // 60, day)
        sums = self._hours.get(hour)
        if sums is None:
            sums = self._hours[hour] = _Sums()
        sums.add(key, slots)

    def add_day(self, key: Booking, day: int, slots: dict[int, int]) -> None:
        """In its day, and ever."""
        sums = self._days.get(day)
        if sums is None:
            sums = self._days[day] = _Sums()
        sums.add(key, slots)

    def rows(self) -> dict[Bucket, Rows]:
        """By bucket, spread over breakdowns."""
        hours: dict[int, _Sums[str]] = {}
        days: dict[int, _Sums[str]] = {}
        ever: _Sums[str] = _Sums()
        for day, sums in self._days.items():
            days.setdefault(day, _Sums()).add_all(_spread(sums.table))
        for (hour, day), sums in self._hours.items():
            spread = _spread(sums.table)
            days.setdefault(day, _Sums()).add_all(spread)
            if hour >= self._first_hour:
                hours.setdefault(hour, _Sums()).add_all(spread)
        for sums_of_day in days.values():
            ever.add_all(sums_of_day.table)
        tables = [((Grain.EVER, 0), ever.table)]
        tables += [((Grain.MINUTE, minute), _spread(booked)) for minute, booked in self._minutes.items()]
        tables += [((Grain.HOUR, hour), sums_of_hour.table) for hour, sums_of_hour in hours.items()]
        tables += [((Grain.DAY, day), sums_of_day.table) for day, sums_of_day in days.items() if day >= self._first_day]
        return {bucket: rows for bucket, rows in tables if rows}


def _spread(booked: Booked) -> dict[str, dict[int, int]]:
    """Totals and breakdowns."""
    sums: _Sums[str] = _Sums()
    for (row, where), slots in booked.items():
        for name in _names(row, where):
            sums.add(name, slots)
    return sums.table


def _without_zeros(slots: dict[int, int]) -> dict[int, int]:
    return slots if all(slots.values()) else {slot: n for slot, n in slots.items() if n}


@lru_cache(maxsize=65_536)
def bucket_of(value_ms: int) -> int:
    """The code of a duration's logarithmic bucket (`fields.part_of` says its name)."""
    if value_ms == 0:
        return 0
    return code_of(ceil(log(abs(value_ms) / 1000) / _LN_GAMMA), 1 if value_ms > 0 else -1)
