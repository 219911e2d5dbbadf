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

from streams.core.fields import PLACES, code_of, place_of
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


Booked = dict[tuple[str, Where], dict[int, int]]
"""Increments of one bucket, before they are spread over breakdowns: (row, breakdowns) -> slot -> n."""


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

    def count_day(self, name: str, day: int, where: Where, n: int = 1) -> None:
        """Adds n to the relationship cells of a local day."""
        row, slot = PLACES[name]
        self._put(self.days, (row, where, day), slot, n)

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


class _Tables:
    """Increments by grain, of the buckets that are live at a watermark."""

    __slots__ = ("_days", "_ever", "_first_day", "_first_hour", "_first_minute", "_hours", "_minutes")

    def __init__(self, watermark: int) -> None:
        self._first_minute = oldest_live(Grain.MINUTE, watermark)
        self._first_hour = oldest_live(Grain.HOUR, watermark)
        self._first_day = oldest_live(Grain.DAY, watermark)
        self._ever: Booked = {}
        self._minutes: dict[int, Booked] = {}
        self._hours: dict[int, Booked] = {}
        self._days: dict[int, Booked] = {}

    def add_minute(self, key: tuple[str, Where], minute: int, day: int, slots: dict[int, int]) -> None:
        """Each key and minute once."""
        if minute >= self._first_minute:
            _table(self._minutes, minute)[key] = slots
        hour = minute // 60
        if hour >= self._first_hour:
            _add(_table(self._hours, hour), key, slots)
        self.add_day(key, day, slots)

    def add_day(self, key: tuple[str, Where], day: int, slots: dict[int, int]) -> None:
        """In its day, and ever."""
        if day >= self._first_day:
            _add(_table(self._days, day), key, slots)
        _add(self._ever, key, slots)

    def rows(self) -> dict[Bucket, Rows]:
        """By bucket, spread over breakdowns."""
        grains = (
            (Grain.EVER, {0: self._ever}),
            (Grain.MINUTE, self._minutes),
            (Grain.HOUR, self._hours),
            (Grain.DAY, self._days),
        )
        spread = ((grain, index, _rows(table)) for grain, tables in grains for index, table in tables.items())
        return {(grain, index): rows for grain, index, rows in spread if rows}


def _table(tables: dict[int, Booked], index: int) -> Booked:
    table = tables.get(index)
    if table is None:
        table = tables[index] = {}
    return table


def _without_zeros(slots: dict[int, int]) -> dict[int, int]:
    return slots if all(slots.values()) else {slot: n for slot, n in slots.items() if n}


def _add(table: Booked, key: tuple[str, Where], slots: dict[int, int]) -> None:
    known = table.get(key)
    table[key] = slots if known is None else _sum(known, slots)


def _sum(known: dict[int, int], slots: dict[int, int]) -> dict[int, int]:
    """The sum of two, without zeros; a new one, since tables share what they hold."""
    total = dict(known)
    for slot, n in slots.items():
        value = total.get(slot, 0) + n
        if value:
            total[slot] = value
        else:
            del total[slot]
    return total


def _rows(booked: Booked) -> dict[str, dict[int, int]]:
    """Totals and breakdowns, without zeros."""
    rows: dict[str, dict[int, int]] = {}
    for (row, where), slots in booked.items():
        for name in _names(row, where):
            known = rows.get(name)
            rows[name] = slots if known is None else _sum(known, slots)
    return rows if all(rows.values()) else {name: slots for name, slots in rows.items() if slots}


@lru_cache(maxsize=65_536)
def bucket_of(value_ms: int) -> int:
    """The code of a duration's logarithmic bucket (`fields.part_of` says its name)."""
    if value_ms == 0:
        return 0
    return code_of(ceil(log(abs(value_ms) / 1000) / _LN_GAMMA), 1 if value_ms > 0 else -1)
