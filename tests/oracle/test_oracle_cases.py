"""The oracle's orders, contacts, answers and lives against examples worked out by hand."""

from __future__ import annotations

import pytest

from streams.core.model import Grain, Touchpoint, Value
from streams.core.policy import DAY, MINUTE, Policy
from tests.oracle.book import Cells
from tests.oracle.build import booked, ever, moment, totals, touch
from tests.oracle.oracle import oracle

ME = "customer_id:me"


def cells_of(*touchpoints: Touchpoint, as_of: int = moment(days=70)) -> Cells:
    return oracle(touchpoints, Policy(), as_of, moment())


def order(days: int, references: str = "order_id:1", persons: str = ME, **fields: Value) -> Touchpoint:
    return touch("order.placed", moment(days=days), persons, references, channel="store", fields=fields)


def delivery(kind: str, days: int, references: str = "order_id:1", **fields: Value) -> Touchpoint:
    return touch(f"delivery.{kind}", moment(days=days), "", references, fields=fields)


def test_an_order_counts_once_and_its_first_value_is_its_revenue() -> None:
    again = order(1, value=70_000, currency="EUR")
    placed = order(0, value=50_000, currency="EUR")
    cells = cells_of(again, placed, order(0, "order_id:2", ""), delivery("delivered", 3, "order_id:3"))
    money = {"revenue|currency=EUR": 50_000, "orders_valued|currency=EUR": 1}
    assert totals(cells, "orders", "revenue") == {"orders": 2, "orders_settled": 1, **money}
    assert ever(cells)["revenue|currency=EUR|channel=store"] == 50_000


@pytest.mark.parametrize(("late_ms", "kept"), [(0, 1), (1, 0)])
def test_a_promise_is_kept_up_to_its_instant(late_ms: int, kept: int) -> None:
    delivered = touch("delivery.delivered", moment(days=3, ms=late_ms), "", "order_id:1")
    found = totals(cells_of(order(0, promised_at=moment(days=3)), delivered), "orders_")
    assert found.get("orders_kept", 0) == kept
    assert found["orders_due"] == found["orders_due_latest"] == 1


