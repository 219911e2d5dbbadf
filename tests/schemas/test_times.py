"""Times as they are found in the wild."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.formats.times import day, moment

NOON = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        1714564800,
        1714564800.0,
        1714564800000,
        1714564800000000,
        "1714564800",
        "1714564800.000",
        "1714564800000",
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00.0000000Z",
        "2024-05-01T12:00:00.000000000+00:00",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01T14:00:00+0200",
        "2024-05-01 12:00:00",
        "2024-05-01 12:00:00 UTC",
        "2024-05-01 12:00:00.000 UTC",
        "2024-05-01 14:00:00 +0200",
        "2024-05-01T12:00:00",
        "Wed, 01 May 2024 12:00:00 +0000",
        "Wed, 1 May 2024 14:00:00 +0200",
        "Wed, 01 May 2024 12:00:00 GMT",
        "20240501T120000Z",
        datetime(2024, 5, 1, 12, tzinfo=UTC),
    ],
)
def test_one_noon_in_every_way(value: Any) -> None:
    assert moment(value) == NOON


def test_a_fraction_beyond_microseconds_is_cut() -> None:
    assert moment("2024-05-01T12:00:00.1234567Z") == NOON + timedelta(microseconds=123_456)
    assert moment(1714564800.25) == NOON + timedelta(milliseconds=250)
    assert moment(1714564800123) == NOON + timedelta(milliseconds=123)


def test_a_time_without_a_zone_is_in_the_given_one() -> None:
    assert moment("2024-05-01T14:00:00", ZoneInfo("Europe/Berlin")) == NOON
    assert moment("2024-05-01T14:00:00+02:00", ZoneInfo("Asia/Tokyo")) == NOON
    assert moment("2024-05-01", timezone(timedelta(hours=2))) == NOON - timedelta(hours=14)


@pytest.mark.parametrize("value", [None, ""])
def test_absent_is_absent(value: Any) -> None:
    assert moment(value) is None


@pytest.mark.parametrize(
    "value", ["soon", "2024-13-01", [], {}, "1" * 19 + "?", 10**40, float("inf"), "Fri, 31 Feb 2024 25:61:00 +9999"]
)
def test_what_is_no_time_goes_back_as_it_came(value: Any) -> None:
    assert moment(value) == value


def test_true_is_no_time() -> None:
    assert moment(value=True) is None


def test_a_date_alone_stays_one() -> None:
    assert day("2024-05-01") == date(2024, 5, 1)
    assert day("2024-05-01T12:00:00Z") == NOON
    assert day("2024-15-01") == "2024-15-01"
    assert day(None) is None
