"""The format `freshservice`: tickets of Freshservice and Freshdesk, from product events or from their API."""

from __future__ import annotations

from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, part, text
from schemas.formats.producers._support import channel_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_SOURCES = {1: "email", 2: "form", 3: "phone", 4: "chat", 7: "chat", 9: "form"}
"""Number of a ticket's source -> medium; one that is not here says nothing about it."""
_OUTBOUND = 10
_RESOLVED, _CLOSED = 4, 5
_SETTLED = (_RESOLVED, _CLOSED)


def _event(payload: Document) -> object:
    return payload.get("event") or ("ticket" if part(payload, "ticket") else None)


def _ticket(payload: Document) -> Document:
    return part(payload, "data", "ticket") or part(payload, "ticket")


def _status(payload: Document) -> tuple[Any, Any]:
    """The status before and after; (None, None) where it is not what changed."""
    ticket = _ticket(payload)
    for changes in (part(ticket, "changes", "model_changes"), part(ticket, "changes"), part(payload, "data", "changes")):
        pair = changes.get("status")
        if isinstance(pair, list) and len(pair) > 1:
            return pair[0], pair[1]
    return None, None


def _touch(kind: str, payload: Document, name: str, at: object, **data: Any) -> Touch:
    ticket = _ticket(payload)
    requester = part(payload, "data", "requester") or part(ticket, "requester")
    number, person = text(ticket.get("id")), text(first(ticket, "requester_id") or first(requester, "id"))
    source = ticket.get("source")
    medium = _SOURCES.get(source) if isinstance(source, int) else None
    identifiers = {
        "crm_id": f"freshservice:{person}" if person else None,
        "email": first(requester, "email", "primary_email") or first(ticket, "email"),
        "phone": first(requester, "mobile", "phone", "mobile_phone_number") or first(ticket, "phone"),
        "contact_id": f"freshservice:{number}" if number else None,
    }
    shared = {
        "channel": channel_of(medium),
        "medium": medium,
        "reason": first(ticket, "category", "type", "ticket_type"),
    }
    return Touch(kind, f"{number}:{name}" if number else None, moment(at), identifiers, {**shared, **data})


def _opened(payload: Document, _headers: Headers) -> Touches:
    ticket = _ticket(payload)
    direction = "outbound" if ticket.get("source") == _OUTBOUND else "inbound"
    return [_touch("contact.opened", payload, "opened", ticket.get("created_at"), direction=direction)]


def _whole(payload: Document, headers: Headers) -> Touches:
    """A ticket as the API has it; when it was resolved is in its statistics."""
    at = first(_ticket(payload), "stats.resolved_at")
    return [*_opened(payload, headers), *([_touch("contact.resolved", payload, f"resolved:{at}", at)] if at else [])]


def _updated(payload: Document, _headers: Headers) -> Touches:
    before, after = _status(payload)
    at = first(_ticket(payload), "updated_at")
    if after in _SETTLED and before not in _SETTLED:
        return [_touch("contact.resolved", payload, f"resolved:{text(at)}", at)]
    if before in _SETTLED and after not in _SETTLED and after is not None:
        return [_touch("contact.reopened", payload, f"reopened:{text(at)}", at)]
    return []


def _replied(payload: Document, _headers: Headers) -> Touches:
    conversation = part(payload, "data", "conversation")
    if conversation.get("private") is not False:
        return []
    own = text(conversation.get("user_id")) == text(_ticket(payload).get("requester_id"))
    number = text(conversation.get("id"))
    who = "customer" if conversation.get("incoming") is True or own else "agent"
    return [_touch("contact.replied", payload, f"replied:{number}", conversation.get("created_at"), by=who)]


PRODUCER = Producer(
    name="freshservice",
    title="Freshservice and Freshdesk tickets",
    documents=(
        "https://developers.freshworks.com/docs/app-sdk/v3.0/service_ticket/serverless-apps/product-events/onticket/",
        "https://api.freshservice.com/#tickets",
    ),
    feeds="product events as an app of theirs gets them, or tickets as the API answers for one",
    event=by(_event),
    rows={
        "onTicketCreate": Row("outbound where an email of an agent began it", ("contact.opened",), _opened),
        "onTicketUpdate": Row("to resolved or closed; back from there", ("contact.resolved", "contact.reopened"), _updated),
        "onConversationCreate": Row("public ones, by agent or customer", ("contact.replied",), _replied),
        "ticket": Row("opened, and resolved where stats says when", ("contact.opened", "contact.resolved"), _whole),
        "onTicketDelete": Row("the record was removed"),
        "onConversationUpdate": Row("it was told when it was created"),
    },
    event_id="id of the ticket and the fact, with its time where a fact may come again",
    time="created_at, updated_at, stats.resolved_at of the ticket; created_at of a conversation",
    identifiers={
        "crm_id": "requester_id, as freshservice:..",
        "email": "email of the requester, else of the ticket",
        "phone": "mobile or phone of the requester, else phone of the ticket",
        "contact_id": "id of the ticket, as freshservice:..",
    },
    notes=("reason is the category of a ticket, else its type.",),
)
