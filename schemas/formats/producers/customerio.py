"""The format `customerio`: Customer.io's reporting webhooks."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, part, text
from schemas.formats.times import moment
from schemas.identifiers import Document

_CHANNELS = {"email": "email", "sms": "sms", "push": "push", "in_app": "app", "whatsapp": "social"}
_METRICS = {
    "sent": ("it was handed on", "message.sent"),
    "delivered": ("the receiving side took it", "message.delivered"),
    "opened": ("opened", "message.opened"),
    "clicked": ("a link was followed", "message.clicked"),
    "bounced": ("refused for good", "message.bounced"),
    "spammed": ("marked as spam", "message.complained"),
    "unsubscribed": ("unsubscribed", "message.unsubscribed"),
}
_OTHERS = {
    "drafted": "not sent yet",
    "attempted": "a try that is repeated",
    "failed": "not sent at all",
    "dropped": "not sent at all",
    "suppressed": "not sent at all",
    "undeliverable": "not sent at all",
    "converted": "what was bought is an order, which the shop says",
    "human_opened": "opened says it",
    "human_clicked": "clicked says it",
}


def _touch(kind: str, channel: str, payload: Document, _headers: Headers) -> list[Touch]:
    data = part(payload, "data")
    recipient = text(data.get("recipient")) or text(data.get("email_address"))
    identifiers = {
        "customer_id": first(data, "identifiers.id", "customer_id"),
        "email": recipient if channel == "email" else first(data, "identifiers.email"),
        "phone": recipient if channel == "sms" else None,
        "message_id": first(data, "delivery_id"),
    }
    campaign = first(data, "campaign_id", "broadcast_id", "newsletter_id")
    shared = {
        "channel": channel,
        "recipient": recipient,
        "campaign": text(campaign) or None,
        "kind": "transactional" if first(data, "transactional_message_id") else "marketing" if campaign else None,
        "reason": first(data, "failure_message") if kind == "message.bounced" else None,
    }
    return [Touch(kind, first(payload, "event_id"), moment(payload.get("timestamp")), identifiers, shared)]


def _rows() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for thing, channel in _CHANNELS.items():
        for metric, (says, kind) in _METRICS.items():
            rows[f"{thing} {metric}"] = Row(says, (kind,), partial(_touch, kind, channel))
    rows |= {f"email {metric}": Row(why) for metric, why in _OTHERS.items()}
    rows["customer unsubscribed"] = Row(
        "unsubscribed from all", ("message.unsubscribed",), partial(_touch, "message.unsubscribed", "email")
    )
    rows["customer subscribed"] = Row("no counterpart in the contract")
    return rows


PRODUCER = Producer(
    name="customerio",
    title="Customer.io reporting webhooks",
    documents=("https://docs.customer.io/integrations/data-out/connections/webhooks/",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: f"{text(payload.get('object_type'))} {text(payload.get('metric'))}".strip() or None),
    rows=_rows(),
    event_id="event_id",
    time="timestamp (epoch seconds)",
    identifiers={
        "customer_id": "identifiers.id, else customer_id: your own id of the person",
        "email": "recipient of an email, else identifiers.email",
        "phone": "recipient of an SMS",
        "message_id": "delivery_id, which is of one message to one person",
    },
    notes=("Messages to Slack and webhooks reach no customer, and are ignored.",),
)
