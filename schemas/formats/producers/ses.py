"""The format `ses`: Amazon SES event publishing and feedback notifications: bare, through SNS, or through EventBridge."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.bodies import bodies
from schemas.formats.payload import Headers, parse_json
from schemas.formats.producer import Producer, Row, Touches, by, first, items, part, text
from schemas.formats.producers._mail import mail, told_by
from schemas.identifiers import Document
from schemas.rejections import Refusal

_CONFIRMATION = "SubscriptionConfirmation"


def _split(value: bytes, headers: Headers) -> list[Any] | Refusal:
    found = bodies(value, headers)
    return found if isinstance(found, Refusal) else [_unwrapped(one) for one in found]


def _unwrapped(payload: Any) -> Any:
    """The event inside an envelope of SNS or EventBridge."""
    if not isinstance(payload, dict):
        return payload
    if isinstance(payload.get("Message"), str) and "TopicArn" in payload and payload.get("Type") == "Notification":
        inner = parse_json(payload["Message"].encode("utf-8", "replace"))
        return payload if isinstance(inner, Refusal) else inner
    if payload.get("source") == "aws.ses" and isinstance(payload.get("detail"), dict):
        return payload["detail"]
    return payload


def _event(payload: Document) -> object:
    if payload.get("Type") in (_CONFIRMATION, "UnsubscribeConfirmation"):
        return _CONFIRMATION
    return payload.get("eventType") or payload.get("notificationType")


def _recipients(event: Document, told: Document) -> list[str]:
    """Of whom an event speaks: those that it names, else those the message went to."""
    for name in ("bouncedRecipients", "complainedRecipients"):
        if named := [text(one.get("emailAddress")) for one in items(told, name)]:
            return [one for one in named if one]
    listed = told.get("recipients")
    if not isinstance(listed, list) or not listed:
        listed = part(event, "mail").get("destination")
    return [text(one) for one in listed if text(one)] if isinstance(listed, list) else []


def _touches(kind: str, name: str, event: Document, _headers: Headers) -> Touches:
    told, message = part(event, name), first(event, "mail.messageId")
    at = first(told, "timestamp") or (first(event, "mail.timestamp") if kind == "message.sent" else None)
    who = _recipients(event, told)
    if kind in ("message.opened", "message.clicked") and len(who) != 1:
        return []  # of a message to several people nobody can say who it was
    campaign = part(event, "mail", "tags").get("campaign")
    data = {
        "campaign": campaign[0] if isinstance(campaign, list) and campaign and isinstance(campaign[0], str) else None,
        "reason": first(told, "bounceSubType") if kind == "message.bounced" else None,
    }
    return [mail(kind, told_by(kind, message, one, at, told.get("link")), at, message, one, **data) for one in who]


def _bounced(event: Document, headers: Headers) -> Touches:
    if part(event, "bounce").get("bounceType") != "Permanent":
        return []
    return _touches("message.bounced", "bounce", event, headers)


def _unsubscribed(event: Document, headers: Headers) -> Touches:
    wishes = part(event, "subscription", "newTopicPreferences")
    if wishes.get("unsubscribeAll") is not True:
        return []
    return _touches("message.unsubscribed", "subscription", event, headers)


def _row(says: str, kind: str, name: str) -> Row:
    return Row(says, (kind,), partial(_touches, kind, name))


PRODUCER = Producer(
    name="ses",
    title="Amazon SES events",
    documents=("https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html",),
    feeds="the events in a topic as they are, put there by what receives its webhooks",
    event=by(_event),
    rows={
        "Send": _row("SES took the message; one for each recipient", "message.sent", "send"),
        "Delivery": _row("the receiving server took it", "message.delivered", "delivery"),
        "Open": _row("opened; of a message to one person", "message.opened", "open"),
        "Click": _row("a link was followed; of a message to one person", "message.clicked", "click"),
        "Bounce": Row("bounceType Permanent; others may still arrive", ("message.bounced",), _bounced),
        "Complaint": _row("marked as spam", "message.complained", "complaint"),
        "Subscription": Row("unsubscribed from all", ("message.unsubscribed",), _unsubscribed),
        "Reject": Row("SES did not send it: a virus was found"),
        "Rendering Failure": Row("not sent at all"),
        "DeliveryDelay": Row("a try that is repeated"),
        _CONFIRMATION: Row("of the SNS topic, not of a message"),
        "AmazonSnsSubscriptionSucceeded": Row("of the SNS topic, not of a message"),
    },
    event_id="kind, messageId, recipient, time and link: SES gives none",
    time="timestamp of the event's part; mail.timestamp of Send",
    identifiers={
        "email": "the recipients that the event names, else mail.destination",
        "message_id": "mail.messageId and the recipient",
    },
    notes=(
        "SES cannot say who opened a message to several people: send to each by itself, or opens and clicks are ignored.",
        "The message tag campaign is the campaign.",
    ),
    split=_split,
)
