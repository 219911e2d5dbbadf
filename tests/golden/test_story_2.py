"""Golden story 2: UX counts people, CX counts customers; by the oracle and by the pipeline in any order of arrival."""

from __future__ import annotations

import random

import pytest

from streams.core.model import Grain
from streams.core.policy import Policy
from tests.golden.stories import ALL_LIVE, DAY_0, END, decoded, ms, story_2
from tests.laws.harness import run_in_order
from tests.oracle.book import Cells
from tests.oracle.build import booked, totals
from tests.oracle.native import touchpoint_of
from tests.oracle.oracle import oracle, people

STORY = [touchpoint_of(event) for event in story_2()]

DAYS: dict[str, dict[int, int]] = {
    # The household subscribes, the team buys; the household ends with its subscription, the team 90 days after its last use.
    "customers": {-30: 1, 0: 1, 60: -1, 95: -1},
    "new_customers": {-30: 1, 0: 1},
    "customers_ordered": {0: 1},
    "customers_repeated": {},
    "churned_7d": {60: 1, 67: -1, 95: 1, 102: -1},
    # Five in the household's first week, eight in the team's.
    "users_7d": {-30: 1, -29: 4, -23: -1, -22: -4}
    | {0: 3, 4: 1, 5: 5, 7: -3, 11: -1, 12: -5, 20: 4, 27: -4, 40: 1, 47: -1, 59: 1, 66: -1},
    "active_customers_7d": {-30: 1, -22: -1, 0: 2, 7: -1, 12: -1, 20: 1, 27: -1, 40: 1, 47: -1, 59: 1, 60: -1},
    "customer_value.n|currency=EUR": {-30: 1, 0: 1},
    "customer_value.sum|currency=EUR": {-30: 15_0000, 0: 915_0000},
}
"""Field -> day -> amount."""

MINUTES: dict[str, list[tuple[int, str, int]]] = {
    "orders": [(0, "11:00", 1)],
    "contacts": [(4, "14:30", 1)],
    "hold.sum": [(4, "14:50", 240_000)],
    "cancellation_requests": [(40, "09:00", 1)],
    # One buys, another one waits on the phone: the same customer.
    "orders_broken": [(30, "10:00", 1)],
    "orders_chained": [(30, "10:00", 1)],
    "contacts_resolved_first": [(11, "14:50", 1)],
}
"""Field -> where and how much, to the minute."""


def check(cells: Cells) -> None:
    """Holds cells, all buckets live, against the story's table."""
    for field, days in DAYS.items():
        assert booked(cells, field, Grain.DAY) == {DAY_0 + day: amount for day, amount in days.items()}, field
    for field, moments in MINUTES.items():
        assert booked(cells, field) == {ms(day, clock) // 60_000: amount for day, clock, amount in moments}, field


def test_the_oracle_tells_the_story() -> None:
    check(oracle(STORY, Policy(), END, ALL_LIVE))
    assert len(people(STORY)) == 5 + 8


def test_without_accounts_everybody_is_on_their_own() -> None:
    alone = story_2()
    for event in alone:
        event["data"]["identifiers"].pop("account_id", None)
    cells = oracle([touchpoint_of(event) for event in alone], Policy(), END, ALL_LIVE)
    assert totals(cells, "orders_chained") == {}
    assert {day - DAY_0: n for day, n in booked(cells, "customers", Grain.DAY).items()} == {-30: 1, 0: 1, 60: -1, 90: -1}


@pytest.mark.parametrize(
    "cut", [(-29, "23:00"), (3, "08:00"), (3, "10:00"), (5, "12:00"), (31, "00:00"), (60, "12:00"), (120, "00:00")]
)
def test_the_pipeline_tells_the_story_in_any_order_of_arrival(cut: tuple[int, str]) -> None:
    story = decoded(story_2())
    policy = Policy(clock="history", allowance_ms=200 * 86_400_000)
    expected = oracle(story, policy, ms(*cut), ms(*cut))
    straight = list(range(len(story)))
    chance = random.Random(cut[0])
    orders = [straight, straight[::-1], *(chance.sample(straight, len(straight)) for _ in range(40))]
    for number, order in enumerate(orders):
        cells = run_in_order([story[index] for index in order], policy, ms(*cut), chunk=1 + number % 3)
        assert cells == expected, order
