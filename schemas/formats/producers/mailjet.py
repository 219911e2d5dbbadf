"""The format `mailjet`: Mailjet's Event API, single events and arrays of them."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first
from schemas.formats.producers._mail import mail, told_by
from schemas.identifiers import Document


def _touch(kind: str, payload: Document, _headers: Headers) -> list[Touch]:
    recipient, message, at = (first(payload, name) for name in ("email", "MessageID", "time"))
    told = told_by(kind, message, recipient, at, payload.get("url"))
    reason = first(payload, "error") if kind == "message.bounced" else None
    marketing = "marketing" if first(payload, "mj_campaign_id") else None
    return [mail(kind, told, at, message, recipient, campaign=first(payload, "customcampaign"), kind=marketing, reason=reason)]


def _bounce(payload: Document, headers: Headers) -> Touches:
    return _touch("message.bounced", payload, headers) if payload.get("hard_bounce") in (True, "true", 1) else []


def _row(says: str, kind: str) -> Row:
    return Row(says, (kind,), partial(_touch, kind))


PRODUCER = Producer(
    name="mailjet",
    title="Mailjet Event API",
    documents=("https://dev.mailjet.com/email/guides/webhooks/",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("event")),
    rows={
        "sent": _row("the receiving server took it", "message.delivered"),
        "open": _row("opened", "message.opened"),
        "click": _row("a link was followed", "message.clicked"),
        "bounce": Row("refused for good; a soft bounce is ignored", ("message.bounced",), _bounce),
        "blocked": Row("not sent at all"),
        "spam": _row("marked as spam", "message.complained"),
        "unsub": _row("unsubscribed", "message.unsubscribed"),
    },
    event_id="kind, MessageID, email, time and url: Mailjet gives none",
    time="time (epoch seconds)",
    identifiers={"email": "email", "message_id": "MessageID and the recipient"},
    notes=("Mailjet's `sent` means that it was delivered; there is no event for messages that were sent.",),
)
