"""Klaviyo's system webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, types

MAIL, BOUNCE, SMS, STOP, JOIN = map(json.loads, examples("klaviyo"))


def test_a_body_has_several_events() -> None:
    found = mapped("klaviyo", MAIL)
    assert [(one["id"], one["type"]) for one in found] == [
        ("4L3cwQae2T0", "message.delivered"),
        ("4L3cwQae2T1", "message.opened"),
        ("4L3cwQae2T2", "message.clicked"),
    ]
    assert [one["data"].get("machine") for one in found] == [None, True, None]
    assert found[0]["time"] == datetime(2024, 1, 4, 18, 5, 25, tzinfo=UTC)
    assert found[0]["data"]["identifiers"] == {
        "crm_id": "klaviyo:01HKB4YQ0W3F0M1A2B3C4D5E6F",
        "customer_id": "17",
        "email": "jane@example.com",
        "phone": "+15005550006",
        "message_id": "klaviyo:01HK8M:01HKB4YQ0W3F0M1A2B3C4D5E6F",
    }


def test_a_profile_that_is_not_included() -> None:
    [bounced] = mapped("klaviyo", BOUNCE)
    assert (bounced["type"], bounced["data"]["reason"], bounced["data"]["recipient"]) == (
        "message.bounced",
        "Hard",
        "jane@example.com",
    )
    assert bounced["data"]["identifiers"]["email"] == "jane@example.com"


def test_the_channel_of_a_message() -> None:
    [sent], [stopped] = mapped("klaviyo", SMS), mapped("klaviyo", STOP)
    assert (sent["type"], sent["data"]["channel"], sent["data"]["recipient"]) == ("message.sent", "sms", "+15005550006")
    assert (stopped["type"], stopped["data"]["channel"]) == ("message.unsubscribed", "email")
    assert not types("klaviyo", JOIN)
