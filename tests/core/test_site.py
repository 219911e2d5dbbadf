"""Visits and attempts at their exact boundaries, told in order and told late."""

from __future__ import annotations

import pytest

from streams.core.model import Grain, Touchpoint, Value
from streams.core.policy import DAY, HOUR, MINUTE, Limits, Policy, TaskPolicy
from tests.core.steps import Step, tables
from tests.oracle.build import booked, moment, totals, touch

ME = "customer_id:me"
LONG_AFTER = moment(days=4)
SETUP = Policy(clock="history", tasks=(TaskPolicy("setup", 10 * MINUTE),))


def page(at: int, persons: str = ME, references: str = "", **more: str) -> Touchpoint:
    return touch("page.viewed", at, persons, references, **more)  # type: ignore[arg-type]


def cart(at: int) -> Touchpoint:
    return touch("cart.item_added", at, ME)


def order(at: int, persons: str = ME, references: str = "order_id:1", channel: str = "web", eid: str = "") -> Touchpoint:
    return touch("order.placed", at, persons, references, channel=channel, eid=eid)


def late(first: list[Touchpoint], then: Touchpoint) -> list[Step]:
    """The last one comes after everything has been booked."""
    return [*first, LONG_AFTER, then, LONG_AFTER + 1]


@pytest.mark.parametrize(("gap", "visits"), [(30 * MINUTE - 1, 1), (30 * MINUTE, 2)])
def test_thirty_idle_minutes_begin_a_new_visit(gap: int, visits: int) -> None:
    assert totals(tables(page(moment()), page(moment() + gap), LONG_AFTER), "visits")["visits"] == visits


@pytest.mark.parametrize(("last", "visits"), [(DAY - 1, 1), (DAY, 2)])
def test_a_visit_is_cut_a_day_after_its_start(last: int, visits: int) -> None:
    steps = [page(moment() + minute * MINUTE) for minute in range(0, 24 * 60, 29)]
    assert totals(tables(*steps, page(moment() + last), LONG_AFTER), "visits")["visits"] == visits


