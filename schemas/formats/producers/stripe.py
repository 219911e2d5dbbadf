"""The format `stripe`: Stripe's events, as webhooks and event destinations send them."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers, later_touchpoint
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, items, part, text
from schemas.formats.producers._money import from_minor
from schemas.formats.times import moment
from schemas.identifiers import Document

_RUNNING = ("active", "trialing", "past_due")
_COMPANY = ("payment_failed", "payment_disputed")
"""Reasons of a cancellation that are not the customer's wish."""


def _object(payload: Document) -> Document:
    return part(payload, "data", "object")


def _before(payload: Document) -> Document:
    return part(payload, "data", "previous_attributes")


def _event(payload: Document) -> object:
    """Only events: an object alone says how something is, not what happened."""
    return payload.get("type") if payload.get("object") == "event" else None


def _identifiers(thing: Document, **more: Any) -> dict[str, Any]:
    customer = thing.get("id") if thing.get("object") == "customer" else thing.get("customer")
    if isinstance(customer, dict):
        customer = customer.get("id")
    known = text(customer)
    return {
        "external_id": f"stripe:{known}" if known else None,
        "customer_id": first(thing, "metadata.customer_id"),
        "user_id": first(thing, "metadata.user_id"),
        "email": first(thing, "customer_details.email", "customer_email", "email", "receipt_email", "billing_details.email"),
        "phone": first(thing, "customer_details.phone", "customer_phone", "phone", "billing_details.phone"),
        **more,
    }


def _order(thing: Document) -> Any:
    """The shop's own order number where it put one into the metadata, else the payment intent."""
    return first(thing, "metadata.order_id", "metadata.orderId", "payment_intent.id", "payment_intent") or (
        thing.get("id") if thing.get("object") == "payment_intent" else None
    )


def _touch(kind: str, payload: Document, identifiers: dict[str, Any], time: object = None, index: int = 0, **data: Any) -> Touch:
    """A touchpoint of an event; its time is the event's unless the object says when."""
    told = payload.get("id")
    test = "test" if payload.get("livemode") is False else None
    return Touch(
        kind,
        later_touchpoint(told, index) if told else None,
        moment(payload.get("created")) if time in (None, "") else moment(time),
        identifiers,
        {"channel": "system", "traffic": test, **data},
    )


def _session(payload: Document, _headers: Headers) -> Touches:
    session = _object(payload)
    if session.get("mode") != "payment" or session.get("payment_status") not in ("paid", "no_payment_required"):
        return []
    identifiers = _identifiers(session, order_id=_order(session) or session.get("id"))
    value = from_minor(session.get("amount_total"), session.get("currency"))
    return [_touch("order.placed", payload, identifiers, value=value, currency=text(session.get("currency")))]


def _refused(payload: Document, _headers: Headers) -> Touches:
    intent = _object(payload)
    if text(first(intent, "invoice.id", "invoice")):
        return []
    failure = part(intent, "last_payment_error")
    charge = part(failure, "payment_method")
    identifiers = _identifiers(
        {**part(charge), **intent, "billing_details": charge.get("billing_details")}, order_id=_order(intent)
    )
    return [_touch("payment.failed", payload, identifiers, code=first(failure, "decline_code", "code"))]


def _refunded(payload: Document, _headers: Headers) -> Touches:
    charge = _object(payload)
    total, earlier = charge.get("amount_refunded"), _before(payload).get("amount_refunded")
    if text(first(charge, "invoice.id", "invoice")) or not isinstance(total, int):
        return []
    amount = total - earlier if isinstance(earlier, int) else total
    value = from_minor(amount, charge.get("currency"))
    identifiers = _identifiers(charge, order_id=_order(charge) or charge.get("id"))
    return [_touch("order.refunded", payload, identifiers, value=value, currency=text(charge.get("currency")))]


def _subscription(thing: Document) -> dict[str, Any]:
    return _identifiers(thing, subscription_id=thing.get("id"))


def _plan(thing: Document) -> dict[str, Any]:
    """What a period costs: the sum over its items, where each says a price."""
    entries = items(part(thing, "items"), "data")
    amounts, names = [], []
    for entry in entries:
        price = part(entry, "price") or part(entry, "plan")
        amount, quantity = price.get("unit_amount", price.get("amount")), entry.get("quantity", 1)
        if _whole(amount) and _whole(quantity):
            amounts.append(amount * quantity)
        names.append(text(first(price, "lookup_key", "nickname", "id")))
    currency = text(thing.get("currency")) or (text(first(part(entries[0], "price"), "currency")) if entries else "")
    value = from_minor(sum(amounts), currency) if amounts and len(amounts) == len(entries) else None
    return {"plan": names[0] if names else None, "value": value, "currency": currency if value is not None else None}


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12


def _created(payload: Document, _headers: Headers) -> Touches:
    thing = _object(payload)
    if thing.get("status") not in _RUNNING:
        return []
    return [_touch("subscription.started", payload, _subscription(thing), **_plan(thing))]


def _updated(payload: Document, _headers: Headers) -> Touches:
    thing, before = _object(payload), _before(payload)
    touches: list[Touch] = []
    if before.get("status") in ("incomplete", "incomplete_expired") and thing.get("status") in _RUNNING:
        touches.append(_touch("subscription.started", payload, _subscription(thing), **_plan(thing)))
    asked = thing.get("cancel_at_period_end") is True and before.get("cancel_at_period_end") is False
    dated = thing.get("cancel_at") is not None and "cancel_at" in before and before.get("cancel_at") is None
    if asked or dated:
        touches.append(_cancelled(payload, thing, len(touches)))
    return touches


