"""Orders at their exact boundaries: promises, revisions, cancellations, parts, trees; told in order and told late."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.model import Grain, Touchpoint, Value
from streams.core.policy import DAY, HOUR, MINUTE
from tests.core.steps import Step, tables
from tests.oracle.build import booked, moment, totals, touch

DUE = moment(days=3)
LONG_AFTER = moment(days=30)


def order(at: int = moment(), references: str = "order_id:1", persons: str = "", **fields: Value) -> Touchpoint:
    return touch("order.placed", at, persons, references, channel="store", fields=fields)


def promise(at: int, due: int, by: str = "merchant") -> Touchpoint:
    return touch("delivery.promised", at, "", "order_id:1", fields={"promised_at": due, "promised_by": by})


def delivered(at: int, references: str = "order_id:1", **fields: Value) -> Touchpoint:
    return touch("delivery.delivered", at, "", references, fields=fields)


def cancelled(at: int) -> Touchpoint:
    return touch("order.cancelled", at, "", "order_id:1", channel="system")


def both_ways(*steps: Touchpoint) -> list[list[Step]]:
    """In time order, and the other way round with everything booked in between."""
    backwards: list[Step] = []
    for index, step in enumerate(reversed(steps)):
        backwards += [step, LONG_AFTER + index]
    return [[*steps, LONG_AFTER], backwards]


@pytest.mark.parametrize(("off", "kept"), [(-1, 1), (0, 1), (1, 0)])
def test_a_promise_is_kept_up_to_its_instant(off: int, kept: int) -> None:
    for steps in both_ways(order(promised_at=DUE), delivered(DUE + off)):
        found = totals(tables(*steps), "orders_", "delivery_delay")
        assert (found["orders_due"], found.get("orders_kept", 0), found.get("orders_kept_latest", 0)) == (1, kept, kept)
        assert found.get("delivery_delay.sum", 0) == off
        assert "orders_overdue" not in found  # it is over in any case


@pytest.mark.parametrize(("until", "due"), [(DUE - 1, 0), (DUE, 1)])
def test_a_promise_is_due_when_its_time_has_come(until: int, due: int) -> None:
    found = totals(tables(order(promised_at=DUE), until), "orders_")
    assert found.get("orders_due", 0) == found.get("orders_overdue", 0) == due


@pytest.mark.parametrize(("off", "overdue"), [(0, {}), (MINUTE, {0: 1, 1: -1})])
def test_an_order_is_overdue_from_its_due_time_until_it_is_delivered(off: int, overdue: dict[int, int]) -> None:
    cells = tables(order(promised_at=DUE), delivered(DUE + off), DUE + HOUR)
    assert booked(cells, "orders_overdue") == {DUE // MINUTE + minute: n for minute, n in overdue.items()}


def test_a_revision_ends_being_overdue_and_takes_the_latest_promise_back() -> None:
    broken = totals(tables(order(promised_at=DUE), DUE + HOUR), "orders_")
    assert broken == {"orders_due": 1, "orders_due_latest": 1, "orders_overdue": 1}
    revised = promise(DUE + DAY, DUE + 5 * DAY)
    before_it_is_due = totals(tables(order(promised_at=DUE), DUE + HOUR, revised, DUE + 2 * DAY), "orders_")
    assert before_it_is_due == {"orders_due": 1}
    for steps in both_ways(order(promised_at=DUE), revised, delivered(DUE + 5 * DAY)):
        found = totals(tables(*steps), "orders_", "delivery_delay")
        assert (found["orders_due_latest"], found["orders_kept_latest"], found.get("orders_kept", 0)) == (1, 1, 0)
        assert found["delivery_delay.sum"] == 5 * DAY
        assert found["delivery_delay_latest.z"] == 1


def test_a_promise_that_is_broken_when_made_is_overdue_from_then_on() -> None:
    made = DUE + HOUR
    cells = tables(order(), promise(made, DUE), made + HOUR)
    assert booked(cells, "orders_overdue") == {made // MINUTE: 1}
    assert booked(cells, "orders_due") == {DUE // MINUTE: 1}


@pytest.mark.parametrize(("off", "due"), [(-1, 0), (0, 1), (1, 1)])
def test_an_order_that_is_cancelled_before_it_is_due_is_not_due(off: int, due: int) -> None:
    for steps in both_ways(order(promised_at=DUE), cancelled(DUE + off)):
        found = totals(tables(*steps), "orders_")
        assert found.get("orders_due", 0) == due
        assert "orders_kept" not in found
        assert "orders_overdue" not in found


@pytest.mark.parametrize(("off", "delays"), [(-1, 0), (0, 1), (1, 1)])
def test_what_is_delivered_after_its_cancellation_has_no_delay(off: int, delays: int) -> None:
    steps = [order(promised_at=DUE), delivered(DUE), cancelled(DUE + off)]
    assert totals(tables(*steps, LONG_AFTER), "delivery_delay.n").get("delivery_delay.n", 0) == delays


def test_a_carriers_estimate_promises_nothing() -> None:
    for steps in both_ways(order(), promise(moment(days=1), DUE, "carrier"), delivered(DUE + DAY)):
        assert totals(tables(*steps), "orders", "delivery_delay") == {"orders": 1}


def test_parts_are_no_delivery_and_the_first_whole_one_counts() -> None:
    parts = [delivered(DUE - DAY, complete=False), delivered(DUE + 1, complete=True), delivered(DUE + DAY)]
    for steps in both_ways(order(promised_at=DUE), *parts):
        found = totals(tables(*steps), "orders_", "delivery_delay")
        assert "orders_kept" not in found
        assert found["delivery_delay.sum"] == 1


def test_a_promise_in_the_instant_of_the_delivery_is_none() -> None:
    for steps in both_ways(order(promised_at=DUE), delivered(DUE + DAY), promise(DUE + DAY, DUE + 9 * DAY)):
        found = totals(tables(*steps), "orders_", "delivery_delay")
        assert (found["orders_due_latest"], found.get("orders_kept_latest", 0)) == (1, 0)
        assert found["delivery_delay_latest.sum"] == DAY


def test_money_is_that_of_the_first_of_two_orders_under_one_id() -> None:
    first = order(moment(), value=10_000, currency="EUR")
    second = order(moment(ms=1), value=99_000, currency="USD")
    for steps in both_ways(first, second):
        assert totals(tables(*steps), "revenue", "orders") == {
            "orders": 1,
            "orders_valued|currency=EUR": 1,
            "revenue|currency=EUR": 10_000,
        }


def test_nothing_is_revenue_too() -> None:
    found = totals(tables(order(value=0, currency="EUR"), LONG_AFTER), "revenue", "orders")
    assert found == {"orders": 1, "orders_valued|currency=EUR": 1}


def test_shipments_and_tracking_numbers_lead_to_their_order_in_any_order_of_arrival() -> None:
    steps = [
        order(promised_at=DUE),
        touch("shipment.dispatched", moment(days=1), "", "order_id:1 shipment_id:s"),
        touch("shipment.dispatched", moment(days=1, hours=1), "", "shipment_id:s tracking_number:t"),
        delivered(DUE, "tracking_number:t"),
    ]
    for arrived in permutations(steps):
        found = totals(tables(arrived[0], arrived[1], LONG_AFTER, *arrived[2:], LONG_AFTER + 1), "orders")
        assert found == {"orders": 1, "orders_due": 1, "orders_due_latest": 1, "orders_kept": 1, "orders_kept_latest": 1}


def test_a_shipment_that_an_earlier_event_gives_to_another_order_moves() -> None:
    steps: list[Step] = [
        order(promised_at=DUE),
        order(moment(), "order_id:2", promised_at=DUE),
        touch("shipment.dispatched", moment(days=1), "", "order_id:1 shipment_id:s"),
        delivered(DUE, "shipment_id:s"),
        LONG_AFTER,
    ]
    assert totals(tables(*steps), "orders_k", "orders_o") == {"orders_kept": 1, "orders_kept_latest": 1, "orders_overdue": 1}
    steps += [touch("shipment.dispatched", moment(hours=1), "", "order_id:2 shipment_id:s"), LONG_AFTER + 1]
    assert totals(tables(*steps), "orders_k", "orders_o") == {"orders_kept": 1, "orders_kept_latest": 1, "orders_overdue": 1}
    other = touch("delivery.delivered", DUE, "", "order_id:1", eid="other")
    assert "orders_overdue" not in totals(tables(*steps, other, LONG_AFTER + 2), "orders_o")


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 110_000_000 * 10_000, "currency": "IDR"},
        {"value": 10**15, "currency": "KRW"},
        {"promised_at": 4_102_444_799_999},
    ],
)
def test_what_the_contract_accepts_can_be_committed(fields: dict[str, Value]) -> None:
    """An order of 110 million rupiah, the largest value that there is, and a promise for the end of 2099."""
    steps = [touch("order.placed", moment(), "", f"order_id:{number}", fields=fields) for number in range(3)]
    steps.append(delivered(DUE, "order_id:0"))
    assert totals(tables(*steps, LONG_AFTER), "orders")["orders"] == 3


@pytest.mark.parametrize(("off", "returned"), [(0, 1), (1, 0)])
def test_a_delivery_is_settled_thirty_days_later(off: int, returned: int) -> None:
    end = moment(days=33)
    back = touch("delivery.returned", end + off, "", "order_id:1")
    later: list[Step] = [back, delivered(DUE), end + 9 * DAY, order(), end + 9 * DAY + 1]
    for steps in ([order(), delivered(DUE), back, end + 9 * DAY], later):
        found = totals(tables(*steps), "orders_settled", "orders_returned", "orders_damaged")
        assert found == {"orders_settled": 1, **({"orders_returned": 1} if returned else {})}
    assert totals(tables(order(), delivered(DUE), end - 1), "orders_settled") == {}
    assert totals(tables(order(), cancelled(DUE - 1), delivered(DUE), end), "orders_settled") == {}


def test_an_order_that_was_not_in_stock_is_booked_when_it_was_placed() -> None:
    short = touch("delivery.backordered", moment(days=2), "", "order_id:1")
    for steps in both_ways(order(), short):
        cells = tables(*steps)
        assert totals(cells, "orders_backordered") == {"orders_backordered": 1}
    assert booked(tables(order(), short, moment(days=2, hours=1)), "orders_backordered", Grain.DAY) == {moment() // DAY: 1}
