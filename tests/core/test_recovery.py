"""Carts given up and bought after all, by hand: across visits, and however late it is told."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.model import Touchpoint
from streams.core.policy import DAY, HOUR
from tests.core.steps import Step, tables
from tests.oracle.build import booked, moment, totals, touch

ME = "customer_id:me"
LIMIT = 4 * HOUR
ADDED = touch("cart.item_added", moment(), ME)
LATER = moment(days=9)


def order(at: int, channel: str = "web") -> Touchpoint:
    return touch("order.placed", moment() + at, ME, "order_id:1", channel=channel)


def carts(*steps: Step) -> tuple[int, int]:
    found = totals(tables(*steps), "carts_")
    return found.get("carts_recovered", 0), found.get("carts_abandoned", 0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (LIMIT, (0, 0)),  # in time: it was never given up
        (LIMIT + 1, (1, 1)),
        (LIMIT + DAY, (1, 1)),
        (LIMIT + DAY + 1, (0, 1)),
    ],
)
@pytest.mark.parametrize("channel", ["web", "store"])
def test_who_buys_within_a_day_has_come_back(after: int, expected: tuple[int, int], channel: str) -> None:
    for arrived in permutations((ADDED, order(after, channel))):
        assert carts(*arrived, LATER) == expected
    # Told after it was settled already, it is restated.
    assert carts(ADDED, moment() + LIMIT + DAY, order(after, channel), LATER) == expected
    assert carts(order(after, channel), LATER, ADDED) == expected


def test_it_is_booked_a_day_after_the_limit_and_not_before() -> None:
    assert carts(ADDED, moment() + LIMIT + DAY - 1) == (0, 0)
    assert booked(tables(ADDED, moment() + LIMIT + DAY), "carts_abandoned") == {(moment() + LIMIT + DAY) // 60_000: 1}


def test_a_second_cart_may_recover_the_first() -> None:
    """The person begins anew the next morning, and buys: the second cart is a success, and the first one recovered."""
    again = touch("cart.item_added", moment(hours=20), ME)
    assert carts(ADDED, again, order(21 * HOUR), LATER) == (1, 1)
    assert carts(ADDED, again, LATER) == (0, 2)


def test_another_task_than_the_cart_has_none() -> None:
    assert carts(touch("checkout.started", moment(), ME), LATER) == (0, 0)


def test_what_failed_was_not_given_up() -> None:
    failed = touch("task.failed", moment(hours=1), ME, fields={"task": "cart"})
    assert carts(ADDED, failed, LATER) == (0, 0)
