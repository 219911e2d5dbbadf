"""The format `amazon-connect`: contact records of Amazon Connect, each of which says a whole contact."""

from __future__ import annotations

from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, first, part, text
from schemas.formats.producers._support import channel_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_MEDIUMS = {"VOICE": "phone", "CHAT": "chat", "EMAIL": "email"}
_INBOUND = frozenset({"INBOUND", "TRANSFER", "QUEUE_TRANSFER", "CALLBACK", "API", "DISCONNECT", "WEBRTC_API", "FLOW"})
"""A callback was asked for by the customer, and an API call begins a chat; what follows another contact has its direction."""
_OUTBOUND = frozenset({"OUTBOUND", "EXTERNAL_OUTBOUND", "AGENT_REPLY"})
_CUSTOMER_LEFT = "CUSTOMER_DISCONNECT"
_BY = {_CUSTOMER_LEFT: "customer", "AGENT_DISCONNECT": "agent"}


def _event(payload: Document, _headers: Headers) -> object:
    if payload.get("source") == "aws.connect":
        return "contact event"
    if not payload.get("ContactId"):
        return None
    if payload.get("Channel") == "TASK":
        return "record of a task"
    if payload.get("InitiationMethod") == "MONITOR":
        return "record of monitoring"
    return "contact record"


def _seconds(parent: Document, name: str) -> int | float | None:
    value = parent.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**8 else None


def _record(record: Document, _headers: Headers) -> Touches:
    contact, root = text(record.get("ContactId")), text(record.get("InitialContactId"))
    queue, agent = part(record, "Queue"), part(record, "Agent")
    method, customer = text(record.get("InitiationMethod")), part(record, "CustomerEndpoint")
    own = part(record, "Attributes")
    identifiers = {
        "phone": customer.get("Address") if customer.get("Type") == "TELEPHONE_NUMBER" else None,
        "email": first(own, "email") or (customer.get("Address") if customer.get("Type") == "EMAIL_ADDRESS" else None),
        "customer_id": first(own, "customer_id", "customerId"),
        "order_id": first(own, "order_id", "orderId"),
        "contact_id": contact,
        "root_contact_id": root if root != contact else None,
    }
    subtype = text(first(record, "SegmentAttributes.connect:Subtype.ValueString"))
    medium = "sms" if subtype == "connect:SMS" else _MEDIUMS.get(text(record.get("Channel")), "other")
    shared = {
        "channel": channel_of(medium),
        "medium": medium,
        "direction": "inbound" if method in _INBOUND else "outbound" if method in _OUTBOUND else None,
        "reason": first(own, "reason"),
    }
    queued, answered, left = (
        queue.get("EnqueueTimestamp"),
        agent.get("ConnectedToAgentTimestamp"),
        record.get("DisconnectTimestamp"),
    )
    abandoned = bool(queued) and not answered and record.get("DisconnectReason") == _CUSTOMER_LEFT
    end = {
        "by": _BY.get(text(record.get("DisconnectReason"))),
        "talk_seconds": _seconds(agent, "AgentInteractionDuration"),
        "hold_seconds": _seconds(agent, "CustomerHoldDuration"),
        "wrap_up_seconds": _seconds(agent, "AfterContactWorkDuration"),
    }
    menu = first(own, "menu_steps")
    facts: list[tuple[str, Any, dict[str, Any]]] = [
        ("contact.opened", record.get("InitiationTimestamp"), {}),
        ("contact.menu_navigated", record.get("ConnectedToSystemTimestamp") if menu is not None else None, {"menu_steps": menu}),
        ("contact.queued", queued, {}),
        ("contact.answered", answered, {"queue_seconds": _seconds(queue, "Duration")}),
        ("contact.transferred", record.get("TransferCompletedTimestamp"), {}),
        ("contact.abandoned" if abandoned else "contact.ended", left, {} if abandoned else end),
    ]
    return [
        Touch(kind, f"{contact}:{kind.partition('.')[2]}", moment(at), identifiers, {**shared, **data})
        for kind, at, data in facts
        if at is not None and at != ""
    ]


PRODUCER = Producer(
    name="amazon-connect",
    title="Amazon Connect contact records",
    documents=("https://docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html",),
    feeds="contact records, as they are, from their Kinesis stream into a topic (by Kafka Connect or a Lambda function)",
    event=_event,
    rows={
        "contact record": Row(
            "everything that it says: opened, menu, queued, answered, transferred, ended, or abandoned where the customer left the queue",
            (
                "contact.opened",
                "contact.menu_navigated",
                "contact.queued",
                "contact.answered",
                "contact.transferred",
                "contact.ended",
                "contact.abandoned",
            ),
            _record,
        ),
        "record of a task": Row("work between agents, of which no customer knows"),
        "record of monitoring": Row("a supervisor who listened"),
        "contact event": Row("of the event stream: the contact record says all of it"),
    },
    event_id="ContactId and the fact: a record that is sent again gives the same ones",
    time="InitiationTimestamp, EnqueueTimestamp, ConnectedToAgentTimestamp, TransferCompletedTimestamp, DisconnectTimestamp",
    identifiers={
        "contact_id": "ContactId",
        "root_contact_id": "InitialContactId: transfers and callbacks are one contact with it",
        "phone": "CustomerEndpoint of type TELEPHONE_NUMBER",
        "email": "attribute email, or CustomerEndpoint of type EMAIL_ADDRESS",
        "customer_id": "attribute customer_id or customerId",
        "order_id": "attribute order_id or orderId",
    },
    notes=(
        "Contact attributes that a flow sets are read: customer_id, email, order_id, reason, menu_steps.",
        "A record is written when the after-contact work is over; hold, talk and wrap-up come with contact.ended.",
    ),
)
