"""Rows of Google Analytics 4's export."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, types

ROWS = [json.loads(line) for line in examples("ga4")]
VIEW, PURCHASE = ROWS[1], ROWS[6]


def test_what_each_row_is() -> None:
    assert [types("ga4", row) for row in ROWS] == [
        [],
        ["page.viewed"],
        ["search.performed"],
        ["cart.item_added"],
        ["checkout.started"],
        ["task.step_reached"],
        ["order.placed"],
        [],
    ]


def test_a_page_view() -> None:
    [viewed] = mapped("ga4", VIEW)
    assert viewed["time"] == datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert viewed["data"] == {
        "channel": "web",
        "device": "mobile",
        "acquisition": "paid",
        "page": "https://shop.example.com/shoes",
        "identifiers": {"anonymous_id": "1034456788.1714000000", "visit_id": "1034456788.1714000000.1714564790"},
    }


def test_a_purchase() -> None:
    [placed] = mapped("ga4", PURCHASE)
    assert (placed["data"]["value"], placed["data"]["currency"]) == (49.9, "EUR")
    assert placed["data"]["identifiers"]["order_id"] == "10017"
    unset = {**PURCHASE, "ecommerce": {"transaction_id": "(not set)"}, "event_params": []}
    assert "order_id" not in mapped("ga4", unset)[0]["data"]["identifiers"]


def test_rows_that_differ_in_their_place_in_an_upload_are_two_events() -> None:
    [one], [other] = mapped("ga4", VIEW), mapped("ga4", {**VIEW, "batch_event_index": "3"})
    assert one["id"] != other["id"]
    assert mapped("ga4", VIEW) == [one]


def test_two_peoples_sessions_of_one_moment_are_two() -> None:
    [one], [other] = mapped("ga4", VIEW), mapped("ga4", {**VIEW, "user_pseudo_id": "7"})
    assert one["data"]["identifiers"]["visit_id"] != other["data"]["identifiers"]["visit_id"]
