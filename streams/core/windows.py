"""Windows: which buckets a rolling figure at a moment is the sum of, and the local days that buckets follow.

A moment names its minute: everything booked in that minute counts, so at the watermark the current bucket counts as
far as it is filled. A flow over a window is the current unit so far and n - 1 whole ones before it (minutes up to 24 h,
hours for 7d, local days for 28d; relationship cells always local days). A stock at a moment is everything ever booked
less what is booked after the moment.

A moment before the watermark is rounded up to the end of the finest grain of which everything after it is still
live. A window that needs buckets which are gone is read a grain coarser, and where none is left it has no plan.

Pure: the watermark is passed in, cells are somebody else's. Times are ms UTC; indexes as in `streams.core.model`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from streams.core.model import Bucket, Grain
from streams.core.policy import DAY, HOUR, MINUTE, SECOND

WindowName = Literal["5m", "1h", "24h", "7d", "28d", "all"]
WINDOWS: tuple[WindowName, ...] = get_args(WindowName)
DAY_WINDOWS: tuple[WindowName, ...] = ("7d", "28d", "all")
"""The windows of relationship metrics, which are booked by local day."""
PEOPLE_WINDOWS: tuple[WindowName, ...] = ("24h", "7d", "28d")
"""The windows of figures of people by the day; 24h is the local day."""

AHEAD_DAYS = 400
"""How many days after the watermark's a stock looks for cells: churn is booked up to 28 days ahead, and a partition
that lags holds the watermark back while the others are counted."""

SPANS = {Grain.MINUTE: 26 * HOUR, Grain.HOUR: 9 * DAY, Grain.DAY: 400 * DAY}
WIDTHS = {Grain.MINUTE: MINUTE, Grain.HOUR: HOUR, Grain.DAY: DAY}
EVER: Bucket = (Grain.EVER, 0)

_UNITS: dict[WindowName, tuple[tuple[Grain, int], ...]] = {
    "5m": ((Grain.MINUTE, 5),),
    "1h": ((Grain.MINUTE, 60), (Grain.HOUR, 1)),
    "24h": ((Grain.MINUTE, 1440), (Grain.HOUR, 24), (Grain.DAY, 1)),
    "7d": ((Grain.HOUR, 168), (Grain.DAY, 7)),
    "28d": ((Grain.DAY, 28),),
}
"""What a window is made of, the finest first; the coarser are for moments whose finer buckets are gone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_QUARTER_MINUTES = 15
_CACHED_QUARTERS = 100_000


def oldest_live(grain: Grain, watermark: int) -> int:
    """The least index of a live bucket of a grain: (index + 1) * width > watermark - span."""
    return (watermark - SPANS[grain]) // WIDTHS[grain]


def is_live(bucket: Bucket, watermark: int) -> bool:
    """Whether a bucket still takes increments at this watermark; `ever` always does."""
    grain, index = bucket
    return grain is Grain.EVER or index >= oldest_live(grain, watermark)


