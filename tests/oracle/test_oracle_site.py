"""The oracle's visits and attempts against examples worked out by hand."""

from __future__ import annotations

import msgspec
import pytest

from streams.core.model import Grain, Touchpoint
from streams.core.policy import DAY, HOUR, MINUTE, Limits, Policy, TaskPolicy
from tests.oracle.book import Cells, bucket_name, local_day
from tests.oracle.build import booked, ever, moment, totals, touch
from tests.oracle.oracle import oracle, people

POLICY = Policy(tasks=(TaskPolicy("checkout", 30 * MINUTE, frozenset({"checkout.started"}), frozenset({"order.placed"})),))
LATE = moment(days=5)


def cells_of(*touchpoints: Touchpoint, policy: Policy = POLICY, as_of: int = LATE) -> Cells:
    return oracle(touchpoints, policy, as_of, moment())


def page(at: int, persons: str = "anonymous_id:a", references: str = "", eid: str = "") -> Touchpoint:
    return touch("page.viewed", at, persons, references, eid=eid)


@pytest.mark.parametrize(("gap", "visits"), [(30 * MINUTE - 1, 1), (30 * MINUTE, 2)])
def test_an_idle_gap_of_exactly_thirty_minutes_begins_a_new_visit(gap: int, visits: int) -> None:
    assert totals(cells_of(page(moment()), page(moment() + gap)), "visits")["visits"] == visits


@pytest.mark.parametrize(("last", "visits"), [(DAY - 1, 1), (DAY, 2)])
def test_a_visit_ends_a_day_after_its_start(last: int, visits: int) -> None:
    steps = [page(moment() + step * 29 * MINUTE) for step in range(50)]
    assert totals(cells_of(*steps, page(moment() + last)), "visits")["visits"] == visits


