"""Intercom's webhook notifications."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, refused, types

NOTES: dict[str, dict[str, Any]] = {}
for _line in examples("intercom"):
    _note = json.loads(_line)
    NOTES.setdefault(_note["topic"], _note)
OPENED = NOTES["conversation.user.created"]


def with_item(topic: str, **item: Any) -> dict[str, Any]:
    note = {**OPENED, "topic": topic}
    return {**note, "data": {**note["data"], "item": {**note["data"]["item"], **item}}}


def test_a_conversation_that_a_customer_begins() -> None:
    [opened] = mapped("intercom", OPENED)
    assert opened == {
        "id": "notif_00000001",
        "source": "intercom",
        "type": "contact.opened",
        "time": datetime(2024, 12, 18, 15, 59, 19, tzinfo=UTC),
        "data": {
            "channel": "chat",
            "medium": "chat",
            "reason": "Billing",
            "direction": "inbound",
            "identifiers": {
                "crm_id": "intercom:6762f1571bb69f9f2193bbbb",
                "customer_id": "70",
                "email": "joe@bloggs.com",
                "contact_id": "intercom:524",
            },
        },
    }


def test_an_agents_address_is_nobodys_identifier() -> None:
    """Where a teammate began, the author is not the customer."""
    admin = {"type": "conversation", "author": {"type": "admin", "id": "1", "email": "agent@shop.example"}}
    [opened] = mapped("intercom", with_item("conversation.admin.single.created", source=admin))
    assert opened["data"]["direction"] == "outbound"
    assert opened["data"]["identifiers"] == {
        "crm_id": "intercom:6762f1571bb69f9f2193bbbb",
        "customer_id": "70",
        "contact_id": "intercom:524",
    }


@pytest.mark.parametrize(("author", "by"), [("bot", "bot"), ("admin", "agent"), ("team", "agent")])
def test_who_answers(author: str, by: str) -> None:
    parts = {"conversation_parts": [{"author": {"type": "user"}}, {"author": {"type": author}}]}
    [replied] = mapped("intercom", with_item("conversation.admin.replied", conversation_parts=parts))
    assert (replied["type"], replied["data"]["by"]) == ("contact.replied", by)


@pytest.mark.parametrize(
    ("source", "medium", "channel"),
    [
        ("email", "email", "email"),
        ("whatsapp", "messaging", "system"),
        ("phone_call", "phone", "phone"),
        ("push", None, "system"),
    ],
)
def test_by_what_it_came(source: str, medium: str | None, channel: str) -> None:
    [opened] = mapped("intercom", with_item("conversation.user.created", source={"type": source}))
    assert (opened["data"].get("medium"), opened["data"]["channel"]) == (medium, channel)


def test_a_rating_is_about_its_conversation() -> None:
    [answered] = mapped("intercom", NOTES["conversation.rating.added"])
    data = answered["data"]
    assert (answered["type"], data["instrument"], data["score"]) == ("survey.answered", "csat", 4)
    assert data["about"] == {"kind": "contact_id", "id": "intercom:524"}
    assert data["identifiers"]["response_id"] == "intercom:524"
    assert not mapped("intercom", with_item("conversation.rating.added", conversation_rating={"rating": None}))


def test_a_ticket_and_its_type() -> None:
    [opened] = mapped("intercom", NOTES["ticket.created"])
    assert (opened["data"]["medium"], opened["data"]["reason"]) == ("form", "returns")
    assert opened["data"]["identifiers"]["contact_id"] == "intercom:626"
    assert types("intercom", NOTES["ticket.closed"]) == ["contact.resolved"]


def test_who_a_contact_is() -> None:
    [linked] = mapped("intercom", NOTES["contact.user.created"])
    assert linked["type"] == "profile.linked"
    assert linked["data"]["identifiers"] == {
        "crm_id": "intercom:6762f0cd1bb69f9f2193bb7c",
        "customer_id": "70",
        "email": "joebloggs@intercom.io",
    }
    [stopped] = mapped("intercom", NOTES["contact.unsubscribed"])
    assert (stopped["type"], stopped["data"]["channel"]) == ("message.unsubscribed", "email")


def test_what_the_api_answers_is_no_notification() -> None:
    assert refused("intercom", OPENED["data"]["item"]) == "missing_type"
