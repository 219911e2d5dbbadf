"""The format `twilio`: Twilio's calls, messages and TaskRouter events, from callbacks or from its API."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic_core import from_json

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, first, part, text
from schemas.formats.producers._support import channel_of, number_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_LONGEST_SECONDS = 10**6
_CHANNELS = {"voice": "phone", "sms": "sms", "chat": "chat", "web": "chat", "email": "email", "whatsapp": "messaging"}
"""A task's channel -> medium."""
_MESSAGES = {
    "sent": "message.sent",
    "delivered": "message.delivered",
    "read": "message.opened",
    "failed": "message.bounced",
    "undelivered": "message.bounced",
}


def _event(payload: Document, _headers: Headers) -> object:
    """The event of TaskRouter, or what a call or a message has come to."""
    task = first(payload, "EventType", "event_type")
    if task is not None:
        return task
    status = text(first(payload, "MessageStatus", "CallStatus", "SmsStatus", "status"))
    sid = text(first(payload, "MessageSid", "CallSid", "SmsSid", "sid"))
    thing = {"CA": "call", "SM": "message", "MM": "message"}.get(sid[:2])
    return f"{thing} {status}" if thing and status else None


def _phone(value: object) -> str | None:
    return number_of(value, "whatsapp:")


def _call(payload: Document, _headers: Headers) -> Touches:
    direction = text(first(payload, "Direction", "direction"))
    if direction == "outbound-dial" or first(payload, "ParentCallSid", "parent_call_sid") is not None:
        return []
    sid, inbound = text(first(payload, "CallSid", "sid")), direction == "inbound"
    identifiers = {
        "phone": _phone(first(payload, "From", "from") if inbound else first(payload, "To", "to")),
        "contact_id": f"twilio:{sid}" if sid else None,
    }
    seconds = text(first(payload, "CallDuration", "duration"))
    talked = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < len(str(_LONGEST_SECONDS)) else None
    ended = moment(first(payload, "end_time", "Timestamp"))
    started = moment(payload.get("start_time"))
    if started is None and isinstance(ended, datetime) and talked is not None:
        started = ended - timedelta(seconds=talked)
    shared = {"channel": "phone", "medium": "phone", "direction": "inbound" if inbound else "outbound"}
    return [
        Touch("contact.opened", f"{sid}:opened", started, identifiers, shared),
        Touch("contact.ended", f"{sid}:ended", ended, identifiers, {**shared, "talk_seconds": talked}),
    ]


def _message(kind: str, payload: Document, _headers: Headers) -> Touches:
    if text(payload.get("direction")).startswith("inbound"):
        return []
    sid, to = text(first(payload, "MessageSid", "SmsSid", "sid")), text(first(payload, "To", "to"))
    at = first(payload, "date_updated" if kind != "message.sent" else "date_sent", "date_sent", "Timestamp")
    identifiers = {"phone": _phone(to), "message_id": f"twilio:{sid}" if sid else None}
    code = first(payload, "ErrorCode", "error_code")
    data = {
        "channel": "social" if to.startswith("whatsapp:") else "sms",
        "recipient": to.removeprefix("whatsapp:"),
        "reason": text(code) or None if kind == "message.bounced" else None,
    }
    return [Touch(kind, f"{sid}:{kind.partition('.')[2]}", moment(at), identifiers, data)]


