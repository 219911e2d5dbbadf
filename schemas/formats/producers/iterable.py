"""The format `iterable`: Iterable's system webhooks."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, part
from schemas.formats.producers._mail import mail, told_by
from schemas.identifiers import Document


def _touch(kind: str, channel: str, payload: Document, _headers: Headers) -> list[Touch]:
    data = part(payload, "dataFields")
    person, at = first(payload, "email") or first(data, "email"), first(data, "createdAt")
    # A push or an SMS has a person in Iterable as well, whose address tells one of its messages from another's.
    who = person or first(payload, "userId")
    message = first(data, "messageId") or first(data, "campaignId")
    touch = mail(
        kind,
        told_by(kind, message, who, at, data.get("url")),
        at,
        message,
        who,
        channel=channel,
        campaign=first(data, "campaignName", "workflowName"),
        kind="transactional" if data.get("isTransactional") is True else None,
        reason=first(data, "recipientState", "smsProviderResponse.code") if kind == "message.bounced" else None,
    )
    user = first(payload, "userId")
    return [touch._replace(identifiers={**touch.identifiers, "email": person, "user_id": user})]


def _row(says: str, kind: str, channel: str) -> Row:
    return Row(says, (kind,), partial(_touch, kind, channel))


PRODUCER = Producer(
    name="iterable",
    title="Iterable system webhooks",
    documents=("https://support.iterable.com/hc/en-us/articles/208013936-System-Webhooks",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: first(payload, "eventName", "eventTitle")),
    rows={
        "emailSend": _row("it was handed on", "message.sent", "email"),
        "emailOpen": _row("opened", "message.opened", "email"),
        "emailClick": _row("a link was followed", "message.clicked", "email"),
        "emailBounce": _row("refused", "message.bounced", "email"),
        "emailComplaint": _row("marked as spam", "message.complained", "email"),
        "emailUnSubscribe": _row("unsubscribed", "message.unsubscribed", "email"),
        "emailUnsubscribe": _row("unsubscribed", "message.unsubscribed", "email"),
        "hostedUnsubscribeClick": Row("the link alone; emailUnSubscribe follows where the wish was confirmed"),
        "emailSubscribe": Row("no counterpart in the contract"),
        "emailSendSkip": Row("not sent at all"),
        "pushSend": _row("it was handed on", "message.sent", "push"),
        "pushOpen": _row("tapped", "message.clicked", "push"),
        "pushBounce": _row("the app is gone", "message.bounced", "push"),
        "pushUninstall": Row("the app is gone"),
        "pushSendSkip": Row("not sent at all"),
        "webPushSend": _row("it was handed on", "message.sent", "push"),
        "webPushClick": _row("tapped", "message.clicked", "push"),
        "webPushSendSkip": Row("not sent at all"),
        "inAppSend": _row("it was handed on", "message.sent", "app"),
        "inAppOpen": _row("seen in the app", "message.opened", "app"),
        "inAppClick": _row("followed", "message.clicked", "app"),
        "inAppSendSkip": Row("not sent at all"),
        "smsSend": _row("it was handed on", "message.sent", "sms"),
        "smsClick": _row("a link was followed", "message.clicked", "sms"),
        "smsBounce": _row("refused", "message.bounced", "sms"),
        "smsReceived": Row("an incoming message; contacts come from the help desk"),
        "smsSendSkip": Row("not sent at all"),
    },
    event_id="kind, messageId, email, createdAt and url: Iterable gives none",
    time="dataFields.createdAt",
    identifiers={
        "email": "email",
        "user_id": "userId: your own id of the person",
        "message_id": "messageId, else campaignId, and the person",
    },
)
