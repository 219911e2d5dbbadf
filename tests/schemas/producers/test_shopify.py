"""Shopify's webhooks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.schemas.producers.reading import mapped, refused, types

ORDER: dict[str, Any] = {
    "id": 450789469,
    "name": "#1001",
    "email": "person@example.com",
    "customer": {"id": 207119551, "phone": "+12025550123"},
    "cart_token": "cart-1",
    "created_at": "2024-05-01T08:00:00-04:00",
    "processed_at": "2024-05-01T08:00:00-04:00",
    "financial_status": "paid",
    "line_items": [],
    "total_price": "409.94",
    "currency": "USD",
    "shipping_address": {"country_code": "US"},
}
FULFILLMENT: dict[str, Any] = {
    "id": 255858046,
    "order_id": 450789469,
    "status": "success",
    "created_at": "2024-05-02T12:00:00Z",
    "updated_at": "2024-05-02T12:00:00Z",
    "tracking_number": "1Z2345",
    "tracking_numbers": ["1Z2345"],
}
REFUND: dict[str, Any] = {
    "id": 509562969,
    "order_id": 450789469,
    "created_at": "2024-05-03T12:00:00Z",
    "refund_line_items": [],
    "transactions": [{"id": 1, "kind": "refund", "status": "success", "amount": "41.94", "currency": "USD"}],
}


def topic(name: str) -> tuple[tuple[str, bytes | None], ...]:
    return (("x-shopify-topic", name.encode()),)


def test_an_order() -> None:
    [placed] = mapped("shopify", ORDER, topic("orders/create"))
    assert placed == {
        "id": "order:450789469:placed",
        "source": "shopify",
        "type": "order.placed",
        "time": datetime(2024, 5, 1, 12, tzinfo=UTC),
        "data": {
            "channel": "system",
            "market": "us",
            "value": "409.94",
            "currency": "USD",
            "identifiers": {
                "customer_id": 207119551,
                "email": "person@example.com",
                "phone": "+12025550123",
                "order_id": "450789469",
                "cart_token": "cart-1",
            },
        },
    }


def test_a_snapshot_adds_what_is_new_and_repeats_what_was_known() -> None:
    later = {**ORDER, "cancelled_at": "2024-05-04T12:00:00Z", "refunds": [REFUND], "fulfillments": [FULFILLMENT]}
    first, *new = mapped("shopify", later, topic("orders/updated"))
    assert [first] == mapped("shopify", ORDER, topic("orders/create"))
    assert [document["type"] for document in new] == ["order.cancelled", "order.refunded", "shipment.dispatched"]
    [refund] = mapped("shopify", REFUND, topic("refunds/create"))
    [shipment] = mapped("shopify", FULFILLMENT, topic("fulfillments/create"))
    assert (refund["id"], refund["time"], refund["data"]["value"]) == (new[1]["id"], new[1]["time"], "41.94")
    assert (shipment["id"], shipment["time"]) == (new[2]["id"], new[2]["time"])


def test_topics_are_told_by_shape_where_none_comes_along() -> None:
    assert types("shopify", ORDER) == ["order.placed"]
    assert types("shopify", REFUND) == ["order.refunded"]
    assert types("shopify", FULFILLMENT) == ["shipment.dispatched"]
    assert refused("shopify", {"id": 1, "domain": "example.com"}) == "missing_type"


def test_a_parcel_arrives() -> None:
    event = {
        "id": 7,
        "fulfillment_id": 255858046,
        "order_id": 450789469,
        "status": "delivered",
        "happened_at": "2024-05-05T12:00:00Z",
    }
    [delivered] = mapped("shopify", event, topic("fulfillment_events/create"))
    assert (delivered["type"], delivered["time"]) == ("delivery.delivered", datetime(2024, 5, 5, 12, tzinfo=UTC))
    assert delivered["data"]["identifiers"] == {"order_id": 450789469, "shipment_id": 255858046}
    assert types("shopify", {**event, "status": "in_transit"}) == []
    told = {**FULFILLMENT, "shipment_status": "delivered", "updated_at": "2024-05-05T12:30:00Z"}
    assert types("shopify", told, topic("fulfillments/update")) == ["shipment.dispatched", "delivery.delivered"]


@pytest.mark.parametrize("status", ["pending", "cancelled", "error", "failure"])
def test_a_shipment_that_did_not_leave(status: str) -> None:
    assert types("shopify", {**FULFILLMENT, "status": status}, topic("fulfillments/update")) == []


def test_payments_checkouts_and_carts() -> None:
    transaction = {"id": 3, "order_id": 1, "kind": "sale", "gateway": "g", "status": "failure", "error_code": "card_declined"}
    [failed] = mapped("shopify", {**transaction, "created_at": "2024-05-01T12:00:00Z"}, topic("order_transactions/create"))
    assert (failed["type"], failed["data"]["code"]) == ("payment.failed", "card_declined")
    checkout = {
        "id": 9,
        "token": "check-1",
        "cart_token": "cart-1",
        "email": "a@example.com",
        "created_at": "2024-05-01T12:00:00Z",
    }
    [started] = mapped("shopify", checkout, topic("checkouts/create"))
    assert [started] == mapped("shopify", {**checkout, "updated_at": "2024-05-01T13:00:00Z"}, topic("checkouts/update"))
    assert started["data"]["identifiers"] == {"email": "a@example.com", "cart_token": "cart-1"}
    [added] = mapped("shopify", {"token": "cart-1", "created_at": "2024-05-01T12:00:00Z"}, topic("carts/create"))
    assert added["data"]["identifiers"] == {"cart_token": "cart-1"}


def test_customers() -> None:
    customer = {"id": 5, "email": "a@example.com", "created_at": "2024-05-01T12:00:00Z", "updated_at": "2024-05-02T12:00:00Z"}
    assert types("shopify", customer, topic("customers/create")) == ["profile.linked"]
    assert types("shopify", customer, topic("customers/enable")) == ["account.created"]
    erased = {"shop_id": 1, "customer": {"id": 5, "email": "a@example.com"}, "orders_to_redact": []}
    headers = (*topic("customers/redact"), ("x-shopify-triggered-at", b"2024-05-01T12:00:00.123456789Z"))
    assert types("shopify", erased, headers) == ["profile.erased"]


def test_a_test_order_is_kept_apart() -> None:
    [placed] = mapped("shopify", {**ORDER, "test": True, "source_name": "pos"})
    assert (placed["data"]["traffic"], placed["data"]["channel"]) == ("test", "store")
