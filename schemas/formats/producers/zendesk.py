"""The format `zendesk`: Zendesk's event webhooks of tickets and users."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, part, text
from schemas.formats.producers._support import channel_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_TICKET = "zen:event-type:ticket."
_USER = "zen:event-type:user."
MEDIUMS = {
    "email": "email",
    "mail": "email",
    "web": "form",
    "web_form": "form",
    "help_center": "form",
    "voice": "phone",
    "phone": "phone",
    "phone_call_inbound": "phone",
    "phone_call_outbound": "phone",
    "voicemail": "phone",
    "chat": "chat",
    "web_messaging": "chat",
    "native_messaging": "chat",
    "web_widget": "chat",
    "messaging": "messaging",
    "whatsapp": "messaging",
    "sms": "sms",
    "sms_inbound": "sms",
    "facebook": "social",
    "twitter": "social",
    "instagram_dm": "social",
}
"""via.channel -> medium; a channel that is not here says nothing about it."""
_SETTLED = ("SOLVED", "CLOSED")


def _detail(payload: Document) -> Document:
    return part(payload, "detail")


def _word(value: object) -> str:
    return text(value).upper()


def _touch(kind: str, payload: Document, **data: Any) -> Touch:
    detail = _detail(payload)
    requester, ticket = text(detail.get("requester_id")), first(detail, "id")
    identifiers = {"crm_id": f"zendesk:{requester}" if requester else None, "contact_id": f"zendesk:{ticket}" if ticket else None}
    medium = MEDIUMS.get(text(first(detail, "via.channel")).lower())
    shared = {"channel": channel_of(medium), "medium": medium, "reason": first(detail, "type")}
    return Touch(kind, payload.get("id"), moment(payload.get("time")), identifiers, {**shared, **data})


def _created(payload: Document, _headers: Headers) -> Touches:
    """A ticket that somebody else wrote for the customer is an agent's doing, unless it is the note of a call."""
    detail = _detail(payload)
    requester, writer = text(detail.get("requester_id")), text(first(detail, "submitter_id", "actor_id"))
    called = text(first(detail, "via.channel")).lower() in ("voice", "phone", "phone_call_inbound", "voicemail")
    own = not writer or writer == requester or called
    return [_touch("contact.opened", payload, direction="inbound" if own else "outbound")]


def _commented(payload: Document, _headers: Headers) -> Touches:
    comment = part(payload, "event", "comment")
    author = part(comment, "author")
    if comment.get("is_public") is not True:
        return []
    writer = text(author.get("id"))
    if author.get("is_staff") is True:
        by_whom = "agent"
    elif writer and writer == text(_detail(payload).get("requester_id")):
        by_whom = "customer"
    elif writer in ("-1", ""):
        return []  # the system itself
    else:
        by_whom = "customer"  # somebody in copy
    return [_touch("contact.replied", payload, by=by_whom)]


def _status(payload: Document, _headers: Headers) -> Touches:
    now, before = (_word(part(payload, "event").get(name)) for name in ("current", "previous"))
    if now == "SOLVED" and before not in _SETTLED:
        return [_touch("contact.resolved", payload, resolved=True)]
    if now == "CLOSED" and before not in _SETTLED:
        return [_touch("contact.resolved", payload, resolved=True)]
    if before in _SETTLED and now not in _SETTLED and now:
        return [_touch("contact.reopened", payload)]
    return []


def _user(kind: str, payload: Document, _headers: Headers) -> Touches:
    user = _detail(payload)
    if _word(user.get("role")) in ("ADMIN", "AGENT"):
        return []
    known = text(user.get("id"))
    identifiers = {
        "crm_id": f"zendesk:{known}" if known else None,
        "email": first(user, "email"),
        "phone": first(user, "phone"),
        "customer_id": first(user, "external_id"),
    }
    return [Touch(kind, payload.get("id"), moment(payload.get("time")), identifiers, {"channel": "system"})]


_LINKED = Row("who a requester is; agents are ignored", ("profile.linked",), partial(_user, "profile.linked"))

PRODUCER = Producer(
    name="zendesk",
    title="Zendesk event webhooks",
    documents=(
        "https://developer.zendesk.com/api-reference/webhooks/event-types/webhook-event-types/",
        "https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/",
    ),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("type")),
    rows={
        _TICKET + "created": Row(
            "outbound where somebody else than the requester wrote it, unless it notes a call", ("contact.opened",), _created
        ),
        _TICKET + "comment_added": Row("public ones, by agent or customer; notes are ignored", ("contact.replied",), _commented),
        _TICKET + "status_changed": Row(
            "to solved or closed; back from there", ("contact.resolved", "contact.reopened"), _status
        ),
        _TICKET + "agent_assignment_changed": Row("nothing that the customer sees"),
        _TICKET + "group_assignment_changed": Row("nothing that the customer sees"),
        _TICKET + "priority_changed": Row("nothing that the customer sees"),
        _TICKET + "subject_changed": Row("nothing that the customer sees"),
        _TICKET + "tags_changed": Row("nothing that the customer sees"),
        _TICKET + "custom_field_changed": Row("nothing that the customer sees"),
        _TICKET + "merged": Row("goes on under the other ticket"),
        _TICKET + "marked_as_spam": Row("no customer; that it was opened has been counted by then"),
        _TICKET + "soft_deleted": Row("the record was removed"),
        _TICKET + "permanently_deleted": Row("the record was removed"),
        _USER + "created": _LINKED,
        _USER + "external_id_changed": _LINKED,
        _USER + "identity_created": _LINKED,
        _USER + "deleted": Row("the record was removed, which is no wish of the customer's"),
    },
    event_id="id of the event",
    time="time of the event",
    identifiers={
        "crm_id": "detail.requester_id, as zendesk:..; of a user event detail.id",
        "contact_id": "detail.id of the ticket, as zendesk:..",
        "email": "detail.email of a user event",
        "phone": "detail.phone of a user event",
        "customer_id": "detail.external_id of a user event: your own number of the customer",
    },
    notes=(
        "Tickets carry only the requester's number: subscribe to user events too, which say whose it is.",
        "A ticket's type (question, incident, problem, task) is the reason.",
    ),
)
