"""The format `shopify`: Shopify's webhooks, whose payloads are snapshots of an order, a fulfilment, a checkout or a customer.

A snapshot gives every fact that it states, each under an id of its own: sent again with more in it, it adds what is new.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers, header
from schemas.formats.producer import Producer, Row, Touch, Touches, first, items, part, text
from schemas.formats.times import moment
from schemas.identifiers import Document
from schemas.rejections import Reason, Refusal

_SHAPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("fulfillment_events/create", ("fulfillment_id", "happened_at")),
    ("refunds/create", ("refund_line_items", "order_id")),
    ("fulfillments/update", ("tracking_numbers", "order_id")),
    ("order_transactions/create", ("kind", "gateway", "order_id")),
    ("customers/redact", ("orders_to_redact", "customer")),
    ("orders/updated", ("financial_status", "line_items")),
    ("checkouts/update", ("abandoned_checkout_url",)),
    ("customers/update", ("orders_count", "verified_email")),
)
"""Fields by which a payload is told where no topic comes with it."""

_FAILED = ("failure", "error")
_DELIVERY = {
    "delivered": "delivery.delivered",
    "attempted_delivery": "delivery.attempted",
    "failure": "delivery.attempted",
}


def _event(payload: Document, headers: Headers) -> object:
    topic = header(headers, "x-shopify-topic")
    if topic:
        return topic.decode("latin-1")
    asked = part(payload, "query_parameters").get("topic")
    if isinstance(asked, list) and asked and isinstance(asked[0], str):
        return asked[0].replace("_", "/", 1) if "/" not in asked[0] else asked[0]
    return next((name for name, fields in _SHAPES if all(field in payload for field in fields)), None)


def _identifiers(thing: Document, **more: Any) -> dict[str, Any]:
    customer = part(thing, "customer")
    return {
        "customer_id": first(customer, "id"),
        "email": first(thing, "email", "contact_email", "customer.email"),
        "phone": first(thing, "phone", "customer.phone", "billing_address.phone", "shipping_address.phone"),
        **more,
    }


def _common(thing: Document) -> dict[str, Any]:
    return {
        "channel": "store" if thing.get("source_name") == "pos" else "system",
        "market": text(first(thing, "shipping_address.country_code", "billing_address.country_code")).lower(),
        "traffic": "test" if thing.get("test") is True else None,
    }


def _order(order: Document, _headers: Headers) -> Touches:
    number = text(order.get("id"))
    if not number:
        return Refusal(Reason.MISSING_ID, "id: is missing")
    identifiers = _identifiers(order, order_id=number, cart_token=first(order, "cart_token", "checkout_token"))
    common = _common(order)
    value = {"value": first(order, "total_price"), "currency": first(order, "currency")}
    placed = moment(first(order, "processed_at", "created_at"))
    touches = [Touch("order.placed", f"order:{number}:placed", placed, identifiers, {**common, **value})]
    if order.get("cancelled_at"):
        data = {**common, "reason": first(order, "cancel_reason")}
        touches.append(Touch("order.cancelled", f"order:{number}:cancelled", moment(order["cancelled_at"]), identifiers, data))
    for refund in items(order, "refunds"):
        touches += _refund_of(refund, {**identifiers, "order_id": number}, common)
    for fulfillment in items(order, "fulfillments"):
        touches += _fulfillment_of(fulfillment, {**identifiers, "order_id": number}, common)
    return touches


def _refund(refund: Document, _headers: Headers) -> Touches:
    return _refund_of(refund, {"order_id": first(refund, "order_id")}, {"channel": "system"})


def _refund_of(refund: Document, identifiers: dict[str, Any], common: dict[str, Any]) -> list[Touch]:
    """The money that went back; a refund of no money (goods put back on the shelf) is none."""
    paid = [one for one in items(refund, "transactions") if one.get("kind") == "refund" and one.get("status") == "success"]
    known = text(refund.get("id"))
    if not paid or not known:
        return []
    at = moment(first(refund, "processed_at", "created_at"))
    return [
        Touch(
            "order.refunded",
            f"refund:{known}:{text(one.get('id')) or index}",
            at,
            identifiers,
            {**common, "value": first(one, "amount"), "currency": first(one, "currency")},
        )
        for index, one in enumerate(paid)
    ]


def _fulfillment(fulfillment: Document, _headers: Headers) -> Touches:
    identifiers = {"order_id": first(fulfillment, "order_id"), "email": first(fulfillment, "email")}
    return _fulfillment_of(fulfillment, identifiers, {"channel": "logistics"})


def _fulfillment_of(fulfillment: Document, identifiers: dict[str, Any], common: dict[str, Any]) -> list[Touch]:
    known = text(fulfillment.get("id"))
    if not known or fulfillment.get("status") != "success":
        return []
    shipment = {**identifiers, "shipment_id": known, "tracking_number": first(fulfillment, "tracking_number")}
    data = {**common, "channel": "logistics"}
    touches = [
        Touch("shipment.dispatched", f"fulfillment:{known}:dispatched", moment(fulfillment.get("created_at")), shipment, data)
    ]
    if fulfillment.get("shipment_status") == "delivered":
        # Of several updates that say so, the earliest counts.
        at = moment(fulfillment.get("updated_at"))
        touches.append(Touch("delivery.delivered", f"fulfillment:{known}:delivered", at, shipment, data))
    return touches


def _delivery(event: Document, _headers: Headers) -> Touches:
    kind = _DELIVERY.get(text(event.get("status")))
    known = text(event.get("id"))
    if kind is None:
        return []
    identifiers = {"order_id": first(event, "order_id"), "shipment_id": first(event, "fulfillment_id")}
    told = f"fulfillment_event:{known}" if known else None
    return [Touch(kind, told, moment(first(event, "happened_at", "created_at")), identifiers, {"channel": "logistics"})]


def _payment(transaction: Document, _headers: Headers) -> Touches:
    if transaction.get("status") not in _FAILED or transaction.get("kind") not in ("sale", "authorization"):
        return []
    known = text(transaction.get("id"))
    identifiers = {"order_id": first(transaction, "order_id")}
    at = moment(first(transaction, "processed_at", "created_at"))
    data = {"channel": "system", "code": first(transaction, "error_code")}
    return [Touch("payment.failed", f"transaction:{known}" if known else None, at, identifiers, data)]


def _checkout(checkout: Document, _headers: Headers) -> Touches:
    token = text(first(checkout, "token", "id"))
    identifiers = _identifiers(checkout, cart_token=first(checkout, "cart_token") or token)
    at = moment(checkout.get("created_at"))
    return [Touch("checkout.started", f"checkout:{token}:started" if token else None, at, identifiers, _common(checkout))]


def _cart(cart: Document, _headers: Headers) -> Touches:
    token = text(first(cart, "token", "id"))
    told = f"cart:{token}:created" if token else None
    return [Touch("cart.item_added", told, moment(cart.get("created_at")), {"cart_token": token}, {"channel": "system"})]


def _customer(kind: str, when: str, customer: Document, _headers: Headers) -> Touches:
    number = text(customer.get("id"))
    identifiers = {
        "customer_id": number,
        "email": first(customer, "email"),
        "phone": first(customer, "phone", "default_address.phone"),
    }
    at = first(customer, when, "created_at")
    told = f"customer:{number}:{kind.partition('.')[2]}:{text(at)}" if number else None
    return [Touch(kind, told, moment(at), identifiers, {"channel": "system"})]


def _redact(payload: Document, headers: Headers) -> Touches:
    customer = part(payload, "customer")
    number = text(customer.get("id"))
    at = (header(headers, "x-shopify-triggered-at") or b"").decode("latin-1")
    identifiers = {"customer_id": number, "email": first(customer, "email"), "phone": first(customer, "phone")}
    told = f"customer:{number}:erased" if number else None
    return [Touch("profile.erased", told, moment(at), identifiers, {"channel": "system"})]


_STATES = ("order.placed", "order.cancelled", "order.refunded", "shipment.dispatched", "delivery.delivered")
_SNAPSHOT = Row("all that the order says: placed, cancelled, what was refunded, shipped and delivered", _STATES, _order)
_SHIPMENT = Row("dispatched when its status is success; delivered when shipment_status says so", _STATES[3:], _fulfillment)
_STARTED = Row("the checkout began", ("checkout.started",), _checkout)
_LINKED = Row("who somebody is", ("profile.linked",), partial(_customer, "profile.linked", "updated_at"))

PRODUCER = Producer(
    name="shopify",
    title="Shopify webhooks",
    documents=("https://shopify.dev/docs/api/webhooks", "https://shopify.dev/docs/api/admin-rest/latest/resources/order"),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them; the topic comes in the"
    " header x-shopify-topic, and without it is told by the payload's shape",
    event=_event,
    rows={
        **dict.fromkeys(("orders/create", "orders/updated", "orders/paid", "orders/edited", "orders/fulfilled"), _SNAPSHOT),
        **dict.fromkeys(("orders/partially_fulfilled", "orders/cancelled"), _SNAPSHOT),
        "orders/delete": Row("removed from the shop's books, which is nothing that a customer met"),
        "refunds/create": Row("each payment that went back", ("order.refunded",), _refund),
        "fulfillments/create": _SHIPMENT,
        "fulfillments/update": _SHIPMENT,
        "fulfillment_events/create": Row(
            "status delivered, attempted_delivery or failure; others are ignored",
            ("delivery.delivered", "delivery.attempted"),
            _delivery,
        ),
        "order_transactions/create": Row("a sale or an authorization that failed", ("payment.failed",), _payment),
        "checkouts/create": _STARTED,
        "checkouts/update": _STARTED,
        "checkouts/delete": Row("abandonment is found by waiting"),
        "carts/create": Row(
            "the first item, without a person: it counts when an order names the cart", ("cart.item_added",), _cart
        ),
        "carts/update": Row("does not say what was added or taken out"),
        "customers/create": _LINKED,
        "customers/update": _LINKED,
        "customers/enable": Row(
            "somebody has a login now", ("account.created",), partial(_customer, "account.created", "updated_at")
        ),
        "customers/disable": Row("the shop took the login away"),
        "customers/redact": Row("asked to be forgotten", ("profile.erased",), _redact),
        "draft_orders/create": Row("an order that is being written"),
        "app/uninstalled": Row("of the shop, not of a customer"),
    },
    event_id="the object's id and the fact, such as order:17:placed: every snapshot of an order gives the same ones",
    time="processed_at or created_at of an order or refund, cancelled_at, created_at of a fulfilment, happened_at of its events",
    identifiers={
        "customer_id": "customer.id: the shop's own number of the customer",
        "email": "email, contact_email or customer.email",
        "phone": "phone, customer.phone, or that of an address",
        "order_id": "id of the order, which fulfilments, refunds and transactions quote (not its name, #1001)",
        "cart_token": "cart_token, else checkout_token",
        "shipment_id": "id of the fulfilment",
        "tracking_number": "tracking_number",
    },
    notes=(
        "A back-end order is no visit: its channel is system (store for source_name pos). It joins the visit of its cart_token.",
        "total_price is the order's value; what is edited later does not change it, what is refunded is booked as a refund.",
        "Guests are customers of Shopify's too, so customers/create says who somebody is, and customers/enable that an account began.",
        "Shopify promises no delivery date in these payloads: send delivery.promised by a mapping, if you make promises.",
    ),
)
