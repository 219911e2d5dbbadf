"""The format `sendgrid`: arrays of events of SendGrid's Event Webhook."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, text
from schemas.formats.producers._mail import mail
from schemas.identifiers import Document


def _touch(kind: str, payload: Document, _headers: Headers) -> list[Touch]:
    return [
        mail(
            kind,
            first(payload, "sg_event_id"),
            payload.get("timestamp"),
            # What follows the first dot is where a try was sent from, and differs between events of a message.
            text(payload.get("sg_message_id")).partition(".")[0] or first(payload, "smtp-id"),
            first(payload, "email"),
            campaign=first(payload, "singlesend_name", "marketing_campaign_name", "category"),
            kind="marketing" if first(payload, "singlesend_id", "marketing_campaign_id") else None,
            machine=payload.get("sg_machine_open") is True or None,
            reason=first(payload, "bounce_classification", "type") if kind == "message.bounced" else None,
        )
    ]


def _row(says: str, kind: str) -> Row:
    return Row(says, (kind,), partial(_touch, kind))


PRODUCER = Producer(
    name="sendgrid",
    title="SendGrid Event Webhook",
    documents=("https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",),
    feeds="the Event Webhook's arrays in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("event")),
    rows={
        "processed": _row("SendGrid took the message", "message.sent"),
        "delivered": _row("the receiving server took it", "message.delivered"),
        "open": _row("opened; machine where sg_machine_open is true", "message.opened"),
        "click": _row("a link was followed", "message.clicked"),
        "bounce": _row("refused, or blocked (type blocked)", "message.bounced"),
        "dropped": Row("SendGrid did not send it at all: no message went out, so none bounced"),
        "deferred": Row("a try that is repeated"),
        "spamreport": _row("marked as spam", "message.complained"),
        "unsubscribe": _row("unsubscribed from all", "message.unsubscribed"),
        "group_unsubscribe": _row("unsubscribed from a group", "message.unsubscribed"),
        "group_resubscribe": Row("no counterpart in the contract"),
    },
    event_id="sg_event_id",
    time="timestamp (epoch seconds)",
    identifiers={"email": "email", "message_id": "sg_message_id up to its first dot, else smtp-id, and the recipient"},
    notes=("A category is the campaign where SendGrid names none.",),
)
