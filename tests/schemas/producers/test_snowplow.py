"""Snowplow's enriched events, as lines and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.pages import examples
from schemas.formats.producers.snowplow import FIELDS, PRODUCER
from schemas.rejections import Reason, Refusal
from tests.schemas.producers.reading import mapped, types

VIEW: dict[str, Any] = {
    "event": "page_view",
    "event_name": "page_view",
    "event_id": "c6ef3124",
    "platform": "web",
    "derived_tstamp": "2024-05-01T12:00:00.123Z",
    "collector_tstamp": "2024-05-01T12:00:09Z",
    "domain_userid": "bc2e92ec6c204a14",
    "page_urlpath": "/shoes",
}
SHOP = "com_snowplowanalytics_snowplow_ecommerce"


def action(kind: str, **entities: dict[str, Any]) -> dict[str, Any]:
    return {
        **VIEW,
        "event": "unstruct",
        "event_name": "snowplow_ecommerce_action",
        f"unstruct_event_{SHOP}_snowplow_ecommerce_action_1": {"type": kind},
        **{f"contexts_{SHOP}_{name}_1": [entity] for name, entity in entities.items()},
    }


def test_a_line_of_tab_separated_fields() -> None:
    assert len(FIELDS) == len(set(FIELDS)) == 131
    line = examples("snowplow")[0]
    assert PRODUCER(line, ()) == [
        {
            "id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
            "source": "snowplow",
            "type": "page.viewed",
            "time": datetime(2024, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC),
            "data": {
                "channel": "web",
                "device": "mobile",
                "acquisition": "paid",
                "market": "de",
                "page": "/shoes",
                "identifiers": {
                    "user_id": "u-17",
                    "anonymous_id": "bc2e92ec6c204a14",
                    "visit_id": "437ad25b-2006-455e-b5d8-d664b74df8f0",
                },
            },
        }
    ]


def test_every_kind_of_line() -> None:
    found = [PRODUCER(line, ()) for line in examples("snowplow")]
    assert [documents[0]["type"] if isinstance(documents, list) else None for documents in found] == [
        "page.viewed",
        None,
        "element.clicked",
        "search.performed",
        "cart.item_added",
        "checkout.started",
        "order.placed",
        "page.viewed",
        "page.viewed",
        "error.shown",
        None,
    ]
    searched, placed, robot, screen = (
        documents[0]["data"] for documents in (found[3], found[6], found[7], found[8]) if isinstance(documents, list)
    )
    assert searched["results"] == 0
    assert (placed["value"], placed["currency"], placed["identifiers"]["order_id"]) == (49.9, "EUR", "10017")
    assert robot["traffic"] == "bot"
    assert (screen["channel"], screen["page"]) == ("app", "basket")
    assert screen["identifiers"]["device_id"] == "5e8f9b6e-7f1f-4d0c-8c6b-0f8f6a1c7d13"


def test_the_truest_time_counts() -> None:
    [viewed] = mapped("snowplow", {**VIEW, "true_tstamp": "2024-05-01T11:59:59Z"})
    assert viewed["time"] == datetime(2024, 5, 1, 11, 59, 59, tzinfo=UTC)
    [viewed] = mapped("snowplow", {key: value for key, value in VIEW.items() if key != "derived_tstamp"})
    assert viewed["time"] == datetime(2024, 5, 1, 12, 0, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "entities", "expected"),
    [
        ("product_view", {}, []),
        ("add_to_cart", {"cart": {"cart_id": "c"}}, ["cart.item_added"]),
        ("checkout_step", {"checkout_step": {"step": 2}}, ["task.step_reached"]),
        ("transaction_error", {"transaction_error": {"error_code": "declined"}}, ["payment.failed"]),
        ("refund", {"refund": {"transaction_id": "1", "refund_amount": 5, "currency": "EUR"}}, ["order.refunded"]),
        ("", {}, []),
    ],
)
def test_what_is_done_in_a_shop(kind: str, entities: dict[str, Any], expected: list[str]) -> None:
    assert types("snowplow", action(kind, **entities)) == expected


def test_what_is_no_enriched_event() -> None:
    found = PRODUCER(b"a\tb\tc", ())
    assert isinstance(found, Refusal)
    assert (found.reason, found.detail) == (Reason.UNSUPPORTED_CONTENT, "should be JSON or 131 tab-separated fields; has 3")
    broken = "\t".join("{" if name == "contexts" else "x" for name in FIELDS).encode()
    assert isinstance(PRODUCER(broken, ()), Refusal)