def _attributes(payload: Document, about: Document) -> Document:
    """A task's attributes: an object of the customer's own, as JSON in a text."""
    value = first(payload, "TaskAttributes") or first(about, "task_attributes")
    try:
        found = from_json(value) if isinstance(value, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _task(kind: str, payload: Document, _headers: Headers) -> Touches:
    about = part(payload, "event_data")
    own = _attributes(payload, about)
    task = text(first(payload, "TaskSid") or first(about, "task_sid"))
    call = text(first(own, "call_sid"))
    outbound = text(first(own, "direction")).startswith("outbound")
    spoken_to = first(own, "outbound_to", "to") if outbound else first(own, "from", "caller", "customerAddress")
    contact = call or task
    identifiers = {
        "phone": _phone(spoken_to) or _phone(first(own, "customers.phone")),
        "email": first(own, "customers.email", "email"),
        "customer_id": first(own, "customers.external_id", "customer_id"),
        "order_id": first(own, "order_id"),
        "contact_id": f"twilio:{contact}" if contact else None,
    }
    name = text(first(own, "channelType") or first(payload, "TaskChannelUniqueName") or first(about, "task_channel_unique_name"))
    medium = _CHANNELS.get(name.lower(), "other")
    data: dict[str, Any] = {
        "channel": channel_of(medium),
        "medium": medium,
        "direction": "outbound" if outbound else "inbound",
        "reason": first(own, "reason"),
    }
    at = first(payload, "TimestampMs", "event_date_ms", "Timestamp", "event_date")
    return [Touch(kind, first(payload, "Sid", "sid"), moment(at), identifiers, data)]


def _row(says: str, kind: str) -> Row:
    return Row(says, (kind,), partial(_task, kind))


def _rows() -> dict[str, Row]:
    rows = {
        "call completed": Row(
            "opened and ended; the leg that is dialled to an agent is left out", ("contact.opened", "contact.ended"), _call
        ),
        **{f"call {status}": Row("not over yet") for status in ("queued", "initiated", "ringing", "in-progress")},
        **{f"call {status}": Row("nobody spoke") for status in ("busy", "failed", "no-answer", "canceled")},
        **{
            f"message {status}": Row("of those to customers", (kind,), partial(_message, kind))
            for status, kind in _MESSAGES.items()
        },
        **{f"message {status}": Row("not sent yet") for status in ("accepted", "scheduled", "queued", "sending")},
        "message canceled": Row("not sent at all"),
        "message received": Row("what a customer writes is told by the task that it becomes"),
        "message receiving": Row("what a customer writes is told by the task that it becomes"),
        "task.created": _row("a contact begins", "contact.opened"),
        "task-queue.entered": _row("it waits for an agent", "contact.queued"),
        "reservation.accepted": _row("an agent took it", "contact.answered"),
        "task.transfer-initiated": _row("passed on", "contact.transferred"),
        "task.canceled": _row("the customer left", "contact.abandoned"),
        "task.completed": _row("it is over, with the work after it", "contact.ended"),
    }
    for name in ("updated", "wrapup", "deleted", "system-deleted", "transfer-completed", "transfer-failed", "transfer-canceled"):
        rows[f"task.{name}"] = Row("what begins and ends a task says it")
    for name in ("created", "rejected", "timeout", "canceled", "rescinded", "completed", "wrapup", "failed"):
        rows[f"reservation.{name}"] = Row("an offer to one agent; the customer goes on waiting")
    rows["worker.activity"] = Row("nothing that the customer sees")
    return rows


PRODUCER = Producer(
    name="twilio",
    title="Twilio calls, messages and TaskRouter events",
    documents=(
        "https://www.twilio.com/docs/voice/api/call-resource",
        "https://www.twilio.com/docs/messaging/api/message-resource",
        "https://www.twilio.com/docs/taskrouter/api/event/reference",
    ),
    feeds="the bodies of its status and event callbacks, form-encoded as they are, or calls and messages as its API lists them",
    event=_event,
    rows=_rows(),
    event_id="the sid of a call or message and the fact; of TaskRouter the sid of the event",
    time="start_time and end_time of a call, else Timestamp less CallDuration; date_sent, date_updated; TimestampMs of TaskRouter",
    identifiers={
        "phone": "who is not the company: From of an inbound call, To otherwise; of a task its attribute from, caller or to",
        "email": "a task's attribute customers.email or email",
        "customer_id": "a task's attribute customers.external_id or customer_id",
        "order_id": "a task's attribute order_id",
        "contact_id": "the sid of the call, of a task without one its own, as twilio:..",
        "message_id": "the sid of the message, as twilio:..",
    },
    notes=(
        "Message callbacks carry no time: take messages from the API, or from Event Streams by a mapping.",
        "A call that becomes a task is one contact with it, where the task has the attribute call_sid (TaskRouter sets it).",
        "A task that is canceled counts as abandoned.",
    ),
)
