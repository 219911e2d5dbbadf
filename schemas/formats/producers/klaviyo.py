"""The format `klaviyo`: Klaviyo's system webhooks, one or many events in a body."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.bodies import bodies
from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, items, part, text
from schemas.formats.times import moment
from schemas.identifiers import Document
from schemas.rejections import Refusal

_PREFIX = "event:klaviyo."


def _split(value: bytes, headers: Headers) -> list[Any] | Refusal:
    """The events of a body, whose envelope says nothing about them."""
    found = bodies(value, headers)
    if isinstance(found, Refusal):
        return found
    return [
        one
        for body in found
        for one in (body["data"] if isinstance(body, dict) and isinstance(body.get("data"), list) else [body])
    ]


def _touch(kind: str, channel: str, event: Document, _headers: Headers) -> list[Touch]:
    told = part(event, "payload", "data")
    attributes, own = part(told, "attributes"), part(told, "attributes", "event_properties")
    profiles = [one for one in items(part(event, "payload"), "included") if one.get("type") == "profile"]
    person = part(profiles[0], "attributes") if profiles else {}
    known = text(first(told, "relationships.profile.data.id"))
    recipient = text(
        first(own, "Recipient Email Address", "To Number") or first(person, "email" if channel == "email" else "phone_number")
    )
    message = text(first(own, "$message"))
    identifiers = {
        "crm_id": f"klaviyo:{known}" if known else None,
        "customer_id": first(person, "external_id"),
        "email": first(person, "email") or (recipient if channel == "email" else None),
        "phone": first(person, "phone_number") or (recipient if channel == "sms" else None),
        "message_id": f"klaviyo:{message}:{known}" if message and known else None,
    }
    data = {
        "channel": channel,
        "recipient": recipient,
        "campaign": first(own, "Campaign Name", "Subject"),
        "kind": "marketing",
        "machine": True if own.get("machine_open") is True else None,
        "reason": first(own, "Bounce Type", "Failure Type") if kind == "message.bounced" else None,
    }
    return [
        Touch(
            kind,
            first(event, "external_id") or told.get("id"),
            moment(first(attributes, "datetime", "timestamp")),
            identifiers,
            data,
        )
    ]


def _rows() -> dict[str, Row]:
    said = {
        "received_email": ("it was delivered", "message.delivered", "email"),
        "opened_email": ("opened; machine where it says so", "message.opened", "email"),
        "clicked_email": ("a link was followed", "message.clicked", "email"),
        "bounced_email": ("soft or hard, which is the reason", "message.bounced", "email"),
        "marked_email_as_spam": ("marked as spam", "message.complained", "email"),
        "unsubscribed_from_email_marketing": ("unsubscribed", "message.unsubscribed", "email"),
        "sent_sms": ("it was sent", "message.sent", "sms"),
        "clicked_sms": ("a link was followed", "message.clicked", "sms"),
        "failed_to_deliver_sms": ("not delivered", "message.bounced", "sms"),
        "unsubscribed_from_sms_marketing": ("unsubscribed", "message.unsubscribed", "sms"),
        "received_push": ("it was delivered", "message.delivered", "push"),
        "opened_push": ("opened", "message.opened", "push"),
        "bounced_push": ("not delivered", "message.bounced", "push"),
    }
    ignored = {
        "dropped_email": "not sent at all",
        "subscribed_to_email_marketing": "no counterpart in the contract",
        "subscribed_to_sms_marketing": "no counterpart in the contract",
        "updated_email_preferences": "no counterpart in the contract",
        "received_sms": "what a customer writes is told by the support system",
    }
    rows = {_PREFIX + name: Row(says, (kind,), partial(_touch, kind, channel)) for name, (says, kind, channel) in said.items()}
    return rows | {_PREFIX + name: Row(why) for name, why in ignored.items()}


PRODUCER = Producer(
    name="klaviyo",
    title="Klaviyo system webhooks",
    documents=("https://developers.klaviyo.com/en/docs/working_with_system_webhooks",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda event: event.get("topic")),
    rows=_rows(),
    event_id="external_id of the event",
    time="datetime of the event, else its timestamp (epoch seconds)",
    identifiers={
        "crm_id": "id of the profile, as klaviyo:..",
        "customer_id": "external_id of a profile that is included",
        "email": "email of a profile that is included, else Recipient Email Address",
        "phone": "phone_number of a profile that is included",
        "message_id": "$message and the profile: a message there goes to many",
    },
    notes=("An event is as the Events API has it: a profile is included where the webhook asks for it.",),
    split=_split,
)
