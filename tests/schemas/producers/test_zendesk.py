"""Zendesk's event webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, types

TICKET: dict[str, Any] = json.loads(examples("zendesk")[0])


def ticket(**detail: Any) -> dict[str, Any]:
    return {**TICKET, "detail": {**TICKET["detail"], **detail}}


def event(kind: str, what: dict[str, Any]) -> dict[str, Any]:
    return {**TICKET, "type": f"zen:event-type:ticket.{kind}", "event": what}


def test_a_customers_ticket() -> None:
    [opened] = mapped("zendesk", TICKET)
    assert opened == {
        "id": TICKET["id"],
        "source": "zendesk",
        "type": "contact.opened",
        "time": datetime(2025, 1, 8, 10, 12, 7, 672717, tzinfo=UTC),
        "data": {
            "channel": "system",
            "medium": "form",
            "reason": "QUESTION",
            "direction": "inbound",
            "identifiers": {"crm_id": "zendesk:8447388090494", "contact_id": "zendesk:5158"},
        },
    }


@pytest.mark.parametrize(("via", "direction"), [("web", "outbound"), ("voice", "inbound"), ("phone_call_outbound", "outbound")])
def test_a_ticket_that_an_agent_wrote(via: str, direction: str) -> None:
    [opened] = mapped("zendesk", ticket(submitter_id="1", via={"channel": via}))
    assert opened["data"]["direction"] == direction


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ({"is_public": True, "author": {"id": "1", "is_staff": True}}, "agent"),
        ({"is_public": True, "author": {"id": "8447388090494", "is_staff": False}}, "customer"),
        ({"is_public": True, "author": {"id": "77", "is_staff": False}}, "customer"),
        ({"is_public": True, "author": {"id": "-1", "is_staff": False}}, None),
        ({"is_public": False, "author": {"id": "1", "is_staff": True}}, None),
    ],
)
def test_replies_are_public_and_by_somebody(comment: dict[str, Any], expected: str | None) -> None:
    found = [document["data"]["by"] for document in mapped("zendesk", event("comment_added", {"comment": comment}))]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        ("OPEN", "SOLVED", ["contact.resolved"]),
        ("OPEN", "CLOSED", ["contact.resolved"]),
        ("SOLVED", "CLOSED", []),
        ("SOLVED", "OPEN", ["contact.reopened"]),
        ("NEW", "OPEN", []),
        ("OPEN", "PENDING", []),
    ],
)
def test_statuses(previous: str, current: str, expected: list[str]) -> None:
    assert types("zendesk", event("status_changed", {"previous": previous, "current": current})) == expected


def test_who_a_requester_is() -> None:
    user = json.loads(examples("zendesk")[-1])
    [linked] = mapped("zendesk", user)
    assert linked["data"]["identifiers"] == {
        "crm_id": "zendesk:8447388090494",
        "email": "requester@example.com",
        "customer_id": "C-10017",
    }
    assert types("zendesk", {**user, "detail": {**user["detail"], "role": "agent"}}) == []