@pytest.mark.parametrize(("at", "visits"), [(30 * MINUTE - 1, 0), (30 * MINUTE, 1)])
def test_a_visit_is_booked_when_it_closes_and_in_that_minute(at: int, visits: int) -> None:
    cells = tables(page(moment()), moment() + at)
    assert totals(cells, "visits").get("visits", 0) == visits
    assert booked(cells, "visits") == ({moment(minutes=30) // MINUTE: 1} if visits else {})


def test_a_late_page_bridges_two_visits_that_were_booked() -> None:
    apart = [page(moment()), page(moment(minutes=40))]
    assert totals(tables(*apart, LONG_AFTER), "visit")["visits"] == 2
    found = totals(tables(*late(apart, page(moment(minutes=20)))), "visit")
    assert (found["visits"], found["visit_pages"], found["visit_duration.sum"]) == (1, 3, 40 * MINUTE)
    assert "visits_bounced" not in found


def test_a_late_page_before_the_first_one_moves_nothing_but_what_it_touches() -> None:
    cells = tables(*late([page(moment(minutes=20)), page(moment(hours=9))], page(moment())))
    assert booked(cells, "visits") == {}  # the minutes have expired by now
    assert booked(cells, "visits", Grain.HOUR) == {moment() // HOUR: 1, moment(hours=9) // HOUR: 1}


@pytest.mark.parametrize(("after", "completed"), [(4 * HOUR - 1, 1), (4 * HOUR, 1), (4 * HOUR + 1, 0)])
@pytest.mark.parametrize("arrival", ["in order", "order late", "start late"])
def test_an_order_at_the_limit_is_in_time_however_late_it_is_heard_of(after: int, completed: int, arrival: str) -> None:
    start, success = cart(moment()), order(moment() + after)
    steps: dict[str, list[Step]] = {
        "in order": [start, success, LONG_AFTER],
        "order late": late([start], success),
        "start late": late([success], start),
    }
    found = totals(tables(*steps[arrival]), "attempts", "time_to_complete")
    assert found["attempts|task=cart"] == 1
    assert found.get("attempts_completed|task=cart", 0) == completed
    assert found.get("time_to_complete.sum|task=cart", 0) == completed * after


@pytest.mark.parametrize(("again", "attempts"), [(4 * HOUR, 1), (4 * HOUR + 1, 2)])
def test_a_start_while_an_attempt_is_open_is_absorbed(again: int, attempts: int) -> None:
    for steps in ([cart(moment()), cart(moment() + again), LONG_AFTER], late([cart(moment() + again)], cart(moment()))):
        assert totals(tables(*steps), "attempts")["attempts|task=cart"] == attempts


@pytest.mark.parametrize(("until", "attempts"), [(4 * HOUR - 1, 0), (4 * HOUR, 1)])
def test_an_attempt_is_booked_at_its_limit_even_if_it_succeeded_long_before(until: int, attempts: int) -> None:
    cells = tables(cart(moment()), order(moment(minutes=1)), moment() + until)
    assert totals(cells, "attempts").get("attempts|task=cart", 0) == attempts


def test_in_one_instant_a_start_comes_before_its_success() -> None:
    """Whichever event id is the least."""
    for eids in (("a", "b"), ("b", "a")):
        start = touch("cart.item_added", moment(), ME, eid=eids[0])
        found = totals(tables(order(moment(), eid=eids[1]), start, LONG_AFTER), "attempts", "time_to_complete")
        assert found["attempts_completed|task=cart"] == 1
        assert found["time_to_complete.z|task=cart"] == 1
        assert not any(name.startswith("time_to_complete.ln") for name in found)


def task(kind: str, at: int, name: str = "setup") -> Touchpoint:
    return touch(f"task.{kind}", at, ME, fields={"task": name})


@pytest.mark.parametrize(
    ("then", "completed", "failed"),
    [
        ([("failed", 1), ("completed", 2)], 1, 0),
        ([("failed", 10 * MINUTE)], 0, 1),
        ([("failed", 10 * MINUTE + 1)], 0, 0),
        ([("completed", 10 * MINUTE)], 1, 0),
        ([("completed", 10 * MINUTE + 1)], 0, 0),
    ],
)
def test_an_explicit_task_fails_only_without_a_success(then: list[tuple[str, int]], completed: int, failed: int) -> None:
    steps = [task("started", moment()), *(task(kind, moment() + after) for kind, after in then)]
    found = totals(tables(*steps, LONG_AFTER, policy=SETUP), "attempts")
    assert found.get("attempts_completed|task=setup", 0) == completed
    assert found.get("attempts_failed|task=setup", 0) == failed


def test_a_task_that_nobody_configured_is_other() -> None:
    found = totals(tables(task("started", moment(), "unheard of"), LONG_AFTER, policy=SETUP), "attempts")
    assert found == {"attempts|task=other": 1}


@pytest.mark.parametrize(
    ("error", "errored"),
    [(-1, 0), (0, 1), (20 * MINUTE, 1), (20 * MINUTE + 1, 0)],
)
def test_an_error_counts_from_the_start_to_the_success(error: int, errored: int) -> None:
    steps = [
        touch("error.shown", moment() + error, ME),
        cart(moment()),
        order(moment(minutes=20)),
        page(moment(minutes=29)),
    ]
    assert totals(tables(*steps, LONG_AFTER), "attempts_e").get("attempts_errored|task=cart", 0) == errored


def test_an_error_of_the_next_visit_is_not_the_attempts() -> None:
    steps = [cart(moment()), touch("payment.failed", moment(hours=1), ME)]
    assert totals(tables(*steps, LONG_AFTER), "attempts_e") == {}


@pytest.mark.parametrize("told", [False, True])
def test_payments_are_refusals_and_orders_of_a_visit_each_order_once(*, told: bool) -> None:
    """Site and back end may both tell of an order; an order of a time without a visit is no payment in one."""
    refused = [touch("payment.failed", moment(minutes=minute), ME) for minute in (1, 2)]
    steps = [page(moment()), *refused, order(moment(minutes=3)), order(moment(minutes=4), references="order_id:2")]
    back_end = order(moment(minutes=3), channel="system", eid="x")
    elsewhere = order(moment(days=1), references="order_id:3", channel="store")
    found = totals(tables(*(late(steps, back_end) if told else [*steps, back_end, elsewhere, LONG_AFTER])), "payment")
    assert found == {"payment_attempts": 4, "payments_refused": 2}


@pytest.mark.parametrize(("at", "converted"), [(-1, 0), (0, 1), (30 * MINUTE - 1, 1), (30 * MINUTE, 0)])
def test_an_order_of_the_back_end_joins_the_visit_that_is_open(at: int, converted: int) -> None:
    found = totals(tables(page(moment()), order(moment() + at, channel="system"), LONG_AFTER), "visit")
    assert found["visits"] == 1
    assert found.get("visits_converted", 0) == converted


@pytest.mark.parametrize(("after", "converted"), [(DAY - 1, 1), (DAY, 0)])
def test_an_order_of_the_back_end_joins_by_visit_id_for_a_day(after: int, converted: int) -> None:
    placed = order(moment() + after, references="order_id:1 visit_id:v", channel="system")
    for steps in ([page(moment(), ME, "visit_id:v"), placed, LONG_AFTER], late([page(moment(), ME, "visit_id:v")], placed)):
        assert totals(tables(*steps), "visits_c").get("visits_converted", 0) == converted


def test_a_mark_that_turns_out_to_be_a_click_leaves_the_other_visits_alone() -> None:
    """Two payloads under one id: the earlier one, on the web, counts. (Its visit was a mark without one before.)"""
    on_phone = order(moment(days=2), channel="phone", eid="x")
    on_web = order(moment(days=2) - 1, channel="web", eid="x")
    found = totals(tables(page(moment()), moment(days=1), on_phone, LONG_AFTER, on_web, LONG_AFTER + 1), "visits")
    assert found == {"visits": 2, "visits_bounced": 1, "visits_converted": 1}


def test_a_lesser_claim_moves_an_order_between_two_strands_of_one_person() -> None:
    """Both identifiers were linked days after their visits, which therefore stay two."""
    mine, other = "anonymous_id:a", "anonymous_id:b"
    steps: list[Step] = [
        page(moment(), mine),
        touch("page.viewed", moment(), other, dimensions={"device": "mobile"}),
        touch("profile.linked", moment(days=2), f"{mine} {other}", channel="system"),
        order(moment(minutes=5), "", channel="system"),
        touch("order.refunded", moment(minutes=20), other, "order_id:1", channel="system"),
        LONG_AFTER,
    ]
    from_mobile = booked(tables(*steps), "visits_converted|device=mobile", Grain.EVER)
    assert from_mobile == {0: 1}
    steps += [touch("order.refunded", moment(minutes=15), mine, "order_id:1", channel="system"), LONG_AFTER + 1]
    cells = tables(*steps)
    assert booked(cells, "visits_converted|device=mobile", Grain.EVER) == {}
    assert totals(cells, "visits_c") == {"visits_converted": 1}


@pytest.mark.parametrize(("late_ms", "visits"), [(DAY - 1, 1), (DAY, 2)])
def test_a_link_counts_for_visits_of_the_day_before_it(late_ms: int, visits: int) -> None:
    one, other = page(moment(), "anonymous_id:a"), page(moment(), "anonymous_id:b")
    link = touch("profile.linked", moment() + late_ms, "anonymous_id:a anonymous_id:b", channel="system")
    for steps in ([one, other, link, LONG_AFTER], [link, one, other, LONG_AFTER], late([one, other], link)):
        assert totals(tables(*steps), "visits")["visits"] == visits


@pytest.mark.parametrize(("pages", "counted"), [(3, 3), (4, 0)])
def test_a_day_with_more_than_the_limit_of_pages_is_a_bots(pages: int, counted: int) -> None:
    policy = Policy(clock="history", limits=Limits(facts_per_day=3))
    views = [page(moment(hours=hour)) for hour in range(pages)]
    tomorrow = page(moment(days=1))
    stories: list[list[Step]] = [[*views, tomorrow, LONG_AFTER], [tomorrow, *views[:-1], LONG_AFTER, views[-1], LONG_AFTER + 1]]
    for steps in stories:
        assert totals(tables(*steps, policy=policy), "visits")["visits"] == counted + 1


def test_traffic_that_is_not_human_is_counted_apart_and_leaves_nothing() -> None:
    robot = touch("page.viewed", moment(), ME, traffic="bot")
    assert tables(robot, LONG_AFTER) == {}


def click(at: int, element: str = "buy", eid: str = "", **fields: Value) -> Touchpoint:
    return touch("element.clicked", at, ME, eid=eid, fields={"element": element, **fields})


@pytest.mark.parametrize(
    ("offsets", "rages"),
    [
        ((0, 500, 1_000), 1),
        ((0, 500, 1_001), 0),
        ((0, 300, 600, 900, 1_200), 1),
        ((0, 300, 600, 9_000, 9_300, 9_600), 2),
        ((0, 0, 0), 1),
        ((0, 1), 0),
    ],
)
def test_three_clicks_within_a_second_are_one_of_rage(offsets: tuple[int, ...], rages: int) -> None:
    clicks = [click(moment() + offset, eid=str(number)) for number, offset in enumerate(offsets)]
    for arrived in (clicks, clicks[::-1]):
        assert totals(tables(*arrived, LONG_AFTER), "visit_rage").get("visit_rage_clicks", 0) == rages
    others = [click(moment() + offset, f"element {number}") for number, offset in enumerate(offsets)]
    assert totals(tables(*others, LONG_AFTER), "visit_rage") == {}


def test_how_somebody_looked_for_it() -> None:
    steps = [
        page(moment()),
        touch("search.performed", moment() + 1, ME, fields={"results": 0}),
        touch("search.performed", moment() + 2, ME, fields={"results": 7}),
        touch("search.performed", moment() + 3, ME),
        touch("navigation.used", moment() + 4, ME),
        click(moment() + 5, nav_region="header"),
        click(moment() + 2_000, "menu", dead=True),
        touch("error.shown", moment() + 6, ME),
        touch("payment.failed", moment() + 7, ME),
    ]
    found = totals(tables(*late(steps[1:], steps[0])), "visit_")
    names = ("searches", "zero_results", "navigations", "dead_clicks", "errors", "pages")
    assert [found[f"visit_{name}"] for name in names] == [3, 1, 2, 1, 2, 1]


@pytest.mark.parametrize(
    ("between", "steps"),
    [
        ([click(moment(minutes=1)), click(moment(minutes=2)), page(moment(minutes=3))], 2),
        ([page(moment(minutes=1)), page(moment(minutes=2)), page(moment(minutes=3))], 3),
        ([], 0),
        ([click(moment() - MINUTE), page(moment(minutes=3))], 0),
    ],
    ids=["clicks", "pages where nothing is clicked", "neither", "a click before it began"],
)
def test_clicks_to_complete_are_those_from_start_to_success(between: list[Touchpoint], steps: int) -> None:
    story = [touch("checkout.started", moment(), ME), *between, order(moment(minutes=5)), click(moment(minutes=6))]
    without = story if any(one.type == "element.clicked" for one in between) else story[:-1]
    for arrived in (without, without[::-1]):
        found = totals(tables(*arrived, LONG_AFTER), "clicks_to_complete")
        assert found["clicks_to_complete.n|task=checkout"] == 1
        assert found.get("clicks_to_complete.sum|task=checkout", 0) == 1_000 * steps
