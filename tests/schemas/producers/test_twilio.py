"""Twilio's calls, messages and TaskRouter events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.pages import examples
from schemas.formats.payload import Headers
from schemas.formats.producers import producers
from tests.schemas.producers.reading import mapped, types

LINES = examples("twilio")
CALL: dict[str, Any] = json.loads(LINES[0])
MESSAGE: dict[str, Any] = json.loads(LINES[1])


def told(value: bytes, headers: Headers = ()) -> list[dict[str, Any]]:
    """What a record gives: of a form, where its header or what is around it says so."""
    found = producers()["twilio"](value, headers)
    return found if isinstance(found, list) else []


def test_a_call_as_the_api_lists_it() -> None:
    opened, ended = mapped("twilio", CALL)
    assert (opened["type"], opened["time"]) == ("contact.opened", datetime(2010, 8, 31, 20, 36, 29, tzinfo=UTC))
    assert (ended["type"], ended["time"]) == ("contact.ended", datetime(2010, 8, 31, 20, 36, 44, tzinfo=UTC))
    assert ended["data"] == {
        "channel": "phone",
        "medium": "phone",
        "direction": "inbound",
        "talk_seconds": 15,
        "identifiers": {"phone": "+14158675308", "contact_id": f"twilio:{CALL['sid']}"},
    }


def test_an_outbound_call_is_with_whom_it_was_made_to() -> None:
    opened, _ = mapped("twilio", {**CALL, "direction": "outbound-api"})
    assert opened["data"]["direction"] == "outbound"
    assert opened["data"]["identifiers"]["phone"] == CALL["to"]
    [opened, _] = mapped("twilio", {**CALL, "from": "client:alice"})
    assert "phone" not in opened["data"]["identifiers"]


@pytest.mark.parametrize("change", [{"direction": "outbound-dial"}, {"parent_call_sid": "CA1"}, {"status": "no-answer"}])
def test_legs_and_calls_that_nobody_took_are_no_contact(change: dict[str, Any]) -> None:
    assert not types("twilio", {**CALL, **change})


def test_a_call_and_its_task_are_one_contact() -> None:
    found = [one for line in LINES for one in told(line) if "contact_id" in one["data"]["identifiers"]]
    call = [one for one in found if one["data"]["identifiers"]["contact_id"] == "twilio:CA0123456789abcdef0123456789abcdef"]
    assert [one["type"] for one in call] == [
        "contact.opened",
        "contact.ended",
        "contact.opened",
        "contact.queued",
        "contact.answered",
        "contact.ended",
    ]
    assert call[0]["time"] == datetime(2025, 1, 8, 10, 14, 0, tzinfo=UTC)
    assert call[2]["data"]["identifiers"] == {
        "phone": "+14155550123",
        "email": "jane@example.com",
        "customer_id": "17",
        "contact_id": "twilio:CA0123456789abcdef0123456789abcdef",
    }
    assert call[4]["time"] == datetime(2025, 1, 8, 10, 14, 55, tzinfo=UTC)


def test_a_chat_whose_customer_left() -> None:
    [left] = told(LINES[-1])
    assert (left["type"], left["data"]["medium"]) == ("contact.abandoned", "chat")
    assert left["data"]["identifiers"] == {"customer_id": "18", "contact_id": "twilio:WT0123456789abcdef0123456789abcde0"}


@pytest.mark.parametrize("attributes", ["", "{", "3", '"x"', "[]", "{}"])
def test_a_task_without_usable_attributes_is_one_all_the_same(attributes: str) -> None:
    form = f"EventType=task.created&Sid=EV1&TaskSid=WT1&TimestampMs=1736331250000&TaskAttributes={attributes}"
    [opened] = told(form.encode(), (("content-type", b"application/x-www-form-urlencoded"),))
    assert opened["data"]["identifiers"] == {"contact_id": "twilio:WT1"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [("sent", "message.sent"), ("delivered", "message.delivered"), ("read", "message.opened"), ("failed", "message.bounced")],
)
def test_messages_to_customers(status: str, kind: str) -> None:
    [message] = mapped("twilio", {**MESSAGE, "status": status})
    assert (message["type"], message["id"]) == (kind, f"{MESSAGE['sid']}:{kind.split('.')[1]}")
    assert message["data"].get("reason") == ("30007" if status == "failed" else None)
    [message] = mapped("twilio", {**MESSAGE, "status": status, "to": "whatsapp:+14155550123"})
    assert (message["data"]["channel"], message["data"]["identifiers"]["phone"]) == ("social", "+14155550123")


def test_what_customers_write_is_no_message_of_ours() -> None:
    assert not types("twilio", {**MESSAGE, "direction": "inbound", "status": "received"})
    assert not types("twilio", {**MESSAGE, "direction": "inbound", "status": "delivered"})