def _cancelled(payload: Document, thing: Document, index: int) -> Touch:
    entries = items(part(thing, "items"), "data")
    ends = (
        thing.get("cancel_at") or thing.get("current_period_end") or (entries[0].get("current_period_end") if entries else None)
    )
    return _touch(
        "subscription.cancelled",
        payload,
        _subscription(thing),
        thing.get("canceled_at"),
        index,
        ends_at=moment(ends),
        voluntary=first(thing, "cancellation_details.reason") not in _COMPANY,
        reason=first(thing, "cancellation_details.feedback"),
    )


def _ended(payload: Document, _headers: Headers) -> Touches:
    """Ended at once, without having been cancelled for the end of a period before: the cancellation is told here too."""
    thing = _object(payload)
    voluntary = first(thing, "cancellation_details.reason") not in _COMPANY
    at = thing.get("ended_at") or thing.get("canceled_at")
    ended = _touch("subscription.ended", payload, _subscription(thing), at, voluntary=voluntary)
    if not voluntary or thing.get("cancel_at_period_end") is True or thing.get("status") == "incomplete_expired":
        return [ended] if thing.get("status") != "incomplete_expired" else []
    return [ended, _cancelled(payload, {**thing, "cancel_at": at}, 1)]


def _invoice(kind: str, payload: Document, _headers: Headers) -> Touches:
    invoice = _object(payload)
    subscription = first(invoice, "subscription.id", "subscription", "parent.subscription_details.subscription")
    if subscription is None or (kind == "subscription.renewed" and invoice.get("billing_reason") != "subscription_cycle"):
        return []
    amount = invoice.get("amount_paid" if kind == "subscription.renewed" else "amount_due")
    value = from_minor(amount, invoice.get("currency"))
    identifiers = _identifiers(invoice, subscription_id=subscription)
    return [_touch(kind, payload, identifiers, value=value, currency=text(invoice.get("currency")))]


def _customer(payload: Document, _headers: Headers) -> Touches:
    return [_touch("profile.linked", payload, _identifiers(_object(payload)))]


_SESSION = Row("paid: an order; mode subscription and setup are ignored", ("order.placed",), _session)

PRODUCER = Producer(
    name="stripe",
    title="Stripe events",
    documents=("https://docs.stripe.com/api/events/types", "https://docs.stripe.com/currencies#zero-decimal"),
    feeds="events in a topic as they are, put there by what receives its webhooks",
    event=by(_event),
    rows={
        "checkout.session.completed": _SESSION,
        "checkout.session.async_payment_succeeded": _SESSION,
        "checkout.session.async_payment_failed": Row("the person has left by then; payment_intent.payment_failed says it"),
        "checkout.session.expired": Row("nobody came back; the task `checkout` finds that by itself"),
        "payment_intent.payment_failed": Row("refused; not of an invoice", ("payment.failed",), _refused),
        "payment_intent.succeeded": Row("of Checkout, its session is the order; of an own checkout, the shop's order is"),
        "charge.succeeded": Row("as payment_intent.succeeded"),
        "charge.failed": Row("payment_intent.payment_failed says it"),
        "charge.refunded": Row("what came back this time; not of an invoice", ("order.refunded",), _refunded),
        "refund.created": Row("charge.refunded says it"),
        "charge.dispute.created": Row("between banks; no touchpoint of the contract"),
        "customer.created": Row("who somebody is", ("profile.linked",), _customer),
        "customer.updated": Row("who somebody is", ("profile.linked",), _customer),
        "customer.deleted": Row("the record was removed, which is no wish of the customer's"),
        "customer.subscription.created": Row(
            "running or in trial; not while its first payment is open", ("subscription.started",), _created
        ),
        "customer.subscription.updated": Row(
            "its first payment came; its end was asked for; other changes are ignored",
            ("subscription.started", "subscription.cancelled"),
            _updated,
        ),
        "customer.subscription.deleted": Row(
            "it is over; with its cancellation, where it was cancelled at once",
            ("subscription.ended", "subscription.cancelled"),
            _ended,
        ),
        "invoice.paid": Row("of a further period", ("subscription.renewed",), partial(_invoice, "subscription.renewed")),
        "invoice.payment_succeeded": Row("invoice.paid says it"),
        "invoice.payment_failed": Row(
            "of a subscription", ("subscription.payment_failed",), partial(_invoice, "subscription.payment_failed")
        ),
    },
    event_id="id of the event",
    time="created of the event; canceled_at and ended_at of a subscription (epoch seconds)",
    identifiers={
        "external_id": "customer, as stripe:cus_..",
        "customer_id": "metadata.customer_id",
        "user_id": "metadata.user_id",
        "email": "customer_details.email, customer_email, email, receipt_email or billing_details.email",
        "phone": "the same places",
        "order_id": "metadata.order_id, else the payment intent",
        "subscription_id": "the subscription",
    },
    notes=(
        "Put your own order number into metadata.order_id of Checkout and payments, so that the shop's orders and Stripe's are one.",
        "Amounts are in the currency's smallest unit, and are converted exactly.",
        "Events of test mode (livemode false) are traffic `test`: kept, and not in the metrics.",
    ),
)
