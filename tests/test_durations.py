from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("90d", 7_776_000_000),
        ("4h", 14_400_000),
        ("30m", 1_800_000),
        ("250ms", 250),
        ("1h30m", 5_400_000),
        ("45", 45_000),
        (45, 45_000),
        (0.25, 250),
        ("1.5h", 5_400_000),
        (" 2 M ", 120_000),
        (0, 0),
    ],
)
def test_is_read(written: object, milliseconds: int) -> None:
    assert parse_duration(written) == milliseconds


@pytest.mark.parametrize(
    "written", ["", "m", "4 parsecs", "-1h", -1, "1h-", None, True, [], "nan", float("inf"), "99999d", "1e3"]
)
def test_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"is no duration|longer than a century"):
        parse_duration(written)


@given(st.integers(0, 3_000_000_000_000))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_duration(text) >= 0
