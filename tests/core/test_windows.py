"""Windows against brute force: bookings by minute, kept in every grain, must add up as if each were looked at alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.model import Bucket, Grain
from streams.core.policy import DAY, HOUR, MINUTE
from streams.core.windows import (
    DAY_WINDOWS,
    EVER,
    SPANS,
    WIDTHS,
    WINDOWS,
    Calendar,
    LocalDays,
    Plan,
    WindowName,
    day_count,
    gather,
    is_live,
    oldest_live,
)

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana")
SPRING = int(datetime(2024, 3, 31, 1, 0, tzinfo=UTC).timestamp() * 1000)  # clocks go forward in Berlin
MINUTES = {"5m": 5, "1h": 60, "24h": 1440}

zones = st.sampled_from(ZONES)
watermarks = st.integers(SPRING - 250 * DAY, SPRING + 250 * DAY) | st.integers(SPRING - 2 * DAY, SPRING + 2 * DAY)
offsets = st.one_of(
    st.integers(-40 * DAY, DAY), st.integers(-26 * HOUR, HOUR), st.integers(-70 * MINUTE, MINUTE), st.sampled_from([0, -1, 1])
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def book(times: Iterable[int], watermark: int, days: LocalDays) -> dict[Bucket, dict[str, int]]:
    cells: dict[Bucket, dict[str, int]] = {}
    for at in times:
        for bucket in ((Grain.MINUTE, at // MINUTE), (Grain.HOUR, at // HOUR), (Grain.DAY, days.day_of(at)), EVER):
            if is_live(bucket, watermark):
                cells.setdefault(bucket, {})
                cells[bucket]["visits"] = cells[bucket].get("visits", 0) + 1
    return cells


def total(plan: Plan | None, cells: Mapping[Bucket, Mapping[str, int]]) -> int:
    assert plan is not None
    return gather(plan, cells).get("visits", 0)


def naive_day(at: int, zone: str) -> int:
    return datetime.fromtimestamp(at // 1000, ZoneInfo(zone)).date().toordinal() - 719_163


def counted(at: int, window: WindowName, moment: int, zone: str) -> bool:
    """Whether a booking belongs to a window, said from the definition alone."""
    if window == "all":
        return True
    if window in MINUTES:
        return 0 <= moment // MINUTE - at // MINUTE < MINUTES[window]
    if window == "7d":
        return 0 <= moment // HOUR - at // HOUR < 168
    return 0 <= naive_day(moment, zone) - naive_day(at, zone) < 28


@settings(max_examples=150, deadline=None)
@given(zones, watermarks, st.lists(offsets, max_size=12))
def test_flows_are_the_bookings_of_the_window(zone: str, watermark: int, at: list[int]) -> None:
    days = LocalDays(zone)
    times = [watermark + offset for offset in at]
    cells = book(times, watermark, days)
    calendar = Calendar(days, watermark)
    for window in WINDOWS:
        assert total(calendar.flow(window), cells) == sum(counted(t, window, watermark, zone) for t in times), window


@settings(max_examples=150, deadline=None)
@given(zones, watermarks, st.lists(offsets | st.integers(0, 60 * DAY), max_size=12))
def test_stocks_are_what_was_booked_up_to_the_moments_minute(zone: str, watermark: int, at: list[int]) -> None:
    days = LocalDays(zone)
    times = [watermark + offset for offset in at]
    cells = book(times, watermark, days)
    calendar = Calendar(days, watermark)
    assert total(calendar.stock(), cells) == sum(t // MINUTE <= watermark // MINUTE for t in times)
    for back in (0, 7, 28):
        last = naive_day(watermark, zone) - back
        assert total(calendar.day_stock(back), cells) == sum(naive_day(t, zone) <= last for t in times)


@settings(max_examples=200, deadline=None)
@given(zones, watermarks, st.integers(0, 30 * HOUR) | st.integers(0, 300 * DAY), st.lists(offsets, max_size=12))
def test_the_past_is_rounded_up_to_what_is_live(zone: str, watermark: int, age: int, at: list[int]) -> None:
    days = LocalDays(zone)
    asked = watermark - age
    times = [asked + offset for offset in at if asked + offset <= watermark]
    cells = book(times, watermark, days)
    calendar = Calendar(days, watermark, asked)
    moment = calendar.moment
    assert moment is not None
    assert asked <= moment <= min(watermark, days.start(days.day_of(asked) + 1) - 1)
    if asked // MINUTE > oldest_live(Grain.MINUTE, watermark):
        assert moment == min(watermark, (asked // MINUTE + 1) * MINUTE - 1)
    known = [t for t in times if t // MINUTE <= moment // MINUTE] if calendar.past else times
    assert total(calendar.stock(), cells) == sum(t // MINUTE <= moment // MINUTE for t in times)
    assert total(calendar.flow("all"), cells) == len(known)
    fine: tuple[WindowName, ...] = ("5m", "1h")
    for window in fine:
        plan = calendar.flow(window)
        if plan is not None and all(grain is Grain.MINUTE for grain, _ in plan.add):
            assert total(plan, cells) == sum(counted(t, window, moment, zone) for t in known)
    week, month = calendar.flow("7d"), calendar.flow("28d")
    if week is not None and any(grain is Grain.HOUR for grain, _ in week.add):  # else its hours are gone: it is 7 days
        assert total(week, cells) == sum(counted(t, "7d", moment, zone) for t in known)
    if month is not None:
        assert total(month, cells) == sum(counted(t, "28d", moment, zone) for t in known)
    if age <= HOUR:
        assert total(calendar.flow("24h"), cells) == sum(counted(t, "24h", moment, zone) for t in known)


@settings(max_examples=150, deadline=None)
@given(zones, watermarks, st.integers(-30 * DAY, 30 * DAY))
def test_local_days_agree_with_the_zone(zone: str, watermark: int, offset: int) -> None:
    days = LocalDays(zone)
    at = watermark + offset
    day = days.day_of(at)
    assert day == naive_day(at, zone)
    assert days.start(day) <= at < days.start(day + 1)
    assert days.day_of(days.start(day)) == day
    assert days.day_of(days.start(day) - 1) == day - 1


def test_the_current_bucket_is_the_one_that_contains_the_watermark() -> None:
    days = LocalDays("UTC")
    watermark = ms("2024-05-06T10:00:00Z")
    on_the_edge = Calendar(days, watermark).flow("5m")
    just_before = Calendar(days, watermark - 1).flow("5m")
    minute = watermark // MINUTE
    assert on_the_edge == Plan(tuple((Grain.MINUTE, index) for index in range(minute - 4, minute + 1)))
    assert just_before == Plan(tuple((Grain.MINUTE, index) for index in range(minute - 5, minute)))
    assert total(on_the_edge, book([watermark], watermark, days)) == 1
    assert total(just_before, book([watermark], watermark - 1, days)) == 0


def test_a_day_window_covers_1440_minutes_and_reads_whole_hours_as_hours() -> None:
    watermark = ms("2024-05-06T10:30:00Z")
    plan = Calendar(LocalDays("UTC"), watermark).flow("24h")
    assert plan is not None
    hours = [bucket for bucket in plan.add if bucket[0] is Grain.HOUR]
    minutes = [bucket for bucket in plan.add if bucket[0] is Grain.MINUTE]
    assert len(hours) * 60 + len(minutes) == 1440
    assert len(minutes) == 60
    assert min(index for _, index in minutes) * MINUTE == ms("2024-05-05T10:31:00Z")


def test_a_week_covers_168_hours_and_reads_whole_local_days_as_days() -> None:
    watermark = ms("2024-04-03T10:30:00Z")  # in Berlin, with the 23 hours of March 31
    plan = Calendar(LocalDays("Europe/Berlin"), watermark).flow("7d")
    assert plan is not None
    days = [index for grain, index in plan.add if grain is Grain.DAY]
    hours = [index for grain, index in plan.add if grain is Grain.HOUR]
    assert (len(days), len(days) * 24 - 1 + len(hours)) == (6, 168)
    assert min(hours) * HOUR == ms("2024-03-27T11:00:00Z")


def test_local_days_have_23_and_25_hours() -> None:
    days = LocalDays("Europe/Berlin")
    spring, autumn = days.day_of(ms("2024-03-31T12:00:00Z")), days.day_of(ms("2024-10-27T12:00:00Z"))
    assert days.start(spring + 1) - days.start(spring) == 23 * HOUR
    assert days.start(autumn + 1) - days.start(autumn) == 25 * HOUR


def test_a_midnight_that_clocks_skip_starts_the_day_at_the_change() -> None:
    days = LocalDays("America/Sao_Paulo")
    change = ms("2017-10-15T03:00:00Z")  # 00:00 became 01:00
    day = days.day_of(change)
    assert days.start(day) == change
    assert days.day_of(change - 1) == day - 1


def test_clocks_that_change_one_minute_after_midnight() -> None:
    zone = "America/St_Johns"
    change = ms("2010-11-07T02:31:00Z")  # 00:01 became 23:01 of the day before
    days = LocalDays(zone)
    for minute in range(change // MINUTE - 90, change // MINUTE + 90):
        assert days.day_of_minute(minute) == naive_day(minute * MINUTE, zone)


def test_relationship_windows_are_whole_local_days() -> None:
    watermark = ms("2024-05-06T22:30:00Z")  # the 7th already in Berlin
    calendar = Calendar(LocalDays("Europe/Berlin"), watermark)
    today = ms("2024-05-07T00:00:00Z") // DAY
    assert calendar.day_flow("7d") == Plan(tuple((Grain.DAY, day) for day in range(today - 6, today + 1)))
    assert calendar.day_flow("all") == Plan((EVER,))
    stock = calendar.day_stock(7)
    assert stock is not None
    assert stock.subtract[0] == (Grain.DAY, today - 6)
    assert [day_count(window) for window in DAY_WINDOWS[:2]] == [7, 28]


def test_windows_without_buckets_have_no_plan() -> None:
    watermark = ms("2024-05-06T10:30:00Z")
    days = LocalDays("UTC")
    minutes_gone = Calendar(days, watermark, watermark - 30 * HOUR)
    assert minutes_gone.moment == ms("2024-05-05T04:59:59.999Z")
    assert minutes_gone.flow("5m") is None
    assert minutes_gone.flow("1h") == Plan(((Grain.HOUR, ms("2024-05-05T04:00:00Z") // HOUR),))
    days_gone = Calendar(days, watermark, watermark - 402 * DAY)
    assert days_gone.moment is None
    assert days_gone.flow("all") is None
    assert days_gone.stock() is None
    assert days_gone.day_stock(0) is None
    assert days_gone.day_flow("7d") is None


@pytest.mark.parametrize("grain", list(WIDTHS))
def test_a_bucket_is_live_as_long_as_its_end_is_younger_than_the_span(grain: Grain) -> None:
    index = 20_000
    end = (index + 1) * WIDTHS[grain]
    assert is_live((grain, index), end + SPANS[grain] - 1)
    assert not is_live((grain, index), end + SPANS[grain])
    assert is_live(EVER, end + 1000 * DAY)