def test_a_visit_is_booked_when_it_closes_and_not_before() -> None:
    one = page(moment(minutes=1))
    close = moment(minutes=31)
    assert ever(cells_of(one, as_of=close - 1)) == {}
    cells = cells_of(one, as_of=close)
    assert totals(cells, "visit") == {
        "visits": 1,
        "visits_bounced": 1,
        "visit_pages": 1,
        "visit_duration.n": 1,
        "visit_duration.z": 1,
    }
    assert totals(cells, "payment") == {}
    assert booked(cells, "visits") == {close // MINUTE: 1}
    assert booked(cells, "visits|channel=web", Grain.HOUR) == {close // HOUR: 1}


def test_an_interaction_is_no_bounce_but_an_error_or_leaving_is() -> None:
    assert totals(cells_of(page(moment()), touch("error.shown", moment(), "anonymous_id:a")), "visits_b")
    assert totals(cells_of(page(moment()), touch("page.left", moment(seconds=5), "anonymous_id:a")), "visits_b")
    assert not totals(cells_of(page(moment()), touch("search.performed", moment(), "anonymous_id:a")), "visits_b")
    assert not totals(cells_of(page(moment()), page(moment(seconds=1))), "visits_b")


def test_dimensions_are_those_of_the_first_fact_and_of_the_least_id_in_one_instant() -> None:
    first = touch("page.viewed", moment(), "anonymous_id:a", eid=b"1", dimensions={"device": "mobile"})
    second = touch("page.viewed", moment(), "anonymous_id:a", eid=b"2", dimensions={"device": "desktop", "market": "nl"})
    assert {field for field in ever(cells_of(second, first)) if field.startswith("visits|")} == {
        "visits|channel=web",
        "visits|device=mobile",
    }


def test_only_web_and_app_make_visits() -> None:
    app = touch("page.viewed", moment(), "device_id:d", channel="app")
    shop = touch("store.visited", moment(), "customer_id:c", channel="store")
    assert totals(cells_of(app, shop), "visits")["visits"] == 1


def test_other_traffic_and_duplicates_do_not_count_and_the_least_payload_of_an_id_does() -> None:
    bot = touch("page.viewed", moment(), "anonymous_id:a", eid="x", traffic="bot")
    later = page(moment(hours=3), eid="x")
    early = page(moment(hours=2), eid="x")
    cells = cells_of(later, bot, early, later, early)
    assert booked(cells, "visits") == {moment(hours=2, minutes=30) // MINUTE: 1}


@pytest.mark.parametrize(("taken", "done"), [(30 * MINUTE, 1), (30 * MINUTE + 1, 0)])
def test_the_limit_of_a_task_is_inclusive(taken: int, done: int) -> None:
    start = touch("checkout.started", moment(), "anonymous_id:a")
    success = touch("order.placed", moment() + taken, "anonymous_id:a", "order_id:1")
    found = totals(cells_of(start, success), "attempts")
    assert found.get("attempts_completed|task=checkout", 0) == done
    assert found["attempts|task=checkout"] == 1


def test_starts_come_before_success_within_an_instant_and_are_absorbed_while_one_is_open() -> None:
    order = touch("order.placed", moment(), "anonymous_id:a", "order_id:1", eid=b"1")
    starts = [touch("checkout.started", moment(), "anonymous_id:a", eid=eid) for eid in (b"2", b"3")]
    found = totals(cells_of(order, *starts), "attempts", "time_to_complete")
    assert found == {
        "attempts|task=checkout": 1,
        "attempts_completed|task=checkout": 1,
        "time_to_complete.n|task=checkout": 1,
        "time_to_complete.z|task=checkout": 1,
    }


@pytest.mark.parametrize(("second", "attempts"), [(30 * MINUTE, 1), (30 * MINUTE + 1, 2)])
def test_a_start_at_the_limit_is_absorbed(second: int, attempts: int) -> None:
    starts = [touch("checkout.started", moment() + at, "anonymous_id:a") for at in (0, second)]
    assert totals(cells_of(*starts), "attempts")["attempts|task=checkout"] == attempts


def test_explicit_tasks_fail_unless_they_succeed_within_the_limit() -> None:
    def task(kind: str, minutes: int, name: str) -> Touchpoint:
        return touch(f"task.{kind}", moment(minutes=minutes), "user_id:u", fields={"task": name})

    found = totals(
        cells_of(
            task("started", 0, "unheard of"),
            task("failed", 1, "another"),
            task("started", 0, "checkout"),
            task("failed", 1, "checkout"),
            task("completed", 2, "checkout"),
        ),
        "attempts",
    )
    assert found == {
        "attempts|task=other": 1,
        "attempts_failed|task=other": 1,
        "attempts|task=checkout": 1,
        "attempts_completed|task=checkout": 1,
    }


@pytest.mark.parametrize(
    ("kind", "minutes", "errored"),
    [("payment.failed", 0, 1), ("error.shown", 20, 1), ("error.shown", 21, 0), ("page.viewed", 1, 0)],
)
def test_errors_count_from_the_start_until_the_success(kind: str, minutes: int, errored: int) -> None:
    facts = [
        touch("checkout.started", moment(), "anonymous_id:a"),
        touch(kind, moment(minutes=minutes), "anonymous_id:a"),
        touch("order.placed", moment(minutes=20), "anonymous_id:a", "order_id:1"),
        page(moment(minutes=21)),
    ]
    assert totals(cells_of(*facts), "attempts_errored").get("attempts_errored|task=checkout", 0) == errored


def test_an_error_of_the_next_visit_is_not_the_attempts() -> None:
    facts = [touch("checkout.started", moment(), "anonymous_id:a"), touch("error.shown", moment(minutes=30), "anonymous_id:a")]
    assert not totals(cells_of(*facts), "attempts_errored")


def test_attempts_carry_their_task_in_every_field_and_time_its_logarithm() -> None:
    start = touch("checkout.started", moment(), "anonymous_id:a", dimensions={"device": "tablet"})
    cells = cells_of(start, touch("order.placed", moment(seconds=30), "anonymous_id:a", "order_id:1"))
    assert ever(cells)["attempts_completed|task=checkout|device=tablet"] == 1
    assert ever(cells)["time_to_complete.sum|task=checkout"] == 30_000
    assert ever(cells)["time_to_complete.ln|task=checkout"] == 3_401_197
    assert booked(cells, "attempts|task=checkout") == {moment(minutes=30) // MINUTE: 1}


def order(at: int, references: str, persons: str = "") -> Touchpoint:
    return touch("order.placed", at, persons, references, channel="system")


def test_an_order_without_a_person_joins_the_visit_of_its_cart_token() -> None:
    first = page(moment(), references="cart_token:t")
    second = page(moment(hours=2))
    cells = cells_of(first, second, order(moment(hours=2, minutes=1), "order_id:1 cart_token:t"))
    assert booked(cells, "visits_converted") == {moment(minutes=30) // MINUTE: 1}
    assert booked(cells, "visits") == {moment(minutes=30) // MINUTE: 1, moment(hours=2, minutes=30) // MINUTE: 1}


def test_an_order_without_a_shared_reference_joins_the_visit_that_is_open() -> None:
    mine = order(moment(minutes=29), "order_id:1", "anonymous_id:a")
    assert totals(cells_of(page(moment()), mine), "visits_c") == {"visits_converted": 1}
    late = order(moment(minutes=30), "order_id:1", "anonymous_id:a")
    assert totals(cells_of(page(moment()), late), "visits_c") == {}


@pytest.mark.parametrize(("after", "converted"), [(DAY - 1, 1), (DAY, 0)])
def test_an_order_joins_a_visit_for_as_long_as_an_identity_does(after: int, converted: int) -> None:
    cells = cells_of(page(moment(), references="cart_token:t"), order(moment() + after, "order_id:1 cart_token:t"))
    assert totals(cells, "visits_converted").get("visits_converted", 0) == converted


def test_a_back_end_order_completes_the_task_and_never_extends_a_visit() -> None:
    start = touch("checkout.started", moment(), "anonymous_id:a", "cart_token:t")
    found = totals(cells_of(start, order(moment(minutes=10), "order_id:1 cart_token:t")), "attempts", "visit_duration", "visits")
    assert found["attempts_completed|task=checkout"] == 1
    assert found["visits_converted"] == 1
    assert "visit_duration.sum" not in found


def test_a_visits_payments_are_its_refusals_and_its_orders_each_once() -> None:
    refused = touch("payment.failed", moment(minutes=1), "anonymous_id:a", "cart_token:t")
    placed = [order(moment(minutes=2), "order_id:1 cart_token:t"), order(moment(minutes=3), "order_id:1", "anonymous_id:a")]
    found = totals(cells_of(page(moment(), references="cart_token:t"), refused, *placed), "payment")
    assert found == {"payment_attempts": 2, "payments_refused": 1}


@pytest.mark.parametrize(("claim", "visits"), [(DAY - 1, 1), (DAY, 0)])
def test_a_web_fact_without_a_person_waits_for_the_owner_of_its_visit(claim: int, visits: int) -> None:
    waiting = page(moment(), "", "visit_id:v")
    owner = touch("message.clicked", moment() + claim, "email:a@b.c", "visit_id:v", channel="email")
    assert totals(cells_of(waiting, owner), "visits").get("visits", 0) == visits
    assert totals(cells_of(waiting), "visits") == {}


@pytest.mark.parametrize(("linked", "visits"), [(DAY - 1, 1), (DAY, 2)])
def test_a_late_link_does_not_restate_old_visits(linked: int, visits: int) -> None:
    anonymous = page(moment())
    login = page(moment(), "user_id:u")
    link = touch("profile.linked", moment() + linked, "user_id:u anonymous_id:a", channel="system")
    assert totals(cells_of(anonymous, login, link), "visits")["visits"] == visits
    assert people([anonymous, login, link]) == {frozenset({"anonymous_id:a", "user_id:u"})}


def test_people_are_connected_through_any_number_of_events() -> None:
    chain = [touch("profile.linked", moment(), f"x:{i} x:{i + 1}") for i in (0, 2, 1)]
    assert people([*chain, page(moment(), "y:1", "order_id:1"), page(moment(), "y:2", "order_id:1")]) == {
        frozenset(f"x:{i}" for i in range(4)),
        frozenset({"y:1"}),
        frozenset({"y:2"}),
    }


@pytest.mark.parametrize(("facts", "visits"), [(3, 2), (4, 1)])
def test_a_day_of_a_robot_is_taken_out(facts: int, visits: int) -> None:
    policy = msgspec.structs.replace(POLICY, limits=Limits(facts_per_day=3))
    robot = [page(moment(hours=10, seconds=second)) for second in range(facts)]
    assert totals(cells_of(*robot, page(moment(days=1)), policy=policy), "visits")["visits"] == visits


def test_buckets_live_until_their_span_is_over() -> None:
    one = page(moment())
    close = moment(minutes=30)
    live = oracle([one], POLICY, LATE, close + 26 * HOUR + MINUTE - 1)
    assert booked(live, "visits") == {close // MINUTE: 1}
    gone = oracle([one], POLICY, LATE, close + 26 * HOUR + MINUTE)
    assert booked(gone, "visits") == {}
    assert booked(gone, "visits", Grain.HOUR) == {close // HOUR: 1}
    assert {grain for grain, _, _ in oracle([one], POLICY, LATE, moment(days=1000))} == {Grain.EVER}


def test_days_are_local() -> None:
    evening = moment(hours=23, minutes=30)
    assert local_day(evening, "UTC") == evening // DAY
    assert local_day(evening, "Europe/Amsterdam") == evening // DAY + 1
    assert local_day(evening, "America/New_York") == evening // DAY
    assert local_day(-1, "UTC") == -1


@pytest.mark.parametrize(
    ("milliseconds", "name"),
    [(0, "z"), (1, "p-172"), (1000, "p0"), (1001, "p1"), (1040, "p1"), (1041, "p2"), (60_000, "p103"), (-60_000, "m103")],
)
def test_logarithmic_buckets(milliseconds: int, name: str) -> None:
    assert bucket_name(milliseconds) == name
