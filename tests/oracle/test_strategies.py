"""The oracle's own laws over drawn streams, and that the strategies reach what they are for."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.core.model import Grain, Touchpoint
from streams.core.policy import Policy
from tests.oracle.build import ever, moment, totals
from tests.oracle.oracle import oracle, people
from tests.oracle.strategies import cuts, policies, robot_streams, streams

MODEST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MODEST
@given(streams(), policies(), st.data(), st.randoms())
def test_order_of_arrival_and_duplicates_change_nothing(
    found: list[Touchpoint], policy: Policy, data: st.DataObject, chance: random.Random
) -> None:
    cut = data.draw(cuts(found))
    shuffled = [*found, *found[:3]]
    chance.shuffle(shuffled)
    assert oracle(found, policy, cut, cut) == oracle(shuffled, policy, cut, cut)
    assert people(found) == people(shuffled)


@MODEST
@given(streams(), policies())
def test_totals_hold_together(found: list[Touchpoint], policy: Policy) -> None:
    end = max(touchpoint.at for touchpoint in found) + policy.drain_ms
    cells = oracle(found, policy, end, moment())
    sums = ever(cells)
    assert sums.get("visits_converted", 0) <= sums.get("visits", 0) == sums.get("visit_duration.n", 0)
    assert sums.get("orders_kept", 0) <= sums.get("orders_due", 0)
    assert 0 <= sums.get("customers", 0) <= sums.get("new_customers", 0) <= len(people(found))
    for task in ("cart", "checkout", "setup", "other"):
        done, failed = (sums.get(f"attempts_{part}|task={task}", 0) for part in ("completed", "failed"))
        assert done + failed <= sums.get(f"attempts|task={task}", 0)
        assert done == sums.get(f"time_to_complete.n|task={task}", 0)
    for field, amount in totals(cells, "").items():
        daily = sum(part for (grain, _, name), part in cells.items() if grain is Grain.DAY and name == field)
        assert daily == amount, field


@MODEST
@given(robot_streams(), policies(robots=True))
def test_robots_only_ever_take_visits_away(found: list[Touchpoint], policy: Policy) -> None:
    end = max(touchpoint.at for touchpoint in found) + policy.drain_ms
    strict, lax = (ever(oracle(found, one, end, moment())) for one in (policy, Policy(tasks=policy.tasks)))
    assert strict.get("visit_pages", 0) <= lax.get("visit_pages", 0)
    assert strict.get("orders", 0) == lax.get("orders", 0)


REACHED = (
    "visits_converted",
    "visits_bounced",
    "attempts_completed|task=cart",
    "attempts_completed|task=setup",
    "attempts_errored|task=checkout",
    "orders_kept_latest",
    "delivery_delay.n",
    "contacts",
    "queue_wait.n",
    "hold.n",
    "csat_top",
    "nps_detractors",
    "cancellation_requests",
    "visit_errors",
    "visit_zero_results",
    "carts_recovered",
    "time_on_page.n|page_group=cart",
    "visit_navigations",
    "visit_rage_clicks",
    "visit_dead_clicks",
    "orders_backordered",
    "orders_damaged",
    "orders_returned",
    "complaints",
    "waits_short",
    "contacts_abandoned",
    "handle.n",
    "first_response.n",
    "resolution.n",
    "open_contacts",
    "ces_easy",
    "sus_points",
    "invitations_answered",
    "review_points",
    "messages_bounced",
    "messages_opened",
    "messages_complained",
    "customers_repeated",
    "customer_value.sum|currency=EUR",
    "cohort_active|week=1",
    "referrals",
    "referrals_converted",
    "contacts_resolved_first",
    "orders_chained",
    "clicks_to_complete.n|task=checkout",
)


def test_the_strategies_reach_every_kind_of_cell() -> None:
    missing = set(REACHED)

    @settings(max_examples=2_000, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(streams(), policies())
    def look(found: list[Touchpoint], policy: Policy) -> None:
        end = max(touchpoint.at for touchpoint in found) + policy.silence_ms
        missing.difference_update(ever(oracle(found, policy, end, end)))

    look()
    assert not missing
