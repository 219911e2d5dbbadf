"""The format `intercom`: Intercom's webhook notifications of conversations, tickets and contacts."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, items, part, text
from schemas.formats.producers._support import channel_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_MEDIUMS = {
    "conversation": "chat",
    "email": "email",
    "facebook": "social",
    "instagram": "social",
    "twitter": "social",
    "whatsapp": "messaging",
    "sms": "sms",
    "phone_call": "phone",
    "phone_switch": "phone",
}
"""source.type -> medium; one that is not here says nothing about it."""
_PEOPLE = ("user", "lead", "contact")
_RATINGS = range(1, 6)


def _item(payload: Document) -> Document:
    return part(payload, "data", "item")


def _person(item: Document) -> Document:
    """The customer: the first contact (with several of them, the one who began), else who wrote first."""
    listed = items(item, "contacts") or items(part(item, "contacts"), "contacts")
    author = part(item, "source", "author")
    if author.get("type") in _PEOPLE:
        own = next((contact for contact in listed if contact.get("id") == author.get("id")), {})
        return {**own, **author}
    return listed[0] if listed else {}


def _identifiers(person: Document) -> dict[str, Any]:
    known = text(person.get("id"))
    return {
        "crm_id": f"intercom:{known}" if known else None,
        "customer_id": first(person, "external_id", "user_id"),
        "email": first(person, "email"),
        "phone": first(person, "phone"),
    }


def _contact_id(item: Document) -> str | None:
    number = text(item.get("id"))
    return f"intercom:{number}" if number else None


def _touch(kind: str, payload: Document, **data: Any) -> Touch:
    item = _item(payload)
    medium = "form" if item.get("type") == "ticket" else _MEDIUMS.get(text(first(item, "source.type")).lower())
    identifiers = {**_identifiers(_person(item)), "contact_id": _contact_id(item)}
    reason = first(item, "custom_attributes.reason", "custom_attributes.issue_type", "ticket_type.name")
    shared = {"channel": channel_of(medium), "medium": medium, "reason": reason}
    return Touch(kind, payload.get("id"), moment(payload.get("created_at")), identifiers, {**shared, **data})


def _said(kind: str, data: dict[str, Any], payload: Document, _headers: Headers) -> list[Touch]:
    return [_touch(kind, payload, **data)]


def _answered(payload: Document, _headers: Headers) -> list[Touch]:
    """What teammates write, and what the bot does in their place."""
    parts = items(part(_item(payload), "conversation_parts"), "conversation_parts")
    author = part(parts[-1], "author") if parts else {}
    return [_touch("contact.replied", payload, by="bot" if author.get("type") == "bot" else "agent")]


def _rated(payload: Document, _headers: Headers) -> Touches:
    item = _item(payload)
    score, contact = part(item, "conversation_rating").get("rating"), _contact_id(item)
    if isinstance(score, bool) or not isinstance(score, int) or score not in _RATINGS:
        return []
    identifiers = {**_identifiers(_person(item)), "response_id": contact}
    about = {"kind": "contact_id", "id": contact} if contact else None
    data = {"channel": "chat", "instrument": "csat", "score": score, "about": about}
    return [Touch("survey.answered", payload.get("id"), moment(payload.get("created_at")), identifiers, data)]


def _contact(kind: str, data: dict[str, Any], payload: Document, _headers: Headers) -> list[Touch]:
    item = _item(payload)
    person = part(item, "contact") or item
    return [
        Touch(kind, payload.get("id"), moment(payload.get("created_at")), _identifiers(person), {"channel": "system", **data})
    ]


def _row(says: str, kind: str, **data: Any) -> Row:
    return Row(says, (kind,), partial(_said, kind, data))


_REPLIED = Row("by agent, or by the bot", ("contact.replied",), _answered)
_LINKED = Row("who a contact is", ("profile.linked",), partial(_contact, "profile.linked", {}))
_INSIDE = Row("nothing that the customer sees")

PRODUCER = Producer(
    name="intercom",
    title="Intercom webhook notifications",
    documents=(
        "https://developers.intercom.com/docs/references/webhooks/webhook-models",
        "https://developers.intercom.com/docs/webhooks/webhook-topics",
    ),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("topic")),
    rows={
        "conversation.user.created": _row("inbound", "contact.opened", direction="inbound"),
        "conversation.admin.single.created": _row("outbound", "contact.opened", direction="outbound"),
        "conversation.user.replied": _row("by the customer", "contact.replied", by="customer"),
        "conversation.admin.replied": _REPLIED,
        "conversation.operator.replied": _row("by the bot", "contact.replied", by="bot"),
        "conversation.admin.closed": _row("closed", "contact.resolved"),
        "conversation.admin.opened": _row("opened again", "contact.reopened"),
        "conversation.rating.added": Row("CSAT from 1 to 5, about the conversation", ("survey.answered",), _rated),
        "conversation.admin.assigned": _INSIDE,
        "conversation.admin.noted": _INSIDE,
        "conversation.admin.snoozed": _INSIDE,
        "conversation.admin.unsnoozed": _INSIDE,
        "conversation.priority.updated": _INSIDE,
        "conversation.read": _INSIDE,
        "conversation_part.tag.created": _INSIDE,
        "conversation.deleted": Row("the record was removed"),
        "ticket.created": _row("inbound", "contact.opened", direction="inbound"),
        "ticket.contact.replied": _row("by the customer", "contact.replied", by="customer"),
        "ticket.admin.replied": _row("by agent", "contact.replied", by="agent"),
        "ticket.closed": _row("closed", "contact.resolved"),
        "ticket.state.updated": Row("ticket.closed says what counts"),
        "ticket.attribute.updated": _INSIDE,
        "ticket.admin.assigned": _INSIDE,
        "ticket.note.created": _INSIDE,
        "contact.user.created": _LINKED,
        "contact.lead.created": _LINKED,
        "contact.lead.signed_up": _LINKED,
        "contact.email.updated": _LINKED,
        "contact.unsubscribed": Row(
            "from all emails", ("message.unsubscribed",), partial(_contact, "message.unsubscribed", {"channel": "email"})
        ),
        "contact.deleted": Row("the record was removed, which is no wish of the customer's"),
        "ping": Row("a test of the connection"),
    },
    event_id="id of the notification",
    time="created_at of the notification (epoch seconds)",
    identifiers={
        "crm_id": "id of the contact, as intercom:..",
        "customer_id": "external_id of the contact",
        "email": "email of the contact, or of a conversation's author",
        "phone": "phone of the contact",
        "contact_id": "id of the conversation or ticket, as intercom:..",
        "response_id": "of a rating: id of the conversation, as intercom:..",
    },
    notes=(
        "reason is the attribute reason or issue_type of a conversation, and the type of a ticket.",
        "A rating that is changed comes again with the same response_id: the later one counts.",
        "Of a conversation with several contacts, the one who began it, else the first, is its customer.",
    ),
)
