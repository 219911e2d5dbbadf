"""Debezium's change events of a table of orders, by the shipped mapping."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats import find_format
from schemas.outcomes import Ignore
from schemas.touchpoints import AnyTouchpoint

MAPPER = find_format("mapping:debezium-orders")
ROW: dict[str, Any] = {
    "id": 10017,
    "customer_id": "C-17",
    "email": "person@example.com",
    "status": "placed",
    "total": "49.90",
    "currency": "EUR",
    "promised_at": "2024-05-03T16:00:00Z",
    "updated_at": "2024-05-01T12:00:00.123456Z",
}
SOURCE = {"connector": "postgresql", "db": "shop", "table": "orders", "ts_ms": 1714564800200, "snapshot": "false"}


def change(op: str, after: dict[str, Any] | None, *, schema: bool = False) -> bytes:
    event = {"before": None, "after": after, "source": SOURCE, "op": op, "ts_ms": 1714564800300, "transaction": None}
    return json.dumps({"schema": {"type": "struct"}, "payload": event} if schema else event).encode()


def mapped(raw: bytes) -> list[dict[str, Any]]:
    found = MAPPER(raw, ())
    assert isinstance(found, list)
    for document in found:
        AnyTouchpoint.validate_python(document)
    return found


def test_a_row_is_inserted() -> None:
    [placed] = mapped(change("c", ROW))
    assert (placed["type"], placed["time"]) == ("order.placed", datetime(2024, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC))
    assert placed["data"] == {
        "channel": "system",
        "value": "49.90",
        "currency": "EUR",
        "promised_at": "2024-05-03T16:00:00Z",
        "identifiers": {"order_id": 10017, "customer_id": "C-17", "email": "person@example.com"},
    }


def test_with_and_without_the_schema_around_it_is_one_event() -> None:
    assert mapped(change("c", ROW, schema=True))[0]["data"] == mapped(change("c", ROW))[0]["data"]
    assert mapped(change("c", ROW, schema=True))[0]["id"].strip("\x1f") == mapped(change("c", ROW))[0]["id"].strip("\x1f")


def test_each_status_counts_once() -> None:
    [placed], [again], [shipped] = (
        mapped(change("u", {**ROW, **new}))
        for new in ({}, {"email": "new@example.com", "updated_at": "2024-05-01T13:00:00Z"}, {"status": "shipped"})
    )
    assert placed["id"] == again["id"] != shipped["id"]
    assert shipped["type"] == "shipment.dispatched"


@pytest.mark.parametrize("raw", [change("d", None), change("u", {**ROW, "status": "picking"}), change("t", None)])
def test_what_says_nothing(raw: bytes) -> None:
    assert isinstance(MAPPER(raw, ()), Ignore)
