"""Mail providers: what their events become."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.schemas.producers.reading import mapped, refused, types

SENDGRID: dict[str, Any] = {
    "email": "person@example.com",
    "timestamp": 1714564800,
    "sg_event_id": "event-1",
    "sg_message_id": "call-1.filter0425p1mdw1.13037.57168B4A1D.0",
    "event": "open",
}
MAILGUN: dict[str, Any] = {
    "event": "opened",
    "id": "ncV2XwymRUKbPek_MIM-Gw",
    "timestamp": 1714564800.25,
    "recipient": "person@example.com",
    "tags": ["welcome"],
    "message": {"headers": {"message-id": "20240501@example.org"}},
}
POSTMARK: dict[str, Any] = {
    "RecordType": "Open",
    "MessageID": "f4830d10",
    "Recipient": "person@example.com",
    "ReceivedAt": "2024-05-01T08:00:00.3963933-04:00",
    "MessageStream": "broadcast",
}
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_sendgrid_opens() -> None:
    [opened] = mapped("sendgrid", SENDGRID)
    assert opened == {
        "id": "event-1",
        "source": "sendgrid",
        "type": "message.opened",
        "time": NOON,
        "data": {
            "channel": "email",
            "recipient": "person@example.com",
            "identifiers": {"email": "person@example.com", "message_id": "call-1 person@example.com"},
        },
    }
    [by_a_machine] = mapped("sendgrid", {**SENDGRID, "sg_machine_open": True})
    assert by_a_machine["data"]["machine"] is True


def test_sendgrids_arrays_are_several_events_and_what_was_dropped_is_no_bounce() -> None:
    batch = [
        SENDGRID,
        {**SENDGRID, "event": "dropped"},
        {**SENDGRID, "event": "bounce", "sg_event_id": "event-2", "type": "blocked"},
    ]
    opened, bounced = mapped("sendgrid", batch)
    assert (opened["id"], bounced["id"], bounced["type"]) == ("event-1", "event-2", "message.bounced")
    assert bounced["data"]["reason"] == "blocked"


def test_a_message_to_two_people_is_two_messages() -> None:
    for name, payload, who in (
        ("sendgrid", SENDGRID, "email"),
        ("mailgun", MAILGUN, "recipient"),
        ("postmark", POSTMARK, "Recipient"),
    ):
        messages = [
            mapped(name, {**payload, who: address})[0]["data"]["identifiers"]["message_id"]
            for address in ("a@example.com", "b@example.com")
        ]
        assert messages[0] != messages[1]


def test_what_lacks_an_id_or_a_time_is_refused() -> None:
    assert refused("sendgrid", {key: value for key, value in SENDGRID.items() if key != "sg_event_id"}) == "missing_id"
    assert refused("sendgrid", {key: value for key, value in SENDGRID.items() if key != "timestamp"}) == "missing_time"
    assert refused("sendgrid", {"email": "person@example.com"}) == "missing_type"
    assert refused("postmark", {"RecordType": "Open", "MessageID": "m"}) == "missing_time"


def test_mailgun_in_todays_and_in_the_older_form() -> None:
    [opened] = mapped("mailgun", {"signature": {"token": "t"}, "event-data": MAILGUN})
    assert (opened["id"], opened["time"]) == (MAILGUN["id"], NOON + timedelta(milliseconds=250))
    assert opened["data"]["campaign"] == "welcome"
    older = {
        "event": "bounced",
        "recipient": "person@example.com",
        "timestamp": "1714564800",
        "Message-Id": "<20240501@example.org>",
    }
    [bounced] = mapped("mailgun", {**older, "token": "one", "signature": "x"})
    [again] = mapped("mailgun", {**older, "token": "two", "signature": "y"})
    assert bounced == again
    assert bounced["time"] == NOON
    assert bounced["data"]["identifiers"]["message_id"] == opened["data"]["identifiers"]["message_id"]


@pytest.mark.parametrize(("severity", "expected"), [("permanent", ["message.bounced"]), ("temporary", [])])
def test_a_try_of_mailguns_that_is_repeated_is_no_bounce(severity: str, expected: list[str]) -> None:
    assert types("mailgun", {"event-data": {**MAILGUN, "event": "failed", "severity": severity}}) == expected


def test_mailgun_names_the_bot_that_opened() -> None:
    [opened] = mapped("mailgun", {"event-data": {**MAILGUN, "client-info": {"bot": "apple"}}})
    assert opened["data"]["machine"] is True


def test_a_form_of_mailguns_in_its_wrapping() -> None:
    body = "event=delivered&recipient=person%40example.com&timestamp=1714564800&Message-Id=%3Cm%40example.org%3E"
    [delivered] = mapped("mailgun", {"_content_type": "application/x-www-form-urlencoded", "_body": body})
    assert delivered["data"]["identifiers"] == {"email": "person@example.com", "message_id": "m@example.org person@example.com"}


def test_postmark_opens() -> None:
    [opened] = mapped("postmark", POSTMARK)
    assert opened["time"] == NOON + timedelta(microseconds=396_393)
    assert opened["data"]["kind"] == "marketing"
    [again] = mapped("postmark", POSTMARK)
    assert opened == again
    [later] = mapped("postmark", {**POSTMARK, "ReceivedAt": "2024-05-01T08:00:01Z"})
    assert later["id"] != opened["id"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("HardBounce", ["message.bounced"]),
        ("SoftBounce", []),
        ("Transient", []),
        ("Unsubscribe", ["message.unsubscribed"]),
        ("SpamNotification", ["message.complained"]),
    ],
)
def test_postmarks_bounces_of_many_kinds(kind: str, expected: list[str]) -> None:
    payload = {
        "RecordType": "Bounce",
        "ID": 9,
        "Type": kind,
        "MessageID": "m",
        "Email": "a@example.com",
        "BouncedAt": "2024-05-01T12:00:00Z",
    }
    assert types("postmark", payload) == expected


def test_postmarks_list_changes_that_a_bounce_made_are_no_wish() -> None:
    payload = {
        "RecordType": "SubscriptionChange",
        "MessageID": "m",
        "Recipient": "a@example.com",
        "ChangedAt": "2024-05-01T12:00:00Z",
    }
    assert types("postmark", {**payload, "SuppressSending": True, "SuppressionReason": "ManualSuppression"}) == [
        "message.unsubscribed"
    ]
    assert types("postmark", {**payload, "SuppressSending": True, "SuppressionReason": "HardBounce"}) == []
    assert types("postmark", {**payload, "SuppressSending": False}) == []


SES_MAIL: dict[str, Any] = {
    "messageId": "0100018f",
    "timestamp": "2024-05-01T12:00:00Z",
    "destination": ["a@example.com", "b@example.com"],
}


def test_ses_says_what_happened_to_each_recipient() -> None:
    sent = mapped("ses", {"eventType": "Send", "mail": SES_MAIL, "send": {}})
    assert [document["data"]["identifiers"]["message_id"] for document in sent] == [
        "0100018f a@example.com",
        "0100018f b@example.com",
    ]
    assert {document["time"] for document in sent} == {NOON}
    assert len({document["id"] for document in sent}) == 2
    bounce = {"bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2024-05-01T12:00:01Z"}
    told = {
        "eventType": "Bounce",
        "mail": SES_MAIL,
        "bounce": {**bounce, "bouncedRecipients": [{"emailAddress": "b@example.com"}]},
    }
    [bounced] = mapped("ses", told)
    assert (bounced["data"]["recipient"], bounced["data"]["reason"]) == ("b@example.com", "General")
    told["bounce"] = {**told["bounce"], "bounceType": "Transient"}  # type: ignore[dict-item] # of mixed values
    assert types("ses", told) == []


def test_ses_cannot_say_who_opened_a_message_to_two() -> None:
    opened = {"eventType": "Open", "mail": SES_MAIL, "open": {"timestamp": "2024-05-01T12:00:01Z"}}
    assert types("ses", opened) == []
    opened["mail"] = {**SES_MAIL, "destination": ["a@example.com"]}
    assert types("ses", opened) == ["message.opened"]


def test_ses_in_its_envelopes_is_the_same_event() -> None:
    event = {"eventType": "Send", "mail": SES_MAIL, "send": {}}
    by_sns = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(event)}
    by_eventbridge = {"source": "aws.ses", "detail-type": "Email Sent", "detail": event}
    assert mapped("ses", by_sns) == mapped("ses", by_eventbridge) == mapped("ses", event)
    assert types("ses", {"Type": "SubscriptionConfirmation", "Token": "t", "TopicArn": "arn:aws:sns:x", "Message": "m"}) == []


def test_brevo_tells_a_first_opening_twice() -> None:
    payload = {
        "event": "opened",
        "email": "a@example.com",
        "message-id": "<m@relay>",
        "ts_epoch": 1714564800000,
        "tags": ["welcome"],
    }
    assert mapped("brevo", payload) == mapped("brevo", {**payload, "event": "unique_opened"})
    [opened] = mapped("brevo", {**payload, "event": "proxy_open"})
    assert (opened["time"], opened["data"]["machine"], opened["data"]["campaign"]) == (NOON, True, "welcome")
    assert types("brevo", {**payload, "event": "soft_bounce"}) == []


def test_mailjets_bounces_are_hard_ones() -> None:
    payload = {"event": "bounce", "MessageID": 1, "email": "a@example.com", "time": 1714564800, "error": "user unknown"}
    assert types("mailjet", {**payload, "hard_bounce": False}) == []
    [bounced] = mapped("mailjet", [{**payload, "hard_bounce": True}])
    assert (bounced["time"], bounced["data"]["reason"]) == (NOON, "user unknown")
    assert types("mailjet", {**payload, "event": "sent"}) == ["message.delivered"]


def test_customerio_in_every_channel() -> None:
    payload = {
        "event_id": "01E4",
        "object_type": "email",
        "metric": "clicked",
        "timestamp": 1714564800,
        "data": {"identifiers": {"id": "u-17"}, "delivery_id": "RPIL", "recipient": "a@example.com", "campaign_id": 7},
    }
    [clicked] = mapped("customerio", payload)
    assert (clicked["id"], clicked["type"], clicked["time"]) == ("01E4", "message.clicked", NOON)
    assert clicked["data"] == {
        "channel": "email",
        "recipient": "a@example.com",
        "campaign": "7",
        "kind": "marketing",
        "identifiers": {"customer_id": "u-17", "email": "a@example.com", "message_id": "RPIL"},
    }
    [sent] = mapped(
        "customerio",
        {**payload, "object_type": "sms", "metric": "sent", "data": {"recipient": "+12025550123", "delivery_id": "R"}},
    )
    assert (sent["data"]["channel"], sent["data"]["identifiers"]["phone"]) == ("sms", "+12025550123")
    assert types("customerio", {**payload, "object_type": "slack"}) == []
    assert types("customerio", {**payload, "metric": "failed"}) == []


def test_iterable_opens_and_pushes() -> None:
    fields = {"messageId": "m", "createdAt": "2024-05-01 14:00:00 +02:00", "campaignName": "spring"}
    payload = {"email": "a@example.com", "userId": "17", "eventName": "emailOpen", "dataFields": fields}
    [opened] = mapped("iterable", payload)
    assert (opened["type"], opened["time"]) == ("message.opened", NOON)
    assert opened["data"]["identifiers"] == {"email": "a@example.com", "message_id": "m a@example.com", "user_id": "17"}
    [tapped] = mapped("iterable", {**payload, "eventName": "pushOpen"})
    assert (tapped["type"], tapped["data"]["channel"]) == ("message.clicked", "push")
    assert types("iterable", {**payload, "eventName": "emailSendSkip"}) == []
