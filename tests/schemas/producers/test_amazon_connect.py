"""Contact records of Amazon Connect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, refused, types

CALL, TRANSFERRED, LEFT, TASK = (json.loads(line) for line in examples("amazon-connect"))


def test_a_call_is_a_contact_with_all_its_times() -> None:
    documents = {document["type"]: document for document in mapped("amazon-connect", CALL)}
    assert list(documents) == [
        "contact.opened",
        "contact.menu_navigated",
        "contact.queued",
        "contact.answered",
        "contact.transferred",
        "contact.ended",
    ]
    assert documents["contact.opened"] == {
        "id": "11111111-0000-4000-8000-000000000001:opened",
        "source": "amazon-connect",
        "type": "contact.opened",
        "time": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "data": {
            "channel": "phone",
            "medium": "phone",
            "direction": "inbound",
            "reason": "delivery",
            "identifiers": {
                "phone": "+12025550123",
                "customer_id": "C-10017",
                "order_id": "10017",
                "contact_id": "11111111-0000-4000-8000-000000000001",
            },
        },
    }
    assert documents["contact.answered"]["data"]["queue_seconds"] == 120
    ended = documents["contact.ended"]["data"]
    assert (ended["talk_seconds"], ended["hold_seconds"], ended["wrap_up_seconds"], ended["by"]) == (200, 300, 45, "agent")
    assert documents["contact.menu_navigated"]["data"]["menu_steps"] == "6"


def test_a_transfer_is_of_the_first_contact() -> None:
    [opened, *_] = mapped("amazon-connect", TRANSFERRED)
    assert opened["data"]["identifiers"]["root_contact_id"] == CALL["ContactId"]
    assert opened["data"]["direction"] == "inbound"


def test_who_leaves_the_queue_has_abandoned() -> None:
    assert types("amazon-connect", LEFT) == ["contact.opened", "contact.queued", "contact.abandoned"]


@pytest.mark.parametrize(("method", "direction"), [("OUTBOUND", "outbound"), ("CALLBACK", "inbound"), ("SOMETHING", None)])
def test_directions(method: str, direction: str | None) -> None:
    [opened, *_] = mapped("amazon-connect", {**CALL, "InitiationMethod": method})
    assert opened["data"].get("direction") == direction


@pytest.mark.parametrize(
    "payload", [TASK, {**CALL, "InitiationMethod": "MONITOR"}, {"source": "aws.connect", "detail": {"contactId": "x"}}]
)
def test_what_no_customer_knows_of(payload: dict[str, Any]) -> None:
    assert types("amazon-connect", payload) == []
    assert refused("amazon-connect", {"Channel": "VOICE"}) == "missing_type"
