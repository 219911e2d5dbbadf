"""Golden story 1: its table, cell by cell, by the oracle and by the pipeline in any order of arrival."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import permutations

from streams.core.model import Grain
from streams.core.policy import Policy
from tests.golden.stories import ALL_LIVE, DAY_0, END, decoded, ms, story_1
from tests.laws.harness import run_in_order
from tests.oracle.book import Cells, bucket_name
from tests.oracle.build import booked, totals
from tests.oracle.native import touchpoint_of
from tests.oracle.oracle import oracle, people

MINUTES: dict[str, list[tuple[int, str, int]]] = {
    "orders": [(0, "10:01", 1)],
    "orders|channel=web": [(0, "10:01", 1)],
    "revenue|currency=EUR": [(0, "10:01", 120_0000)],
    "visits": [(0, "10:31", 1)],
    "visits_converted": [(0, "10:31", 1)],
    "visits_bounced": [],
    "visit_pages": [(0, "10:31", 1)],
    "visit_duration.n": [(0, "10:31", 1)],
    "visit_duration.sum": [(0, "10:31", 60_000)],
    f"visit_duration.{bucket_name(60_000)}": [(0, "10:31", 1)],
    "attempts|task=checkout": [(0, "10:30", 1)],
    "attempts_completed|task=checkout": [(0, "10:30", 1)],
    "attempts_errored|task=checkout": [],
    "attempts_failed|task=checkout": [],
    "time_to_complete.n|task=checkout": [(0, "10:30", 1)],
    "time_to_complete.sum|task=checkout": [(0, "10:30", 30_000)],
    "orders_due": [(3, "10:01", 1)],
    "orders_kept": [],
    "orders_due_latest": [(18, "10:01", 1)],
    "orders_kept_latest": [],
    "orders_overdue": [(3, "10:01", 1), (4, "10:10", -1), (18, "10:01", 1), (19, "10:01", -1)],
    "contacts": [(4, "10:00", 1)],
    "contacts|medium=phone": [(4, "10:00", 1)],
    "contacts|reason=delivery": [(4, "10:00", 1)],
    "queue_wait.n": [(4, "10:02", 1)],
    "queue_wait.sum": [(4, "10:02", 120_000)],
    "hold.n": [(4, "10:10", 1)],
    "hold.sum": [(4, "10:10", 300_000)],
    "delivery_delay.n": [(19, "10:01", 1)],
    "delivery_delay.sum": [(19, "10:01", 1_382_400_000)],
    "delivery_delay_latest.sum": [(19, "10:01", 86_400_000)],
    "csat": [(20, "12:00", 1)],
    "csat_top": [],
    "nps": [(20, "12:00", 1)],
    "nps_promoters": [],
    "nps_detractors": [(20, "12:00", 1)],
    "cancellation_requests": [(21, "09:00", 1)],
    "payment_attempts": [(0, "10:31", 1)],
    "time_on_page.n": [],
    "visit_searches": [(0, "10:31", 1)],
    "visit_navigations": [],
    "orders_backordered": [(0, "10:01", 1)],
    "orders_settled": [(49, "10:01", 1)],
    "orders_damaged": [],
    "waits": [(4, "10:02", 1)],
    "waits_short": [],
    "first_response.sum": [(4, "10:02", 120_000)],
    "handle.n": [(4, "10:10", 1)],
    "open_contacts": [(4, "10:00", 1), (4, "10:10", -1)],
    "resolution.n": [],
    "contacts_handled": [(11, "10:10", 1)],
    "contacts_resolved_first": [(11, "10:10", 1)],
    "orders_broken": [(31, "10:01", 1)],
    "orders_chained": [(31, "10:01", 1)],
}
"""Field -> where and how much, to the minute (day, time, amount); a bucket holds the moment that it is named by."""

DAYS: dict[str, dict[int, int]] = {
    "customers": {-60: 1, 40: -1},
    "new_customers": {-60: 1},
    "customers_ordered": {0: 1},
    "customers_repeated": {},
    "reactivated_customers": {},
    "churned_7d": {40: 1, 47: -1},
    "churned_28d": {40: 1, 68: -1},
    "users_24h": {-60: 1, -59: -1, 0: 1, 1: -1, 4: 1, 5: -1, 20: 1, 22: -1},
    "users_7d": {-60: 1, -53: -1, 0: 1, 11: -1, 20: 1, 28: -1},
    "users_converted_24h": {0: 1, 1: -1},
    "users_searched_7d": {0: 1, 7: -1},
    "active_customers_28d": {-60: 1, -32: -1, 0: 1, 40: -1},
    "cohort|week=1": {14: 1},
    "cohort_active|week=1": {},
    "cohort|week=2": {21: 1},
    "cohort_active|week=2": {21: 1},
    "customer_value.n|currency=EUR": {0: 1},
    "customer_value.sum|currency=EUR": {0: 120_0000},
}
"""Field -> day -> amount."""


def check(cells: Cells) -> None:
    """Holds cells, all buckets live, against the story's table."""
    for field, moments in MINUTES.items():
        assert booked(cells, field) == {ms(day, clock) // 60_000: amount for day, clock, amount in moments}, field
    for field, days in DAYS.items():
        assert booked(cells, field, Grain.DAY) == {DAY_0 + day: amount for day, amount in days.items()}, field
        assert booked(cells, field) == {}, field


def test_the_oracle_tells_the_story() -> None:
    touchpoints = [touchpoint_of(event) for event in story_1()]
    cells = oracle(touchpoints, Policy(), END, ALL_LIVE)
    check(cells)
    assert people(touchpoints) == {
        frozenset({"anonymous_id:browser-1", "customer_id:customer-1", "phone:+31201234567", "email:customer@example.com"})
    }
    counted = {f.split("|")[0] for f in totals(cells, "")} - {"orders_valued"}
    assert {name for name in counted if "." not in name} <= {field.split("|")[0] for field in MINUTES | DAYS}


def test_before_the_call_the_latest_promise_is_the_broken_first_one() -> None:
    touchpoints = [t for event in story_1() if (t := touchpoint_of(event)).at < ms(4, "00:00")]
    cells = oracle(touchpoints, Policy(), ms(4, "00:00"), ALL_LIVE)
    assert booked(cells, "orders_due_latest") == {ms(3, "10:01") // 60_000: 1}
    assert totals(cells, "orders_overdue") == {"orders_overdue": 1}


def arrivals(size: int, groups: list[list[int]]) -> Iterator[list[int]]:
    """Orders of arrival: rotations, every permutation of the groups, and a sample of all."""
    straight = list(range(size))
    for turn in range(size):
        yield straight[turn:] + straight[:turn]
        yield (straight[turn:] + straight[:turn])[::-1]
    for group in groups:
        for order in permutations(group):
            yield straight[: group[0]] + list(order) + straight[group[-1] + 1 :]
    chance = random.Random(1)
    for _ in range(300):
        yield chance.sample(straight, size)


def test_the_oracle_is_blind_to_the_order_of_arrival() -> None:
    touchpoints = [touchpoint_of(event) for event in story_1()]
    expected = oracle(touchpoints, Policy(), END, ALL_LIVE)
    chance = random.Random(2)
    for _ in range(50):
        shuffled = [*touchpoints, *chance.sample(touchpoints, 3)]
        chance.shuffle(shuffled)
        assert oracle(shuffled, Policy(), END, ALL_LIVE) == expected


def test_groups_are_permuted_completely() -> None:
    orders = {tuple(order) for order in arrivals(16, [[1, 2, 3, 4], [5, 6, 7, 8, 9, 10]])}
    assert all(sorted(order) == list(range(16)) for order in orders)
    assert len(orders) > 24 + 720 + 300


def test_the_decoder_reads_the_story_as_it_is_meant() -> None:
    found = oracle(decoded(story_1()), Policy(), END, ALL_LIVE)
    check({(grain, index, field.replace("reason=other", "reason=delivery")): n for (grain, index, field), n in found.items()})


CUTS = [(0, "10:31"), (3, "10:01"), (4, "12:00"), (18, "10:01"), (19, "10:01"), (21, "12:00"), (40, "09:00"), (120, "00:00")]


def test_the_pipeline_tells_the_story_in_any_order_of_arrival() -> None:
    story = decoded(story_1())
    policy = Policy(clock="history", allowance_ms=200 * 86_400_000)
    expected = {cut: oracle(story, policy, ms(*cut), ms(*cut)) for cut in CUTS}
    orders = arrivals(len(story), [[1, 2, 3, 4], [5, 6, 7, 8, 9, 10]])
    for number, order in enumerate(orders):
        cut = CUTS[number % len(CUTS)]
        cells = run_in_order([story[index] for index in order], policy, ms(*cut), chunk=1 + number % 3)
        assert cells == expected[cut], (order, cut)
