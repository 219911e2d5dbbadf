"""Cells: names, grains, logarithmic buckets, and increments that meet."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.cells import RELATIVE_ERROR, Notebook, Where, bucket_of, where_of
from streams.core.fields import BAND, CELLS, PLACES, SITE, name_at, parse_field, part_of, place_of, spell_all
from streams.core.model import Bucket, Dimensions, Grain
from streams.core.policy import DAY, HOUR, MINUTE
from streams.core.windows import LocalDays
from tests.oracle.build import moment

GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
WEB = where_of(Dimensions(channel="web", market="nl"), SITE)


def notebook(zone: str = "UTC") -> Notebook:
    return Notebook(LocalDays(zone))


def fields_of(book: Notebook, watermark: int = moment()) -> dict[Bucket, dict[str, int]]:
    return spell_all(book.buckets(watermark))


@given(st.integers(-(10**13), 10**13))
def test_a_bucket_holds_its_value_within_two_percent(value_ms: int) -> None:
    bucket = part_of(bucket_of(value_ms))
    if value_ms == 0:
        assert bucket == "z"
        return
    assert bucket[0] == ("p" if value_ms > 0 else "m")
    k = int(bucket[1:])
    middle = 2 * GAMMA**k / (GAMMA + 1)
    assert abs(middle * 1000 - abs(value_ms)) <= RELATIVE_ERROR * abs(value_ms) * (1 + 1e-9)
    assert part_of(bucket_of(-value_ms))[1:] == bucket[1:]


def test_buckets_are_monotonic_and_below_a_second_negative() -> None:
    numbers = [int(part_of(bucket_of(value))[1:]) for value in range(1, 5000)]
    assert numbers == sorted(numbers)
    assert part_of(bucket_of(1000)) == "p0"
    assert int(part_of(bucket_of(1))[1:]) < 0


def test_a_count_is_booked_in_every_grain_and_breakdown() -> None:
    book = notebook()
    book.count("visits", moment(hours=1, minutes=1), WEB, 2)
    cells = fields_of(book, moment(hours=2))
    fields = {"visits": 2, "visits|channel=web": 2, "visits|market=nl": 2}
    at = moment(hours=1, minutes=1)
    assert cells == {
        (Grain.EVER, 0): fields,
        (Grain.MINUTE, at // MINUTE): fields,
        (Grain.HOUR, at // HOUR): fields,
        (Grain.DAY, at // DAY): fields,
    }


@pytest.mark.parametrize(
    ("watermark", "grains"),
    [
        (moment(hours=26, minutes=1) - 1, "ehmd"),
        (moment(hours=26, minutes=1), "ehd"),
        (moment(days=9, hours=1) - 1, "ehd"),
        (moment(days=9, hours=1), "ed"),
        (moment(days=401) - 1, "ed"),
        (moment(days=401), "e"),
    ],
)
def test_expired_buckets_take_no_increment(watermark: int, grains: str) -> None:
    book = notebook()
    book.count("visits", moment(), WEB)
    assert {str(grain) for grain, _ in book.buckets(watermark)} == set(grains)


ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")
AROUND = [24 * 60 * day + 60 * hour + minute for day in (0, 1) for hour in (2, 13, 18) for minute in (10, 20, 40)]
"""Minutes about the midnights of these zones."""
WHERES = [where_of(Dimensions(channel=channel, market=market), SITE) for channel in ("web", "app") for market in ("nl", "de")]


@given(
    st.sampled_from(ZONES),
    st.lists(
        st.tuples(st.sampled_from(AROUND), st.sampled_from(WHERES), st.sampled_from(["visits", "orders"]), st.integers(-2, 3)),
        max_size=30,
    ),
)
def test_every_bucket_is_the_plain_sum_of_its_increments(zone: str, booked: list[tuple[int, Where, str, int]]) -> None:
    """Also of an hour that is in two local days, as midnight is where zones are off by half an hour."""
    book = notebook(zone)
    plain: dict[tuple[Bucket, str], int] = {}
    for minutes, where, name, n in booked:
        at = moment(minutes=minutes)
        book.count(name, at, where, n)
        day = (Grain.DAY, book.local.day_of(at))
        for bucket in ((Grain.EVER, 0), (Grain.MINUTE, at // MINUTE), (Grain.HOUR, at // HOUR), day):
            for suffix in where.suffixes:
                plain[bucket, name + suffix] = plain.get((bucket, name + suffix), 0) + n
    told = {(bucket, name): n for bucket, fields in fields_of(book, moment()).items() for name, n in fields.items()}
    assert told == {place: n for place, n in plain.items() if n}


def test_an_hour_in_two_local_days_counts_in_each_what_is_its_own() -> None:
    book, midnight = notebook("Asia/Kolkata"), moment(hours=18, minutes=30)
    for where in WHERES[:2]:
        book.count("visits", midnight - MINUTE, where)
        book.count("visits", midnight + MINUTE, where, 3)
    visits = {bucket: fields["visits"] for bucket, fields in fields_of(book).items()}
    today = book.local.day_of(midnight)
    assert (visits[Grain.DAY, today - 1], visits[Grain.DAY, today]) == (2, 6)
    assert (visits[Grain.HOUR, midnight // HOUR], visits[Grain.EVER, 0]) == (8, 8)


def test_what_is_taken_back_leaves_no_field_behind() -> None:
    book = notebook()
    book.measure("queue_wait", moment(), WEB, 1234)
    book.count_day("customers", 5, WEB)
    book.sign = -1
    book.measure("queue_wait", moment(), WEB, 1234)
    book.count_day("customers", 5, WEB)
    assert fields_of(book) == {}


def test_a_breakdown_that_changes_leaves_its_total_alone() -> None:
    book = notebook()
    book.count("visits", moment(), WEB)
    book.sign = -1
    book.count("visits", moment(), where_of(Dimensions(channel="app", market="nl"), SITE))
    assert fields_of(book)[Grain.EVER, 0] == {"visits|channel=web": 1, "visits|channel=app": -1}


def test_a_distribution_has_count_sum_bucket_and_logarithm() -> None:
    book = notebook()
    book.measure("time_to_complete", moment(), where_of(Dimensions(), SITE, "|task=cart"), 30_000, geometric=True)
    assert fields_of(book)[Grain.EVER, 0] == {
        "time_to_complete.n|task=cart": 1,
        "time_to_complete.sum|task=cart": 30_000,
        f"time_to_complete.{part_of(bucket_of(30_000))}|task=cart": 1,
        "time_to_complete.ln|task=cart": round(1e6 * log(30)),
    }


def test_relationship_cells_are_booked_by_local_day_and_ever_only() -> None:
    book = notebook("America/St_Johns")
    book.count_day("customers", book.local.day_of(moment()), where_of(Dimensions(), ()))
    assert fields_of(book) == {(Grain.EVER, 0): {"customers": 1}, (Grain.DAY, moment() // DAY - 1): {"customers": 1}}


def test_every_name_that_is_booked_is_one_that_can_be_read_back() -> None:
    for name, cell in CELLS.items():
        where = where_of(Dimensions("web", "mobile", "nl", "gold", "paid"), (), f"|{cell.always}=x" if cell.always else "")
        for suffix in where.suffixes:
            field = parse_field(f"{name}{'.n' if cell.parts else '.t28401751' if cell.since else ''}{suffix}")
            assert field is not None, name
            assert field.cell == name


def test_every_cell_has_a_place_of_its_own() -> None:
    assert len(set(PLACES.values())) == len(PLACES)
    for name, (row, slot) in PLACES.items():
        assert 1 <= slot <= BAND
        assert name_at(row, slot) == name
        assert CELLS[name.partition(".")[0]].row == row
    for row, slot in (
        ("visit", 0),
        ("visit", 99),
        ("visit.0.9", 0),
        ("visit.0.9", BAND + 1),
        ("visit.7.9", 1),
        ("", 1),
        ("x", 1),
    ):
        assert name_at(row, slot) is None


@given(st.integers(-(10**13), 10**13))
def test_a_bucket_is_found_by_its_place(value_ms: int) -> None:
    row, slot = place_of("delivery_delay_latest", bucket_of(value_ms))
    assert name_at(row, slot) == f"delivery_delay_latest.{part_of(bucket_of(value_ms))}"
    assert row.startswith("order.1.")


def test_what_cancels_out_between_bookings_leaves_no_row() -> None:
    """One minute's increment is another one's decrement: nothing is left of it where they meet, in the day and ever."""
    book = notebook()
    book.count("visits", moment(), WEB)
    book.sign = -1
    book.count("visits", moment(minutes=90), WEB)
    assert {grain for grain, _ in fields_of(book)} == {Grain.MINUTE, Grain.HOUR}
