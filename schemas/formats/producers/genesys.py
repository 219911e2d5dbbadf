"""The format `genesys`: Genesys Cloud's detail events of conversations, from EventBridge or from its notification service."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, first, part, text
from schemas.formats.producers._support import channel_of, number_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_TOPIC = re.compile(r"v2\.detail\.events\.conversation\.[^.]{1,100}\.([a-z.]{1,40})\Z")
_MEDIUMS = {"VOICE": "phone", "CALLBACK": "phone", "CHAT": "chat", "EMAIL": "email", "MESSAGE": "messaging"}
_MESSAGES = {"SMS": "sms", "WEBMESSAGING": "chat", "FACEBOOK": "social", "TWITTER": "social", "INSTAGRAM": "social"}
"""A message's type -> medium; the others are messaging."""
_TRANSFERS = frozenset(
    {"TRANSFER", "CONFERENCE_TRANSFER", "CONSULT_TRANSFER", "FORWARD_TRANSFER", "NO_ANSWER_TRANSFER", "NOT_AVAILABLE_TRANSFER"}
)
_BY = {"ENDPOINT": "customer", "CLIENT": "customer", "PEER": "agent"}
"""How the customer's side ended -> who ended it."""
_LONGEST_MS = 10**10


def _notification(payload: Document) -> Document:
    """What the notification service sends; EventBridge puts it into `detail`."""
    return part(payload, "detail") or payload


def _event(payload: Document, _headers: Headers) -> object:
    topic = first(_notification(payload), "topicName") or payload.get("detail-type")
    found = _TOPIC.match(topic) if isinstance(topic, str) else None
    return found.group(1) if found else None


def _seconds(body: Document, name: str) -> float | None:
    value = body.get(name)
    return value / 1000 if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LONGEST_MS else None


def _touch(kind: str, payload: Document, **data: Any) -> Touch:
    body = part(_notification(payload), "eventBody")
    outbound = body.get("direction") == "OUTBOUND"
    other = first(body, "dnis", "addressTo") if outbound else first(body, "ani", "addressFrom")
    address = text(first(body, "addressTo" if outbound else "addressFrom"))
    conversation, person = text(body.get("conversationId")), body.get("conversationExternalContactIds")
    contact = text(person[0]) if isinstance(person, list) and person else ""
    identifiers = {
        "phone": number_of(other, "tel:"),
        "email": address if "@" in address and body.get("mediaType") == "EMAIL" else None,
        "crm_id": f"genesys:{contact}" if contact else None,
        "contact_id": f"genesys:{conversation}" if conversation else None,
    }
    medium = _MEDIUMS.get(text(body.get("mediaType")), "other")
    if medium == "messaging":
        medium = _MESSAGES.get(text(body.get("messageType")), medium)
    shared = {
        "channel": channel_of(medium),
        "medium": medium,
        "direction": "outbound" if outbound else "inbound",
    }
    at = body.get("eventTime")
    name = [conversation, text(body.get("sessionId")), kind.partition(".")[2], text(at)]
    return Touch(kind, ":".join(name) if all(name) else None, moment(at), identifiers, {**shared, **data})


def _said(kind: str, payload: Document, _headers: Headers) -> Touches:
    return [_touch(kind, payload)]


def _queue_left(payload: Document, _headers: Headers) -> Touches:
    body = part(_notification(payload), "eventBody")
    outcome = body.get("acdOutcome")
    if outcome == "ANSWERED":
        return [_touch("contact.answered", payload, queue_seconds=_seconds(body, "connectedDurationMs"))]
    return [_touch("contact.abandoned", payload)] if outcome == "ABANDON" else []


def _agent_left(payload: Document, _headers: Headers) -> Touches:
    body = part(_notification(payload), "eventBody")
    held = _seconds(body, "heldDurationMs")
    touches = [_touch("contact.held", payload, hold_seconds=held)] if held else []
    return [*touches, _touch("contact.transferred", payload)] if text(body.get("disconnectType")) in _TRANSFERS else touches


def _ended(payload: Document, _headers: Headers) -> Touches:
    ended_by = _BY.get(text(part(_notification(payload), "eventBody").get("disconnectType")))
    return [_touch("contact.ended", payload, by=ended_by)]


PRODUCER = Producer(
    name="genesys",
    title="Genesys Cloud detail events",
    documents=(
        "https://developer.genesys.cloud/notificationsalerts/notifications/available-topics",
        "https://help.mypurecloud.com/articles/about-the-amazon-eventbridge-integration/",
    ),
    feeds="events of the topics v2.detail.events.conversation.{id}.*, as EventBridge or a notification channel gives them",
    event=_event,
    rows={
        "customer.start": Row("a contact begins", ("contact.opened",), partial(_said, "contact.opened")),
        "acd.start": Row("it waits for an agent", ("contact.queued",), partial(_said, "contact.queued")),
        "acd.end": Row(
            "answered, or abandoned, by acdOutcome; other outcomes go on", ("contact.answered", "contact.abandoned"), _queue_left
        ),
        "user.end": Row(
            "how long the agent held it, and that it was passed on", ("contact.held", "contact.transferred"), _agent_left
        ),
        "customer.end": Row("it ended, by whom", ("contact.ended",), _ended),
        "user.start": Row("acd.end says that an agent took it"),
        "flow.start": Row("a flow is not a menu: how many steps somebody took is not told"),
        "flow.end": Row("a flow is not a menu: how many steps somebody took is not told"),
        "flow.outcome": Row("nothing that the customer sees"),
        "wrapup": Row("work after the contact"),
        "acw": Row("work after the contact"),
        "attributes": Row("nothing that the customer sees"),
        "contact": Row("nothing that the customer sees"),
        "voicemail.start": Row("no counterpart in the contract"),
        "voicemail.end": Row("no counterpart in the contract"),
    },
    event_id="conversationId, sessionId, the fact and eventTime",
    time="eventTime (epoch milliseconds)",
    identifiers={
        "phone": "ani, else addressFrom; of an outbound contact dnis, else addressTo",
        "email": "addressFrom of an email; of an outbound one addressTo",
        "crm_id": "the first of conversationExternalContactIds, as genesys:..",
        "contact_id": "conversationId, as genesys:..: what is transferred goes on under it",
    },
    notes=("Hold is told when an agent's part of the contact ends: subscribe to user.end.",),
)