class LocalDays:
    """Local days of one time zone, as days since 1970-01-01 (negative before).

    Answers are kept by quarter of an hour, where offsets change today; a quarter that holds more than one day (zones of
    other times) is asked minute by minute. Times are those that `datetime` knows, years 1 to 9999. An unknown zone
    raises `zoneinfo.ZoneInfoNotFoundError`; settings check names before.
    """

    __slots__ = ("_quarters", "zone")

    def __init__(self, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self._quarters: dict[int, int | None] = {}

    def day_of(self, at: int) -> int:
        """The local day that contains a time in ms."""
        return self.day_of_minute(at // MINUTE)

    def day_of_minute(self, minute: int) -> int:
        """The local day at the start of a minute since the epoch."""
        quarter = minute // _QUARTER_MINUTES
        try:
            day = self._quarters[quarter]
        except KeyError:
            day = self._remember(quarter)
        return self._ask(minute) if day is None else day

    def start(self, day: int) -> int:
        """The first ms of a local day: midnight, or where a change of the clock skips midnight, the change."""
        local = date.fromordinal(day + _EPOCH_DAY)
        midnight = datetime(local.year, local.month, local.day, tzinfo=self.zone)
        return (midnight - _EPOCH) // timedelta(milliseconds=1)

    def _remember(self, quarter: int) -> int | None:
        first = self._ask(quarter * _QUARTER_MINUTES)
        last = self._ask((quarter + 1) * _QUARTER_MINUTES - 1)
        if len(self._quarters) >= _CACHED_QUARTERS:
            self._quarters.clear()
        return self._quarters.setdefault(quarter, first if first == last else None)

    def _ask(self, minute: int) -> int:
        local = (_EPOCH + timedelta(seconds=minute * (MINUTE // SECOND))).astimezone(self.zone)
        return local.toordinal() - _EPOCH_DAY


class Plan(msgspec.Struct, frozen=True):
    """A figure is the sum over `add` less the sum over `subtract`."""

    add: tuple[Bucket, ...]
    subtract: tuple[Bucket, ...] = ()


class Calendar:
    """The plans of one moment, read at one watermark.

    moment: the last ms that counts; the watermark itself, or the end of the bucket that an earlier `at` is rounded up
    to. It is None where even the days of that time are gone; there are no plans then.
    """

    def __init__(self, days: LocalDays, watermark: int, at: int | None = None) -> None:
        self._days = days
        self._watermark = watermark
        self._ahead = days.day_of(watermark) + AHEAD_DAYS
        self.moment = watermark if at is None or at >= watermark else self._round_up(at)

    @property
    def past(self) -> bool:
        """Whether the moment lies before the watermark."""
        return self.moment is not None and self.moment < self._watermark

    def flow(self, window: WindowName) -> Plan | None:
        """What was booked over a window that ends at the moment; None where its buckets are gone."""
        if self.moment is None:
            return None
        if window == "all":
            return self.stock() if self.past else Plan((EVER,))
        for grain, count in _UNITS[window]:
            plan = self._units(self.moment, grain, count)
            if self._readable(plan):
                return plan
        return None

    def day_flow(self, window: WindowName) -> Plan | None:
        """As `flow`, for relationship cells, by whole local days; the moment's own day counts as far as it is filled."""
        if self.moment is None:
            return None
        if window == "all":
            return self.day_stock(0) if self.past else Plan((EVER,))
        last = self._days.day_of(self.moment)
        plan = Plan(_days(last - day_count(window) + 1, last + 1))
        return plan if self._readable(plan) else None

    def stock(self) -> Plan | None:
        """What is there at the moment."""
        return None if self.moment is None else self._stock(self.moment)

    def day_stock(self, days_before: int) -> Plan | None:
        """What is there at the end of the local day so many days before the moment's, in relationship cells."""
        if self.moment is None:
            return None
        plan = Plan((EVER,), _days(self._days.day_of(self.moment) - days_before + 1, self._ahead + 1))
        return plan if self._readable(plan) else None

    def _round_up(self, at: int) -> int | None:
        day_end = self._days.start(self._days.day_of(at) + 1)
        for end in ((at // MINUTE + 1) * MINUTE, (at // HOUR + 1) * HOUR, day_end):
            moment = min(end - 1, self._watermark)
            if moment == self._watermark or self._readable(self._stock(moment)):
                return moment
        return None

    def _stock(self, moment: int) -> Plan:
        day = self._days.day_of(moment)
        rest = _cover(moment // MINUTE + 1, self._minute_of_day(day + 1))
        return Plan((EVER,), (*rest, *_days(day + 1, self._ahead + 1)))

    def _units(self, moment: int, grain: Grain, count: int) -> Plan:
        """The moment's own unit and those before it, without what the own unit holds after a moment in the past."""
        minute = moment // MINUTE
        if grain is Grain.MINUTE:
            return Plan(_cover(minute - count + 1, minute + 1))
        if grain is Grain.HOUR:
            hour = moment // HOUR
            add = tuple(self._hours(hour - count + 1, hour + 1))
            end = (hour + 1) * (HOUR // MINUTE)
        else:
            day = self._days.day_of(moment)
            add = _days(day - count + 1, day + 1)
            end = self._minute_of_day(day + 1)
        return Plan(add, _cover(minute + 1, end) if self.past else ())

    def _hours(self, first: int, end: int) -> Iterable[Bucket]:
        """The hours from `first` until before `end`, as local days where a day lies whole inside: fewer to read."""
        hour = first
        while hour < end:
            day = self._days.day_of(hour * HOUR)
            start, after = self._days.start(day), self._days.start(day + 1)
            if start == hour * HOUR and after % HOUR == 0 and after <= end * HOUR:
                yield (Grain.DAY, day)
                hour = after // HOUR
            else:
                yield (Grain.HOUR, hour)
                hour += 1

    def _minute_of_day(self, day: int) -> int:
        return self._days.start(day) // MINUTE

    def _readable(self, plan: Plan) -> bool:
        return all(is_live(bucket, self._watermark) for bucket in (*plan.add, *plan.subtract))


def day_count(window: WindowName) -> int:
    """How many local days a window of relationship metrics has; `all` has no number of days (KeyError)."""
    return {"24h": 1, "7d": 7, "28d": 28}[window]


def gather(plan: Plan, cells: Mapping[Bucket, Mapping[str, int]]) -> dict[str, int]:
    """The figures of a plan by field, from cells by bucket; buckets without cells count nothing, zeros are left out."""
    total: dict[str, int] = {}
    for bucket in plan.add:
        for field, amount in cells.get(bucket, {}).items():
            total[field] = total.get(field, 0) + amount
    for bucket in plan.subtract:
        for field, amount in cells.get(bucket, {}).items():
            total[field] = total.get(field, 0) - amount
    return {field: amount for field, amount in total.items() if amount}


def _days(first: int, end: int) -> tuple[Bucket, ...]:
    return tuple((Grain.DAY, day) for day in range(first, end))


def _cover(first: int, end: int) -> tuple[Bucket, ...]:
    """The minutes from `first` until before `end`, as hours where an hour lies whole inside."""
    return tuple(_covering(first, end))


def _covering(first: int, end: int) -> Iterable[Bucket]:
    minute = first
    while minute < end:
        if minute % 60 == 0 and minute + 60 <= end:
            yield (Grain.HOUR, minute // 60)
            minute += 60
        else:
            yield (Grain.MINUTE, minute)
            minute += 1
