"""Segment's and RudderStack's calls: times, identifiers, channels and the spec's events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats import Mapped, find_format
from schemas.formats.segment_events import EVENTS
from schemas.outcomes import Ignore, Silence
from schemas.rejections import Reason, Refusal
from schemas.touchpoints import MODELS, AnyTouchpoint

T = "2024-05-01T12:00:00Z"
WEB: dict[str, Any] = {"library": {"name": "analytics.js"}, "page": {"path": "/p"}}


def mapped(call: Any, name: str = "segment") -> Mapped:
    return find_format(name)(json.dumps(call).encode(), ())


def one(**call: Any) -> dict[str, Any]:
    result = mapped({"type": "track", "messageId": "m1", "userId": "u", "timestamp": T, **call})
    assert isinstance(result, list), result
    assert len(result) == 1
    AnyTouchpoint.validate_python(result[0])
    return result[0]


def track(event: str, **properties: Any) -> dict[str, Any]:
    return one(event=event, properties=properties)


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_table_is_a_valid_touchpoint(name: str) -> None:
    event = EVENTS[name]
    properties = dict.fromkeys((source for sources in event.properties.values() for source in sources), "1")
    document = one(event=name, properties={**properties, "currency": "EUR"})
    assert document["type"] == event.type
    data = MODELS[event.type].model_fields["data"].annotation
    assert set(document["data"]) <= set(getattr(data, "model_fields", ()))


@pytest.mark.parametrize("spelling", ["Order Completed", "order_completed", "orderCompleted", "ORDER COMPLETED "])
def test_spellings_of_one_event(spelling: str) -> None:
    document = track(spelling, order_id=17, total="19.99", revenue=5, currency="EUR", cart_id="c")
    assert document["type"] == "order.placed"
    assert document["data"]["order_id"] == 17
    assert document["data"]["value"] == "19.99"
    assert document["data"]["identifiers"] == {"user_id": "u", "cart_token": "c"}


def test_an_own_event_is_ignored() -> None:
    for event in ("Song Played", "x" * 1000, "\U0001f600"):
        assert mapped({"type": "track", "event": event, "userId": "u", "timestamp": T}) == Ignore(Silence.UNMAPPED_EVENT)


@pytest.mark.parametrize("event", [None, "", " ", 5, []])
def test_a_track_call_has_a_name(event: Any) -> None:
    result = mapped({"type": "track", "event": event, "userId": "u", "timestamp": T})
    assert isinstance(result, Refusal)
    assert result.reason == Reason.MISSING_TYPE


def test_page_and_screen() -> None:
    page = one(type="PAGE", name="Home", context=WEB)
    assert (page["type"], page["data"]["channel"]) == ("page.viewed", "web")
    assert (page["data"]["page"], page["data"]["page_group"]) == ("/p", "Home")
    screen = one(type="screen", properties={"name": "Main"})
    assert (screen["type"], screen["data"]["channel"], screen["data"]["page"]) == ("page.viewed", "app", "Main")


def test_product_views_count_once_where_page_calls_do() -> None:
    view = {"type": "track", "event": "Product Viewed", "userId": "u", "timestamp": T, "messageId": "m"}
    assert isinstance(mapped(view), list)
    assert mapped(view, "segment:page-calls") == Ignore(Silence.UNMAPPED_EVENT)
    assert isinstance(mapped({**view, "event": "Product Added"}, "segment:page-calls"), list)


def test_old_spellings() -> None:
    call = {"action": "Track", "event": "Viewed Product", "user_id": "u", "anonymous_id": "a", "timestamp": T, "messageId": "m"}
    result = mapped(call)
    assert isinstance(result, list)
    assert result[0]["data"]["identifiers"] == {"user_id": "u", "anonymous_id": "a"}


def test_identifiers_of_an_identify_call() -> None:
    call = one(
        type="identify",
        userId=34567,
        anonymousId="a",
        groupId="g",
        traits={"email": "a@example.com", "phone": "+4930901820"},
        context={"device": {"id": "d"}, "sessionId": 99, "traits": {"email": "old@example.com"}},
    )
    assert call["type"] == "profile.linked"
    assert call["data"]["identifiers"] == {
        "user_id": 34567,
        "anonymous_id": "a",
        "email": "a@example.com",
        "phone": "+4930901820",
        "device_id": "d",
        "account_id": "g",
        "visit_id": 99,
    }


def test_what_is_no_identifier_costs_only_itself() -> None:
    assert one(type="identify", userId="u", anonymousId=[1], traits={"email": True})["data"]["identifiers"] == {"user_id": "u"}


def test_an_alias_links_both_ids() -> None:
    assert one(type="alias", previousId="a")["data"]["identifiers"] == {"user_id": "u", "anonymous_id": "a"}
    assert one(type="alias", previousId="a@example.com")["data"]["identifiers"] == {"user_id": "u", "email": "a@example.com"}


def test_an_alias_with_a_second_anonymous_id_is_two_statements() -> None:
    result = mapped({"type": "alias", "messageId": "m", "userId": "u", "previousId": "a", "anonymousId": "b", "timestamp": T})
    assert isinstance(result, list)
    assert [document["data"]["identifiers"]["anonymous_id"] for document in result] == ["a", "b"]
    assert [document["id"] for document in result] == ["m", "m\0001"]


@pytest.mark.parametrize(
    ("times", "time", "sent", "received"),
    [
        ({"timestamp": T}, 0, None, None),
        ({"timestamp": T, "sentAt": "2024-05-01T12:00:05Z"}, 0, 5, None),
        ({"timestamp": T, "sentAt": "2024-05-01T12:00:05Z", "receivedAt": "2024-05-01T12:00:09Z"}, 0, None, None),
        ({"timestamp": T, "originalTimestamp": "2024-05-01T12:00:05Z", "sentAt": "2024-05-01T12:00:05Z"}, 0, None, None),
        ({"originalTimestamp": T, "sentAt": "2024-05-01T12:00:05Z"}, 0, 5, None),
        ({"originalTimestamp": T, "sentAt": "2024-05-01T12:00:05Z", "receivedAt": "2024-05-01T12:00:09Z"}, 0, 5, 9),
        ({"originalTimestamp": T, "receivedAt": "2024-05-01T12:00:09Z"}, 0, None, None),
        ({"sentAt": "2024-05-01T12:00:05Z", "receivedAt": "2024-05-01T12:00:09Z"}, 9, None, None),
        ({"sentAt": "2024-05-01T12:00:05Z"}, 5, None, None),
        ({"timestamp": "2024-05-01t17:30:00+05:30"}, 0, None, None),
        ({"timestamp": 1714564800000}, 0, None, None),
        ({"timestamp": 1714564800}, 0, None, None),
        ({"timestamp": "2024-05-01T12:00:00"}, 0, None, None),
    ],
)
def test_which_of_the_times_counts(times: dict[str, Any], time: int, sent: int | None, received: int | None) -> None:
    def second(after: int | None) -> datetime | None:
        return None if after is None else datetime(2024, 5, 1, 12, 0, after, tzinfo=UTC)

    document = one(**{"timestamp": None, "event": "Product Added", **times})
    data = document["data"]
    assert (document["time"], data.get("sent_at"), data.get("received_at")) == (second(time), second(sent), second(received))


def test_a_call_without_a_time_is_refused() -> None:
    result = mapped({"type": "page", "userId": "u"})
    assert isinstance(result, Refusal)
    assert result.reason == Reason.MISSING_TIME


def test_without_a_message_id_a_retry_is_the_same_event() -> None:
    call = {"type": "page", "userId": "u", "timestamp": T}
    ids = [one(messageId=None, **{**call, **more})["id"] for more in ({}, {"sentAt": T}, {"receivedAt": T}, {"userId": "v"})]
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] != ids[0]


@pytest.mark.parametrize(
    ("call", "channel"),
    [
        ({"event": "Order Completed", "context": WEB}, "web"),
        ({"event": "Order Completed", "channel": "browser"}, "web"),
        ({"event": "Order Completed", "channel": "mobile"}, "app"),
        ({"event": "Order Completed", "context": {"device": {"type": "ios"}}}, "app"),
        ({"event": "Order Completed", "context": {"library": {"name": "analytics-python"}}}, "system"),
        ({"event": "Order Completed", "channel": "server", "context": WEB}, "system"),
        ({"event": "Order Completed"}, "system"),
        ({"event": "Product Added"}, "web"),
        ({"event": "Email Opened", "context": WEB}, "email"),
        ({"type": "identify", "context": WEB}, "system"),
    ],
)
def test_where_it_happened(call: dict[str, Any], channel: str) -> None:
    assert one(**call)["data"]["channel"] == channel


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11) AppleWebKit/537.36 Chrome/46.0 Safari/537.36", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) Mobile/14G60", "mobile"),
        ("Mozilla/5.0 (Linux; Android 10; Pixel) Chrome/80 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 10; SM-T500) Chrome/80 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) Mobile/15E148", "tablet"),
        ("Dalvik/2.1.0 (Linux; U; Android 8.1.0)", "mobile"),
        ("curl/8.0", "other"),
    ],
)
def test_devices(agent: str, device: str) -> None:
    assert one(type="page", context={"userAgent": agent})["data"]["device"] == device


def test_a_crawler_is_no_person() -> None:
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1)"
    assert one(type="page", context={"userAgent": agent})["data"]["traffic"] == "bot"


def test_campaigns_are_acquisition() -> None:
    found = [
        one(type="page", context={"campaign": {"medium": medium}})["data"].get("acquisition") for medium in ("CPC", "email", 5)
    ]
    assert found == ["paid", "email", None]


def test_a_message_without_a_conversation_is_no_contact() -> None:
    assert track("Message Sent", conversation_id="c")["data"]["by"] == "customer"
    assert mapped({"type": "track", "event": "Message Sent", "userId": "u", "timestamp": T}) == Ignore(Silence.UNMAPPED_EVENT)


def test_batches_of_the_http_api() -> None:
    page = {"type": "page", "userId": "u", "messageId": "1", "originalTimestamp": T}
    own = {**page, "type": "track", "event": "Song Played"}
    result = mapped({"batch": [page, own, {**page, "messageId": "2"}], "sentAt": "2024-05-01T12:00:05Z"})
    assert isinstance(result, list)
    assert [document["id"] for document in result] == ["1", "2"]
    assert all("sent_at" in document["data"] for document in result)
    assert mapped({"batch": []}) == Ignore(Silence.EMPTY_BATCH)
    assert mapped([own]) == Ignore(Silence.UNMAPPED_EVENT)
    refused = mapped([page, {**page, "type": "Rndm"}])
    assert refused == Refusal(Reason.UNKNOWN_TYPE, "[1] type: is no call of the spec")
