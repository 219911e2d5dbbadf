"""The format `mailgun`: Mailgun's webhooks, today's (`event-data`) and the older flat forms."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers, digest_id
from schemas.formats.producer import Producer, Row, Touch, by, first, items, part, text
from schemas.formats.producers._mail import mail
from schemas.identifiers import Document

_SIGNED = frozenset({"signature", "token", "timestamp", "body-plain", "stripped-text"})
"""What a repeat of an older webhook may change, or what is no part of the event; the time is taken in apart."""


def _event_data(payload: Document) -> Document:
    return part(payload, "event-data") or payload


def _event(payload: Document) -> object:
    data = _event_data(payload)
    name = text(data.get("event"))
    if name == "failed":
        return f"failed {text(data.get('severity'))}".strip()
    return name


def _touch(kind: str, payload: Document, _headers: Headers) -> list[Touch]:
    data = _event_data(payload)
    recipient, told = first(data, "recipient"), data.get("id")
    if told in (None, ""):
        told = f"{kind} {text(data.get('timestamp'))} {digest_id(data, _SIGNED)}" if recipient else None
    campaigns = items(data, "campaigns")
    return [
        mail(
            kind,
            told,
            data.get("timestamp"),
            first(data, "message.headers.message-id", "Message-Id", "message-id"),
            recipient,
            campaign=first(campaigns[0], "name", "id") if campaigns else _tag(data.get("tags")),
            machine=_machine(data) if kind == "message.opened" else None,
            reason=first(data, "reason") if kind == "message.bounced" else None,
        )
    ]


def _tag(tags: object) -> str:
    return text(tags[0]) if isinstance(tags, list) and tags else ""


def _machine(data: Document) -> bool | None:
    """Mailgun names the bot that opened a message, such as apple or gmail."""
    return bool(text(first(data, "client-info.bot"))) or None


def _row(says: str, kind: str) -> Row:
    return Row(says, (kind,), partial(_touch, kind))


PRODUCER = Producer(
    name="mailgun",
    title="Mailgun webhooks",
    documents=("https://documentation.mailgun.com/docs/mailgun/user-manual/tracking-messages/#webhooks",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(_event),
    rows={
        "accepted": _row("Mailgun took the message", "message.sent"),
        "delivered": _row("the receiving server took it", "message.delivered"),
        "opened": _row("opened; machine where client-info.bot names one", "message.opened"),
        "clicked": _row("a link was followed", "message.clicked"),
        "failed permanent": _row("refused for good, or not tried any more", "message.bounced"),
        "failed temporary": Row("a try that is repeated"),
        "bounced": _row("the older form of a permanent failure", "message.bounced"),
        "dropped": Row("the older form of a message that was not sent at all"),
        "complained": _row("marked as spam", "message.complained"),
        "unsubscribed": _row("unsubscribed", "message.unsubscribed"),
        "rejected": Row("Mailgun did not take it: no message went out"),
        "stored": Row("an incoming message was stored; contacts come from the help desk"),
    },
    event_id="event-data.id; in the older form a digest",
    time="timestamp (epoch seconds, with a fraction)",
    identifiers={"email": "recipient", "message_id": "the header Message-Id and the recipient"},
    notes=(
        "The first tag is the campaign.",
        "`accepted` has to be asked for: without it, rates by sent messages have no sent ones.",
    ),
)
