"""Stripe's events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.producers._money import from_minor
from tests.schemas.producers.reading import mapped, refused, types

CREATED = 1_714_564_800
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SESSION: dict[str, Any] = {
    "object": "checkout.session",
    "id": "cs_1",
    "mode": "payment",
    "payment_status": "paid",
    "payment_intent": "pi_1",
    "amount_total": 1999,
    "currency": "eur",
    "customer": "cus_1",
    "customer_details": {"email": "person@example.com", "phone": "+12025550123"},
    "metadata": {"order_id": "1001"},
}
SUBSCRIPTION: dict[str, Any] = {
    "object": "subscription",
    "id": "sub_1",
    "status": "active",
    "customer": "cus_1",
    "currency": "usd",
    "cancel_at_period_end": False,
    "current_period_end": CREATED + 86_400,
    "items": {"data": [{"quantity": 2, "price": {"unit_amount": 1000, "currency": "usd", "nickname": "pro"}}]},
}


def event(kind: str, thing: dict[str, Any], before: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    data = {"object": thing} if before is None else {"object": thing, "previous_attributes": before}
    return {"object": "event", "id": "evt_1", "type": kind, "created": CREATED, "livemode": True, "data": data, **more}


def test_a_paid_checkout_is_an_order() -> None:
    [placed] = mapped("stripe", event("checkout.session.completed", SESSION))
    assert placed == {
        "id": "evt_1",
        "source": "stripe",
        "type": "order.placed",
        "time": NOON,
        "data": {
            "channel": "system",
            "value": "19.99",
            "currency": "eur",
            "identifiers": {
                "external_id": "stripe:cus_1",
                "email": "person@example.com",
                "phone": "+12025550123",
                "order_id": "1001",
            },
        },
    }


@pytest.mark.parametrize("change", [{"payment_status": "unpaid"}, {"mode": "subscription"}, {"mode": "setup"}])
def test_another_session_is_none(change: dict[str, Any]) -> None:
    assert types("stripe", event("checkout.session.completed", {**SESSION, **change})) == []


def test_one_payment_and_its_refunds_are_of_one_order() -> None:
    session = {**SESSION, "metadata": {}}
    charge = {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 1500, "currency": "eur"}
    [placed] = mapped("stripe", event("checkout.session.completed", session))
    [back] = mapped("stripe", event("charge.refunded", charge, {"amount_refunded": 500}))
    assert placed["data"]["identifiers"]["order_id"] == back["data"]["identifiers"]["order_id"] == "pi_1"
    assert back["data"]["value"] == "10.00"
    assert types("stripe", event("charge.refunded", {**charge, "invoice": "in_1"})) == []


def test_a_refused_payment() -> None:
    intent = {
        "object": "payment_intent",
        "id": "pi_1",
        "customer": None,
        "last_payment_error": {
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "payment_method": {"billing_details": {"email": "person@example.com"}},
        },
    }
    [failed] = mapped("stripe", event("payment_intent.payment_failed", intent))
    assert failed["data"]["code"] == "insufficient_funds"
    assert failed["data"]["identifiers"] == {"email": "person@example.com", "order_id": "pi_1"}


def test_a_subscriptions_life() -> None:
    [started] = mapped("stripe", event("customer.subscription.created", SUBSCRIPTION))
    assert (started["type"], started["data"]["value"], started["data"]["plan"]) == ("subscription.started", "20.00", "pro")
    asked = {**SUBSCRIPTION, "cancel_at_period_end": True, "cancel_at": CREATED + 86_400, "canceled_at": CREATED - 60}
    [cancelled] = mapped(
        "stripe", event("customer.subscription.updated", asked, {"cancel_at_period_end": False, "cancel_at": None})
    )
    assert (cancelled["type"], cancelled["data"]["voluntary"]) == ("subscription.cancelled", True)
    assert cancelled["time"] == datetime(2024, 5, 1, 11, 59, tzinfo=UTC)
    assert cancelled["data"]["ends_at"] == datetime(2024, 5, 2, 12, tzinfo=UTC)
    assert types("stripe", event("customer.subscription.deleted", {**asked, "status": "canceled"})) == ["subscription.ended"]


def test_a_subscription_whose_first_payment_is_open_has_not_begun() -> None:
    assert types("stripe", event("customer.subscription.created", {**SUBSCRIPTION, "status": "incomplete"})) == []
    assert types("stripe", event("customer.subscription.updated", SUBSCRIPTION, {"status": "incomplete"})) == [
        "subscription.started"
    ]
    assert types("stripe", event("customer.subscription.updated", SUBSCRIPTION, {"default_source": None})) == []


def test_ended_at_once_was_cancelled_too() -> None:
    ended = {**SUBSCRIPTION, "status": "canceled", "ended_at": CREATED, "canceled_at": CREATED}
    documents = mapped("stripe", event("customer.subscription.deleted", ended))
    assert [document["type"] for document in documents] == ["subscription.ended", "subscription.cancelled"]
    assert len({document["id"] for document in documents}) == 2
    failed = {**ended, "cancellation_details": {"reason": "payment_failed"}}
    [by_the_company] = mapped("stripe", event("customer.subscription.deleted", failed))
    assert (by_the_company["type"], by_the_company["data"]["voluntary"]) == ("subscription.ended", False)


def test_invoices_of_further_periods() -> None:
    invoice = {
        "object": "invoice",
        "id": "in_1",
        "subscription": "sub_1",
        "customer": "cus_1",
        "currency": "jpy",
        "amount_paid": 500,
    }
    assert types("stripe", event("invoice.paid", {**invoice, "billing_reason": "subscription_create"})) == []
    [renewed] = mapped("stripe", event("invoice.paid", {**invoice, "billing_reason": "subscription_cycle"}))
    assert (renewed["data"]["value"], renewed["data"]["identifiers"]["subscription_id"]) == ("500", "sub_1")


def test_test_mode_is_kept_apart_and_objects_alone_are_refused() -> None:
    [placed] = mapped("stripe", event("checkout.session.completed", SESSION, livemode=False))
    assert placed["data"]["traffic"] == "test"
    assert refused("stripe", SESSION) == "missing_type"


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (1999, "usd", "19.99"),
        (500, "JPY", "500"),
        (1234, "kwd", "1.234"),
        (-5, "eur", "-0.05"),
        (5, None, None),
        (True, "usd", None),
    ],
)
def test_minor_units(amount: Any, currency: Any, expected: str | None) -> None:
    assert from_minor(amount, currency) == expected