def test_a_promise_is_due_when_its_time_has_come() -> None:
    promise = order(0, promised_at=moment(days=3))
    assert totals(cells_of(promise, as_of=moment(days=3) - 1), "orders_") == {}
    cells = cells_of(promise, as_of=moment(days=3))
    assert totals(cells, "orders_") == {"orders_due": 1, "orders_due_latest": 1, "orders_overdue": 1}
    assert booked(cells, "orders_due", Grain.DAY) == {moment(days=3) // DAY: 1}


def test_a_carriers_estimate_is_no_promise_and_a_part_is_no_delivery() -> None:
    found = totals(
        cells_of(
            order(0, promised_at=moment(days=3)),
            delivery("promised", 1, promised_at=moment(days=9), promised_by="carrier"),
            delivery("delivered", 2, complete=False),
            delivery("delivered", 5),
        ),
        "orders_",
        "delivery_delay",
    )
    assert found["delivery_delay.sum"] == found["delivery_delay_latest.sum"] == 2 * DAY
    assert "orders_kept" not in found


@pytest.mark.parametrize(("days", "due"), [(2, 0), (3, 1)])
def test_cancelled_before_due_is_not_due(days: int, due: int) -> None:
    cancelled = touch("order.cancelled", moment(days=days), "", "order_id:1")
    assert totals(cells_of(order(0, promised_at=moment(days=3)), cancelled), "orders_due").get("orders_due", 0) == due


def test_a_promise_made_after_delivery_changes_nothing() -> None:
    found = totals(
        cells_of(
            order(0, promised_at=moment(days=3)),
            delivery("delivered", 2),
            delivery("promised", 2, promised_at=moment(days=1)),
        ),
        "orders_",
        "delivery_delay_latest",
    )
    assert found["orders_kept_latest"] == 1
    assert found["delivery_delay_latest.sum"] == -1 * DAY
    assert "orders_overdue" not in found


def test_overdue_orders_are_a_stock_that_a_new_promise_empties() -> None:
    cells = cells_of(
        order(0, promised_at=moment(days=3)),
        delivery("promised", 4, promised_at=moment(days=2)),
        delivery("promised", 5, promised_at=moment(days=8)),
        delivery("delivered", 10),
    )
    # The second promise was broken when it was made: the stock stays as it is on day 4.
    assert booked(cells, "orders_overdue", Grain.DAY) == {
        moment(days=3) // DAY: 1,
        moment(days=5) // DAY: -1,
        moment(days=8) // DAY: 1,
        moment(days=10) // DAY: -1,
    }
    assert totals(cells, "orders_overdue") == {}


def test_tracking_numbers_belong_to_the_order_that_names_them_first() -> None:
    shipment = touch("shipment.dispatched", moment(days=1), "", "shipment_id:s order_id:1")
    parcel = touch("shipment.dispatched", moment(days=1), "", "tracking_number:t shipment_id:s")
    other = touch("shipment.dispatched", moment(days=2), "", "tracking_number:t shipment_id:s2")
    found = totals(
        cells_of(order(0, promised_at=moment(days=3)), shipment, parcel, other, delivery("delivered", 2, "tracking_number:t")),
        "orders_",
        "delivery_delay.n",
    )
    assert found["orders_kept"] == found["orders_due"] == found["delivery_delay.n"] == 1


def contact(kind: str, seconds: int, name: str = "c", root: str = "", persons: str = "", **fields: Value) -> Touchpoint:
    references = f"contact_id:{name}" + (f" root_contact_id:{root}" if root else "")
    return touch(f"contact.{kind}", moment(seconds=seconds), persons, references, fields=fields)


def test_transfers_are_one_contact_with_a_wait_each() -> None:
    found = totals(
        cells_of(
            contact("opened", 0, medium="phone"),
            contact("queued", 10),
            contact("answered", 70),
            contact("opened", 100, "d", "c"),
            contact("answered", 130, "d"),
        ),
        "contacts",
        "queue_wait.n",
        "queue_wait.sum",
    )
    assert found == {"contacts": 1, "queue_wait.n": 2, "queue_wait.sum": 90_000}


def test_outbound_contacts_are_not_counted_and_stated_waits_win() -> None:
    cells = cells_of(contact("answered", 5, queue_ms=4_000, reason="delivery"), contact("opened", 3, direction="outbound"))
    assert totals(cells, "contacts", "queue_wait.sum") == {"queue_wait.sum": 4_000}
    assert ever(cells)["queue_wait.n|reason=delivery"] == 1


def test_holds_are_added_up_unless_the_end_says_how_long() -> None:
    held = [contact("held", 5, hold_ms=20_000), contact("held", 50, hold_ms=30_000), contact("answered", 1)]
    assert totals(cells_of(*held, contact("ended", 99)), "hold.sum") == {"hold.sum": 50_000}
    assert totals(cells_of(*held, contact("ended", 99, hold_ms=45_000)), "hold.sum") == {"hold.sum": 45_000}
    assert totals(cells_of(contact("ended", 99)), "hold") == {}
    assert totals(cells_of(contact("ended", 99, talk_ms=1)), "hold") == {"hold.n": 1, "hold.z": 1}


def answer(days: int, references: str = "", /, **fields: Value) -> Touchpoint:
    return touch("survey.answered", moment(days=days), ME, references, fields=fields)


@pytest.mark.parametrize(
    ("low", "high", "score", "found"),
    [
        (None, None, 4, (1, 1)),
        (None, None, 3, (1, 0)),
        (1, 7, 5, (1, 0)),
        (1, 7, 6, (1, 1)),
        (1, 10, 8, (1, 0)),
        (1, 10, 9, (1, 1)),
        (0, 1, 1, (1, 1)),
        (1, 3, 2, (1, 0)),
        (0, 10, 10, (0, 0)),
    ],
)
def test_top_boxes(low: int | None, high: int | None, score: int, found: tuple[int, int]) -> None:
    scale: dict[str, Value] = {} if low is None else {"scale_min": low, "scale_max": high}
    cells = totals(cells_of(answer(0, instrument="csat", score=score, **scale)), "csat")
    assert (cells.get("csat", 0), cells.get("csat_top", 0)) == found


def test_an_answer_is_replaced_only_within_its_invitation() -> None:
    cells = cells_of(
        answer(1, "invitation_id:i response_id:r", instrument="nps", score=3),
        answer(2, "response_id:r", instrument="nps", score=8),
        answer(3, "invitation_id:i", instrument="nps", score=9),
        answer(1, instrument="nps", score=6),
        answer(2, instrument="nps", score=7),
        answer(2, instrument="nps", score=5, scale_min=1, scale_max=5),
    )
    assert totals(cells, "nps") == {"nps": 3, "nps_promoters": 1, "nps_detractors": 1}
    assert booked(cells, "nps_promoters", Grain.DAY) == {moment(days=3) // DAY: 1}


def subscription(kind: str, days: int, name: str = "s", persons: str = ME, **fields: Value) -> Touchpoint:
    return touch(f"subscription.{kind}", moment(days=days), persons, f"subscription_id:{name}" if name else "", fields=fields)


def daily(cells: Cells, field: str) -> dict[int, int]:
    """Day after MONDAY -> amount."""
    return {index - moment() // DAY: amount for index, amount in booked(cells, field, Grain.DAY).items()}


LIFE = [
    ([order(0)], {0: 1}),
    ([subscription("started", 0), subscription("ended", 9)], {0: 1, 9: -1}),
    ([subscription("started", 0, ends_at=moment(days=30)), subscription("cancelled", 9)], {0: 1, 30: -1}),
    ([subscription("started", 0), subscription("cancelled", 9, ends_at=moment(days=20))], {0: 1, 20: -1}),
    ([subscription("started", 0), subscription("cancelled", 9)], {0: 1, 9: -1}),
    (
        [subscription("started", 0), subscription("cancelled", 9, ends_at=moment(days=20)), subscription("renewed", 20)],
        {0: 1},
    ),
    (
        [subscription("started", 0), subscription("cancelled", 9, ends_at=moment(days=20)), subscription("renewed", 21)],
        {0: 1, 20: -1, 21: 1},
    ),
    ([subscription("started", 0), subscription("ended", 9), subscription("started", 5, "t")], {0: 1}),
    ([order(0), subscription("started", 2), subscription("ended", 9)], {0: 1, 9: -1}),
    ([order(0), touch("account.closed", moment(days=4), ME), order(6, "order_id:2")], {0: 1, 4: -1, 6: 1}),
    ([subscription("started", 0, ""), subscription("ended", 9, "")], {0: 1, 9: -1}),
    ([subscription("started", 0, persons=""), subscription("ended", 9, persons="")], {}),
    ([subscription("ended", 9, persons=""), subscription("started", 0)], {0: 1, 9: -1}),
]


@pytest.mark.parametrize(("events", "customers"), LIFE)
def test_when_one_is_a_customer(events: list[Touchpoint], customers: dict[int, int]) -> None:
    assert daily(cells_of(*events), "customers") == customers


@pytest.mark.parametrize(("last", "lost"), [(90 * DAY, 180), (90 * DAY + 1, 90)])
def test_silence_of_ninety_days_loses_a_customer(last: int, lost: int) -> None:
    heard = touch("page.viewed", moment() + last, ME)
    received = touch("message.sent", moment(days=50), ME, channel="email")
    cells = cells_of(order(0), heard, received, as_of=moment(days=180))
    assert daily(cells, "customers") == {0: 1, lost: -1}
    assert daily(cells_of(order(0), as_of=moment(days=90) - 1), "customers") == {0: 1}


def test_churn_is_counted_among_those_who_were_customers_at_the_windows_start() -> None:
    cells = cells_of(subscription("started", 0), subscription("ended", 10), subscription("renewed", 15))
    assert daily(cells, "churned_7d") == {10: 1, 15: -1}
    assert daily(cells, "churned_28d") == {}
    gone = cells_of(subscription("started", 0), subscription("ended", 10))
    assert daily(gone, "churned_7d") == {10: 1, 17: -1}
    assert daily(gone, "churned_28d") == {28: 1, 38: -1}
    assert totals(cells, "new", "react") == {"new_customers": 1, "reactivated_customers": 1}


def test_cancellations_count_one_by_one() -> None:
    cells = cells_of(subscription("started", 0), *(subscription("cancelled", day, ends_at=moment(days=60)) for day in (3, 4)))
    assert daily(cells, "cancellation_requests") == {3: 1, 4: 1}
    assert {grain for grain, _, field in cells if field == "cancellation_requests"} == set(Grain)


def test_an_order_belongs_to_the_person_on_its_placing_and_else_on_its_least_event() -> None:
    placed = touch("order.placed", moment(), "", "order_id:1 cart_token:t")
    mine = touch("cart.item_added", moment(minutes=-5), "anonymous_id:a", "cart_token:t")
    asked = touch("contact.opened", moment(minutes=-9), "phone:1", "contact_id:c order_id:1")
    assert totals(cells_of(placed, asked), "new_customers") == {}
    assert totals(cells_of(placed, mine, asked), "new_customers") == {"new_customers": 1}
    lost = touch("account.closed", moment(days=1), "anonymous_id:a")
    assert daily(cells_of(placed, mine, asked, lost), "customers") == {0: 1, 1: -1}


def test_a_minute_of_money_and_time() -> None:
    cells = cells_of(order(0, value=12_3456, currency="USD"))
    assert booked(cells, "revenue|currency=USD") == {moment() // MINUTE: 12_3456}
