"""People by the day, and what customers are worth, by hand."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest

from streams.core.cases.people import both, runs_of
from streams.core.model import Grain, Touchpoint, Value
from streams.core.policy import DAY, HOUR
from tests.core.steps import tables, tell
from tests.oracle.book import Cells, bucket_name
from tests.oracle.build import booked, moment, touch

ME = "customer_id:me"
FIRST = moment() // DAY


def by_day(cells: Cells, name: str) -> dict[int, int]:
    return {day - FIRST: n for day, n in booked(cells, name, Grain.DAY).items()}


def page(days: int, who: str = ME, kind: str = "page.viewed", channel: str = "web", **fields: Value) -> Touchpoint:
    return touch(kind, moment(days=days), who, channel=channel, fields=fields)


def order(days: int, value: int = 100_0000, channel: str = "store", **fields: Value) -> Touchpoint:
    return touch(
        "order.placed", moment(days=days), ME, "order_id:1", channel=channel, fields={"value": value, "currency": "EUR", **fields}
    )


def after(kind: str, days: int, **fields: Value) -> Touchpoint:
    return touch(f"order.{kind}", moment(days=days), "", "order_id:1", channel="system", fields=fields)


@pytest.mark.parametrize(
    ("days", "width", "runs"),
    [
        ([], 7, []),
        ([3], 1, [(3, 4)]),
        ([3, 4], 1, [(3, 5)]),
        ([3, 10], 7, [(3, 17)]),  # the one falls out as the other comes
        ([3, 11], 7, [(3, 10), (11, 18)]),
        ([-5, 0], 7, [(-5, 7)]),
    ],
)
def test_a_day_counts_as_long_as_it_is_in_the_window(days: list[int], width: int, runs: list[tuple[int, int]]) -> None:
    assert runs_of(days, width) == runs


def test_runs_meet_where_both_are() -> None:
    assert both([(0, 10), (20, 30)], [(5, 25), (29, None)]) == [(5, 10), (20, 25), (29, 30)]
    assert both([(0, 5)], [(5, 9)]) == []
    assert both([(3, None)], [(1, None)]) == [(3, None)]


def test_a_person_counts_once_in_a_window_however_often() -> None:
    cells = tables(page(0), page(0, kind="search.performed"), page(3), page(3), moment(days=60))
    assert by_day(cells, "users_24h") == {0: 1, 1: -1, 3: 1, 4: -1}
    assert by_day(cells, "users_7d") == {0: 1, 10: -1}
    assert by_day(cells, "users_28d") == {0: 1, 31: -1}
    assert by_day(cells, "users_searched_7d") == {0: 1, 7: -1}


@pytest.mark.parametrize(
    ("event", "searched", "found"),
    [
        (page(0, kind="search.performed"), True, True),
        (page(0, kind="navigation.used"), False, True),
        (page(0, kind="element.clicked", nav_region="header"), False, True),
        (page(0, kind="element.clicked", element="buy"), False, False),
        (page(0, kind="search.performed", channel="store"), False, False),
    ],
    ids=str,
)
def test_who_searched_and_who_found_the_way(event: Touchpoint, searched: bool, found: bool) -> None:
    cells = tables(event, moment(days=60))
    assert bool(by_day(cells, "users_searched_24h")) == searched
    assert bool(by_day(cells, "users_found_24h")) == found


def test_receiving_is_not_doing() -> None:
    sent = touch("message.sent", moment(), ME, "message_id:1", channel="email")
    assert by_day(tables(sent, moment(days=60)), "users_28d") == {}


def test_conversion_of_people_takes_a_visit_and_an_order_anywhere() -> None:
    cells = tables(page(0), order(5, channel="store"), moment(days=60))
    assert by_day(cells, "users_converted_24h") == {}
    assert by_day(cells, "users_converted_7d") == {5: 1, 7: -1}
    assert by_day(cells, "users_converted_28d") == {5: 1, 28: -1}
    assert by_day(cells, "users_visited_7d") == {0: 1, 7: -1}


def test_a_merge_makes_one_person_of_two() -> None:
    """Two devices count twice until it is known whose they are; then it is as if it always had been known."""
    one, other = page(0, "anonymous_id:a"), page(1, "anonymous_id:b")
    both_known = touch("account.created", moment(days=2), "anonymous_id:a anonymous_id:b")
    assert by_day(tables(one, other, moment(days=1)), "users_7d")[1] == 1
    for arrived in permutations((one, other, both_known)):
        assert by_day(tables(*arrived, moment(days=60)), "users_7d") == {0: 1, 9: -1}


def test_what_changes_far_apart_changes_only_there() -> None:
    """A late day between others, and long after them, books what all of them together would have."""
    days = (0, 27, 28, 60, 61, 400, 402)
    expected = by_day(tables(*[page(day) for day in days], moment(days=500)), "users_28d")
    for late in days:
        story = [page(day) for day in days if day != late]
        assert by_day(tables(*story, page(late), moment(days=500)), "users_28d") == expected
    assert expected == {day: n for day, n in {0: 1, 56: -1, 60: 1, 89: -1, 400: 1, 430: -1}.items() if day >= 100}


def test_active_customers_are_customers() -> None:
    """A visitor becomes one with the order; 90 days later the customer is lost, and a mere visit brings nobody back."""
    cells = tables(page(0), order(2), page(100), moment(days=140))
    assert by_day(cells, "active_customers_28d") == {2: 1, 30: -1}
    assert by_day(cells, "active_customers_24h") == {2: 1, 3: -1}


def test_a_cohort_is_of_the_week_of_the_first_order() -> None:
    """The order is on a Wednesday: week 1 is days 7 to 13, and over on day 14."""
    cells = tables(order(2), page(13), page(14), moment(days=40))
    assert by_day(cells, "cohort|week=1") == by_day(cells, "cohort_active|week=1") == {14: 1}
    assert by_day(cells, "cohort_active|week=2") == {21: 1}
    assert by_day(cells, "cohort|week=3") == {28: 1}
    assert by_day(cells, "cohort_active|week=3") == {}
    assert by_day(cells, "cohort|week=52") == {7 * 53: 1}


@pytest.mark.parametrize(
    ("later", "worth"),
    [
        ([], {0: 1_000_000}),
        ([after("refunded", 3, value=25_0000)], {0: 1_000_000, 3: 750_000}),
        ([after("refunded", 3, value=25_0000), after("refunded", 9, value=10_0000)], {0: 1_000_000, 3: 750_000, 9: 650_000}),
        ([after("cancelled", 4)], {0: 1_000_000, 4: 0}),
        ([after("refunded", 3, value=25_0000), after("cancelled", 4)], {0: 1_000_000, 3: 750_000, 4: 0}),
        ([after("cancelled", 4), after("refunded", 5, value=100_0000)], {0: 1_000_000, 4: 0}),
        ([after("refunded", 3, value=120_0000)], {0: 1_000_000, 3: -200_000}),
        ([after("cancelled", 0)], {0: 0}),
    ],
    ids=["order", "refund", "two refunds", "cancelled", "refunded, cancelled", "cancelled, refunded", "too much", "at once"],
)
def test_what_an_order_leaves(later: list[Touchpoint], worth: dict[int, int]) -> None:
    for arrived in permutations([order(0), *later]):
        cells = tables(*arrived, moment(days=20))
        assert by_day(cells, "customer_value.n|currency=EUR") == {0: 1}
        amounts = [0, *worth.values()]
        steps = {day: now - before for day, (before, now) in zip(worth, pairwise(amounts), strict=True) if now != before}
        assert by_day(cells, "customer_value.sum|currency=EUR") == steps
        last = max(worth)
        assert by_day(cells, f"customer_value.{bucket_name(worth[last])}|currency=EUR")[last] == 1


def test_currencies_and_subscriptions_are_worth_something_each() -> None:
    paid: dict[str, Value] = {"value": 9_0000, "currency": "USD"}
    story = [
        order(0),
        touch("subscription.started", moment(days=1), ME, "subscription_id:1", fields=paid),
        touch("subscription.renewed", moment(days=31), ME, "subscription_id:1", fields=paid),
        touch("subscription.cancelled", moment(days=33), ME, "subscription_id:1", fields=paid),
    ]
    cells = tables(*story, moment(days=60))
    assert by_day(cells, "customer_value.sum|currency=USD") == {1: 90_000, 31: 90_000}
    assert by_day(cells, "customer_value.n|currency=USD") == {1: 1}
    assert by_day(cells, "customer_value.sum|currency=EUR") == {0: 1_000_000}


def test_the_second_event_of_a_day_changes_no_cells() -> None:
    told = tell(page(0), touch("page.viewed", moment(hours=1), ME), moment(hours=2))
    assert [journey.days for journey in told.journeys] == [{FIRST: 3}]
    assert HOUR < DAY
