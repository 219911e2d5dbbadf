"""Genesys Cloud's detail events of conversations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, refused, types

EVENTS = [json.loads(line) for line in examples("genesys")]
START = EVENTS[0]


def changed(event: dict[str, Any], **body: Any) -> dict[str, Any]:
    return {**event, "detail": {**event["detail"], "eventBody": {**event["detail"]["eventBody"], **body}}}


def test_a_call_from_beginning_to_end() -> None:
    told = [one for event in EVENTS[:7] for one in mapped("genesys", event)]
    assert [one["type"] for one in told] == [
        "contact.opened",
        "contact.queued",
        "contact.answered",
        "contact.held",
        "contact.ended",
    ]
    assert {one["data"]["identifiers"]["contact_id"] for one in told} == {"genesys:8e1fbd1e-0ad5-4a6e-9f0d-f0a3c5f0c001"}
    opened, _, answered, held, ended = (one["data"] for one in told)
    assert opened["identifiers"]["phone"] == "+13175550100"
    assert opened["identifiers"]["crm_id"] == "genesys:b9b5a5c2-1111-4a6e-9f0d-f0a3c5f0c0aa"
    assert (answered["queue_seconds"], held["hold_seconds"], ended["by"]) == (75, 65, "customer")


def test_a_chat_whose_customer_left_the_queue_by_the_notification_service() -> None:
    told = [one for event in EVENTS[7:] for one in mapped("genesys", event)]
    assert [one["type"] for one in told] == ["contact.opened", "contact.queued", "contact.abandoned"]
    assert {one["data"]["medium"] for one in told} == {"chat"}
    assert all("phone" not in one["data"]["identifiers"] for one in told)


def test_an_outbound_call_is_with_whom_it_was_made_to() -> None:
    [opened] = mapped("genesys", changed(START, direction="OUTBOUND", ani="tel:+13175559999", dnis="tel:+13175550100"))
    assert (opened["data"]["direction"], opened["data"]["identifiers"]["phone"]) == ("outbound", "+13175550100")


def test_an_email_is_of_its_address() -> None:
    [opened] = mapped("genesys", changed(START, mediaType="EMAIL", ani=None, addressFrom="jane@example.com"))
    assert (opened["data"]["channel"], opened["data"]["identifiers"]["email"]) == ("email", "jane@example.com")


@pytest.mark.parametrize(
    ("disconnect", "held", "expected"),
    [("TRANSFER", 0, ["contact.transferred"]), ("CONSULT_TRANSFER", 5, ["contact.held", "contact.transferred"]), ("PEER", 0, [])],
)
def test_what_an_agent_did_last(disconnect: str, held: int, expected: list[str]) -> None:
    assert types("genesys", changed(EVENTS[4], disconnectType=disconnect, heldDurationMs=held)) == expected


def test_other_topics_are_no_detail_events() -> None:
    assert refused("genesys", {"topicName": "v2.users.1.presence", "eventBody": {}}) == "missing_type"
