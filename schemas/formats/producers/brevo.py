"""The format `brevo`: Brevo's webhooks of transactional and marketing mail (once Sendinblue)."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first
from schemas.formats.producers._mail import mail, told_by
from schemas.identifiers import Document


def _touch(kind: str, machine: bool, payload: Document, _headers: Headers) -> list[Touch]:  # noqa: FBT001 - bound by partial
    recipient, message, at = first(payload, "email"), first(payload, "message-id"), first(payload, "ts_epoch", "ts_event", "ts")
    # Marketing mail has no message-id: its campaign and the person name the message.
    message = message or first(payload, "camp_id")
    tags = payload.get("tags")
    return [
        mail(
            kind,
            told_by(kind, message, recipient, at, payload.get("link")),
            at,
            message,
            recipient,
            campaign=first(payload, "campaign name")
            or (tags[0] if isinstance(tags, list) and tags and isinstance(tags[0], str) else None),
            kind="marketing" if first(payload, "camp_id") else None,
            machine=machine or None,
        )
    ]


def _row(says: str, kind: str, *, machine: bool = False) -> Row:
    return Row(says, (kind,), partial(_touch, kind, machine))


PRODUCER = Producer(
    name="brevo",
    title="Brevo webhooks",
    documents=(
        "https://developers.brevo.com/docs/transactional-webhooks",
        "https://developers.brevo.com/docs/marketing-webhooks",
    ),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("event")),
    rows={
        "request": _row("Brevo took the message", "message.sent"),
        "sent": _row("the older name of request", "message.sent"),
        "delivered": _row("the receiving server took it", "message.delivered"),
        "opened": _row("opened", "message.opened"),
        "unique_opened": _row("opened for the first time; with opened at the same moment it is one", "message.opened"),
        "proxy_open": _row("a mail client opened it by itself", "message.opened", machine=True),
        "unique_proxy_open": _row("a mail client opened it by itself", "message.opened", machine=True),
        "click": _row("a link was followed", "message.clicked"),
        "hard_bounce": _row("refused for good", "message.bounced"),
        "soft_bounce": Row("a try that is repeated"),
        "deferred": Row("a try that is repeated"),
        "blocked": Row("not sent at all"),
        "invalid_email": Row("not sent at all"),
        "error": Row("not sent at all"),
        "spam": _row("marked as spam", "message.complained"),
        "complaint": _row("marked as spam", "message.complained"),
        "unsubscribed": _row("unsubscribed", "message.unsubscribed"),
        "unsubscribe": _row("unsubscribed", "message.unsubscribed"),
        "list_addition": Row("put on a list, which nobody sees"),
    },
    event_id="kind, message, recipient, time and link: the id in a payload is the webhook's",
    time="ts_epoch (ms), else ts_event or ts",
    identifiers={"email": "email", "message_id": "message-id, or camp_id of marketing mail, and the recipient"},
    notes=("The first tag is the campaign of a transactional message.",),
)
