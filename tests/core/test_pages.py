"""Time on a page, by hand."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.model import Touchpoint, Value
from streams.core.policy import DAY, MINUTE, SECOND
from tests.core.steps import tables
from tests.oracle.book import bucket_name
from tests.oracle.build import ever, moment, touch

ME = "customer_id:me"


def view(at: int, **fields: Value) -> Touchpoint:
    return touch("page.viewed", moment() + at, ME, fields=fields)


def left(at: int, **fields: Value) -> Touchpoint:
    return touch("page.left", moment() + at, ME, fields=fields)


@pytest.mark.parametrize(
    ("story", "times"),
    [
        ([view(0)], []),
        ([view(0), view(MINUTE)], [MINUTE]),
        ([view(0), left(20 * SECOND, engaged_ms=15_000)], [15_000]),
        ([view(0), left(20 * SECOND, engaged_ms=15_000), view(MINUTE)], [15_000]),
        ([view(0), left(20 * SECOND), view(MINUTE)], [MINUTE]),  # nobody measured
        ([view(0), left(0, engaged_ms=0), view(MINUTE)], [0]),
        ([view(0), left(SECOND, engaged_ms=900), left(2 * SECOND, engaged_ms=1_800)], [1_800]),
        ([view(0, view_id="a"), view(SECOND, view_id="b"), left(MINUTE, view_id="a", engaged_ms=5_000)], [5_000]),
        ([view(0, view_id="a"), left(MINUTE, view_id="z", engaged_ms=5_000)], []),
        ([left(0, engaged_ms=5_000), view(SECOND)], []),
        ([view(0), left(MINUTE, engaged_ms=40 * MINUTE)], [30 * MINUTE]),
    ],
)
def test_what_was_measured_goes_before_the_next_view(story: list[Touchpoint], times: list[int]) -> None:
    for arrived in permutations(story):
        cells = ever(tables(*arrived, moment() + DAY))
        assert cells.get("time_on_page.n", 0) == len(times)
        assert cells.get("time_on_page.sum", 0) == sum(times)
        assert all(cells[f"time_on_page.{bucket_name(spent)}"] == times.count(spent) for spent in times)


def test_it_is_told_by_page_group_and_in_its_visit_alone() -> None:
    """The next view is of another visit, so nobody knows how long the second page was looked at."""
    story = [view(0, page_group="cart"), view(MINUTE, page_group="help"), view(MINUTE + 31 * MINUTE)]
    cells = ever(tables(*story, moment() + DAY))
    assert cells["time_on_page.n"] == cells["time_on_page.n|page_group=cart"] == 1
    assert "time_on_page.n|page_group=help" not in cells
