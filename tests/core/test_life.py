"""A customer's life at its exact boundaries: silence, subscriptions, closed accounts, churn."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.model import Grain, Touchpoint
from streams.core.policy import DAY, HOUR, Policy
from tests.core.steps import Step, tables
from tests.oracle.book import Cells
from tests.oracle.build import booked, moment, totals, touch

ME = "customer_id:me"
SILENCE = 90 * DAY
MONDAY_DAY = moment() // DAY
LIFE = ("customers", "new_customers", "reactivated", "churned", "cancellation")


def order(at: int, references: str = "order_id:1", persons: str = ME) -> Touchpoint:
    return touch("order.placed", at, persons, references, channel="store")


def subscription(kind: str, at: int, references: str = "subscription_id:1", *, ends_at: int | None = None) -> Touchpoint:
    return touch(f"subscription.{kind}", at, ME, references, fields={} if ends_at is None else {"ends_at": ends_at})


def customers(cells: Cells) -> dict[int, int]:
    """Days after MONDAY -> how many customers more or less."""
    return {day - MONDAY_DAY: n for day, n in booked(cells, "customers", Grain.DAY).items()}


def in_any_order(*steps: Touchpoint, until: int) -> dict[int, int]:
    """Customers by day, the same for every order of arrival and for deadlines that passed in between."""
    found = []
    for arrived in permutations(steps):
        story: list[Step] = [arrived[0]]
        for step in arrived[1:]:
            story += [until - 1, step]
        found += [customers(tables(*arrived, until)), customers(tables(*story, until))]
    assert all(one == found[0] for one in found)
    return found[0]


@pytest.mark.parametrize(("until", "lost"), [(SILENCE - 1, False), (SILENCE, True)])
def test_ninety_silent_days_are_a_loss(until: int, lost: bool) -> None:
    assert customers(tables(order(moment()), moment() + until)) == ({0: 1, 90: -1} if lost else {0: 1})


@pytest.mark.parametrize(("after", "lost_on"), [(SILENCE - 1, 179), (SILENCE, 180), (SILENCE + 1, 90)])
def test_activity_at_the_last_moment_is_in_time(after: int, lost_on: int) -> None:
    visited = touch("store.visited", moment() + after, ME, channel="store")
    assert in_any_order(order(moment()), visited, until=moment(days=200)) == {0: 1, lost_on: -1}


def test_receiving_a_message_is_no_activity_and_clicking_it_is() -> None:
    for kind, fields, lost_on in (
        ("message.sent", {}, 90),
        ("message.opened", {"machine": True}, 90),
        ("message.opened", {"machine": False}, 100),
        ("message.clicked", {}, 100),
        ("contact.replied", {"by": "agent"}, 90),
        ("contact.replied", {"by": "customer"}, 100),
    ):
        heard = touch(kind, moment(days=10), ME, "", channel="email", fields=fields)
        assert in_any_order(order(moment()), heard, until=moment(days=150)) == {0: 1, lost_on: -1}, (kind, fields)


def test_a_visit_brings_nobody_back_and_an_order_does() -> None:
    steps = [order(moment()), touch("page.viewed", moment(days=95), ME)]
    assert in_any_order(*steps, until=moment(days=120)) == {0: 1, 90: -1}
    back = order(moment(days=100), "order_id:2")
    assert in_any_order(*steps, back, until=moment(days=120)) == {0: 1, 90: -1, 100: 1}
    found = totals(tables(*steps, back, moment(days=120)), *LIFE)
    assert (found["new_customers"], found["reactivated_customers"], found["customers"]) == (1, 1, 1)


def test_an_order_that_comes_late_undoes_a_loss() -> None:
    told = tables(order(moment()), moment(days=120), order(moment(days=60), "order_id:2"), moment(days=121))
    assert customers(told) == {0: 1}
    assert totals(told, "churned", "reactivated") == {}


def test_subscribers_are_never_silent() -> None:
    assert in_any_order(subscription("started", moment()), until=moment(days=399)) == {0: 1}
    ended = subscription("ended", moment(days=200))
    assert in_any_order(subscription("started", moment()), ended, until=moment(days=399)) == {0: 1, 200: -1}


def test_a_customer_of_two_subscriptions_is_lost_with_the_last() -> None:
    steps = [
        subscription("started", moment()),
        subscription("started", moment(days=1), "subscription_id:2"),
        subscription("ended", moment(days=5)),
        subscription("ended", moment(days=9), "subscription_id:2"),
    ]
    assert in_any_order(*steps, until=moment(days=20)) == {0: 1, 9: -1}


@pytest.mark.parametrize(("until", "lost"), [(10 * DAY - 1, False), (10 * DAY, True)])
def test_a_cancelled_subscription_ends_when_it_was_said_to(until: int, lost: bool) -> None:
    steps = [subscription("started", moment()), subscription("cancelled", moment(days=3), ends_at=moment(days=10))]
    assert customers(tables(*steps, moment() + until)) == ({0: 1, 10: -1} if lost else {0: 1})


def test_a_cancellation_without_an_end_ends_at_the_last_one_known_else_at_once() -> None:
    started = subscription("started", moment(), ends_at=moment(days=8))
    assert in_any_order(started, subscription("cancelled", moment(days=3)), until=moment(days=20)) == {0: 1, 8: -1}
    plain = subscription("started", moment())
    assert in_any_order(plain, subscription("cancelled", moment(days=3)), until=moment(days=20)) == {0: 1, 3: -1}
    early = subscription("cancelled", moment(days=3), ends_at=moment(days=1))
    assert in_any_order(plain, early, until=moment(days=20)) == {0: 1, 3: -1}


@pytest.mark.parametrize(("renewed", "days"), [(0, {0: 1}), (1, {0: 1, 10: 0})])
def test_a_renewal_at_the_end_is_in_time_and_one_later_is_a_return(renewed: int, days: dict[int, int]) -> None:
    steps = [
        subscription("started", moment()),
        subscription("cancelled", moment(days=3), ends_at=moment(days=10)),
        subscription("renewed", moment(days=10) + renewed),
    ]
    found = in_any_order(*steps, until=moment(days=20))
    assert found == {day: n for day, n in days.items() if n}
    told = totals(tables(*steps, moment(days=20)), *LIFE)
    assert told.get("reactivated_customers", 0) == renewed
    assert told["cancellation_requests"] == 1


def test_a_renewal_that_comes_late_but_was_in_time_is_no_churn() -> None:
    steps: list[Step] = [
        subscription("started", moment()),
        subscription("cancelled", moment(days=3), ends_at=moment(days=10)),
        moment(days=15),
        subscription("renewed", moment(days=9)),
        moment(days=16),
    ]
    assert totals(tables(*steps), *LIFE) == {"customers": 1, "new_customers": 1, "cancellation_requests": 1}


def test_whoever_orders_after_closing_the_account_is_back() -> None:
    closed = touch("account.closed", moment(days=5), ME, channel="system")
    assert in_any_order(order(moment()), closed, until=moment(days=20)) == {0: 1, 5: -1}
    back = order(moment(days=7), "order_id:2")
    assert in_any_order(order(moment()), closed, back, until=moment(days=20)) == {0: 1, 5: -1, 7: 1}


def test_an_order_in_the_instant_of_the_closing_brings_nobody_back() -> None:
    closed = touch("account.closed", moment(days=5), ME, channel="system")
    again = order(moment(days=5), "order_id:2")
    assert in_any_order(order(moment()), closed, again, until=moment(days=20)) == {0: 1, 5: -1}


def test_an_account_that_is_closed_before_the_first_order_loses_nobody() -> None:
    closed = touch("account.closed", moment(), ME, channel="system")
    assert in_any_order(order(moment(days=1)), closed, until=moment(days=20)) == {1: 1}


@pytest.mark.parametrize(
    ("lost_after", "back_after", "enter", "leave"),
    [(3, 0, 7, 10), (20, 0, 20, 27), (20, 23, 20, 23), (3, 6, 0, 0), (3, 7, 0, 0), (3, 8, 7, 8)],
)
def test_churn_is_of_those_who_were_customers_when_the_window_began(
    lost_after: int, back_after: int, enter: int, leave: int
) -> None:
    """Within 7 days: in at the later of the loss and 7 days of being one, out 7 days after the loss or at the return."""
    steps = [order(moment()), touch("account.closed", moment(days=lost_after), ME, channel="system")]
    steps += [order(moment(days=back_after), "order_id:2")] if back_after else []
    days = {day - MONDAY_DAY: n for day, n in booked(tables(*steps, moment(days=40)), "churned_7d", Grain.DAY).items()}
    assert days == ({enter: 1, leave: -1} if leave else {})


def test_days_are_those_of_the_markets_time_zone() -> None:
    policy = Policy(clock="history", timezone="America/St_Johns")
    assert customers(tables(order(moment(hours=3, minutes=29)), moment(days=1), policy=policy)) == {-1: 1}
    assert customers(tables(order(moment(hours=3, minutes=30)), moment(days=1), policy=policy)) == {0: 1}


def test_two_profiles_that_are_one_person_are_one_customer() -> None:
    """Also with what they keep without any reference: subscriptions, closed accounts."""
    steps = [
        touch("subscription.started", moment(), "email:me"),
        touch("subscription.ended", moment(days=9), "phone:me"),
        touch("profile.linked", moment(days=12), "email:me phone:me", channel="system"),
    ]
    assert in_any_order(*steps, until=moment(days=20)) == {0: 1, 9: -1}
    closed = touch("account.closed", moment(days=3), "phone:me", channel="system")
    assert in_any_order(steps[0], closed, steps[2], until=moment(days=20)) == {0: 1, 3: -1}


def test_an_order_that_turns_out_to_be_somebody_elses_makes_that_person_the_customer() -> None:
    claimed = touch("order.refunded", moment(days=1), "customer_id:other", "order_id:1", channel="system")
    told = tables(order(moment(), persons=""), claimed, moment(days=2), order(moment(hours=1)), moment(days=3))
    assert totals(told, *LIFE) == {"customers": 1, "new_customers": 1, "customers_ordered": 1}


def test_an_order_that_is_joined_with_an_older_one_is_no_return() -> None:
    """The cart that was ordered again belongs to the first order, which is heard of last."""
    steps: list[Step] = [
        order(moment()),
        order(moment(days=200), "cart_token:c"),
        moment(days=201),
        touch("page.viewed", moment(days=200) + HOUR, ME, "cart_token:c order_id:1"),
        moment(days=202),
    ]
    found = totals(tables(*steps), "customers", "new_customers", "reactivated")
    assert found == {"new_customers": 1, "customers_ordered": 1}  # lost on day 90, and not back, nor a second order


def test_the_second_order_makes_a_customer_one_who_came_back() -> None:
    first, second = order(moment()), order(moment(days=3), "order_id:2")
    for steps in ([first, second], [second, moment(days=8), first]):
        cells = tables(*steps, moment(days=9))
        assert booked(cells, "customers_ordered", Grain.DAY) == {moment() // DAY: 1}
        assert booked(cells, "customers_repeated", Grain.DAY) == {moment(days=3) // DAY: 1}
    assert totals(tables(first, order(moment(hours=1)), moment(days=9)), "customers_repeated") == {}
