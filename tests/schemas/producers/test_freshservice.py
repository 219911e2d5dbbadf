"""Tickets of Freshservice and Freshdesk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, types

TICKET, CREATED, BY_AGENT, NOTE, BY_CUSTOMER, RESOLVED, REOPENED, PRIORITY = map(json.loads, examples("freshservice"))


def test_a_ticket_as_the_api_has_it() -> None:
    assert types("freshservice", TICKET) == ["contact.opened"]
    whole = {"ticket": {**TICKET["ticket"], "stats": {"resolved_at": "2021-11-23T10:00:00Z"}}}
    assert types("freshservice", whole) == ["contact.opened", "contact.resolved"]


def test_a_ticket_that_is_created() -> None:
    [opened] = mapped("freshservice", CREATED)
    assert opened["data"] == {
        "channel": "email",
        "medium": "email",
        "reason": "Delivery",
        "direction": "inbound",
        "identifiers": {
            "crm_id": "freshservice:1400023894235",
            "email": "jane@example.com",
            "phone": "+15005550006",
            "contact_id": "freshservice:14000239433",
        },
    }
    assert types("freshservice", {"ticket": CREATED["data"]["ticket"]}) == ["contact.opened"]


@pytest.mark.parametrize(("payload", "by"), [(BY_AGENT, "agent"), (BY_CUSTOMER, "customer")])
def test_who_replies(payload: dict[str, Any], by: str) -> None:
    [replied] = mapped("freshservice", payload)
    assert (replied["type"], replied["data"]["by"]) == ("contact.replied", by)


def test_notes_and_what_the_customer_does_not_see_are_nothing() -> None:
    assert not types("freshservice", NOTE)
    assert not types("freshservice", PRIORITY)


def test_resolved_and_back() -> None:
    assert types("freshservice", RESOLVED) == ["contact.resolved"]
    assert types("freshservice", REOPENED) == ["contact.reopened"]
    ticket = RESOLVED["data"]["ticket"]
    closed = {**RESOLVED, "data": {"ticket": {**ticket, "changes": {"status": [4, 5]}}}}
    assert not types("freshservice", closed)
