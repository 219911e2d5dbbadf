"""The format `postmark`: Postmark's webhooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, text
from schemas.formats.producers._mail import mail, told_by
from schemas.identifiers import Document

_SOFT = frozenset({"SoftBounce", "Transient", "AutoResponder", "AddressChange", "DnsError", "Subscribe", "ChallengeVerification"})
"""Bounce types after which the message may still arrive, or which are no bounce."""


def _touch(kind: str, when: str, payload: Document, _headers: Headers) -> list[Touch]:
    recipient, message, at = first(payload, "Recipient", "Email"), first(payload, "MessageID"), first(payload, when)
    return [
        mail(
            kind,
            told_by(kind, message, recipient, at, payload.get("OriginalLink")),
            at,
            message,
            recipient,
            campaign=first(payload, "Tag"),
            kind={"outbound": "transactional", "broadcast": "marketing"}.get(text(payload.get("MessageStream"))),
            reason=first(payload, "Type") if kind == "message.bounced" else None,
        )
    ]


def _bounce(payload: Document, headers: Headers) -> Touches:
    kind = text(payload.get("Type"))
    if kind in _SOFT:
        return []
    if kind == "Unsubscribe":
        return _touch("message.unsubscribed", "BouncedAt", payload, headers)
    if kind in ("SpamComplaint", "SpamNotification"):
        return _touch("message.complained", "BouncedAt", payload, headers)
    return _touch("message.bounced", "BouncedAt", payload, headers)


def _subscription(payload: Document, headers: Headers) -> Touches:
    if payload.get("SuppressSending") is not True:
        return []
    if payload.get("SuppressionReason") in ("HardBounce", "SpamComplaint"):
        return []
    return _touch("message.unsubscribed", "ChangedAt", payload, headers)


def _row(says: str, kind: str, when: str) -> Row:
    build: Callable[[Document, Headers], Touches] = partial(_touch, kind, when)
    return Row(says, (kind,), build)


PRODUCER = Producer(
    name="postmark",
    title="Postmark webhooks",
    documents=("https://postmarkapp.com/developer/webhooks/webhooks-overview",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("RecordType") or ("Bounce" if "BouncedAt" in payload else None)),
    rows={
        "Delivery": _row("the receiving server took it", "message.delivered", "DeliveredAt"),
        "Open": _row("opened", "message.opened", "ReceivedAt"),
        "Click": _row("a link was followed", "message.clicked", "ReceivedAt"),
        "Bounce": Row(
            "refused for good; a soft bounce or an automatic reply is ignored",
            ("message.bounced", "message.unsubscribed", "message.complained"),
            _bounce,
        ),
        "SpamComplaint": _row("marked as spam", "message.complained", "BouncedAt"),
        "SubscriptionChange": Row(
            "unsubscribed by hand; what a bounce or a complaint did to the list is told by those",
            ("message.unsubscribed",),
            _subscription,
        ),
        "Inbound": Row("an incoming message; contacts come from the help desk"),
    },
    event_id="kind, MessageID, recipient, time and link: Postmark gives only bounces an id",
    time="DeliveredAt, ReceivedAt, BouncedAt or ChangedAt (7 digits of a second)",
    identifiers={"email": "Recipient or Email", "message_id": "MessageID and the recipient"},
    notes=("Postmark has no webhook for messages that were sent: its rates count what it delivered.",),
)
