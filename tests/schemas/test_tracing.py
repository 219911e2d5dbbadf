"""`journey validate` names the fields of the producer's own payload behind a field that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.formats.pages import examples
from streams.core.decode import Decoder
from streams.core.policy import Policy, TopicPolicy
from streams.core.validation import validate_payload


def refused(format_: str, payload: Any) -> dict[str, Any]:
    decoder = Decoder(TopicPolicy("t", format_), Policy())
    entry = validate_payload(decoder, 1, payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    assert entry["outcome"] == "rejected"
    return entry


def example(name: str, holding: bytes) -> Any:
    return next(json.loads(value) for value in examples(name) if holding in value)


def test_a_field_by_its_name_in_the_producers_payload() -> None:
    order = example("shopify", b'"total_price"')
    entry = refused("shopify", order | {"total_price": "a lot"})
    assert entry["detail"].startswith("data.value: ")
    assert entry["fields"] == ["total_price"]


def test_a_field_deep_inside_one_of_several_events() -> None:
    batch = example("klaviyo", b'"attributes"')
    batch["data"][1]["payload"]["data"]["attributes"]["datetime"] = "soon"
    entry = refused("klaviyo", batch)
    assert entry["detail"].startswith("[1] time: ")
    assert entry["fields"] == ["data.1.payload.data.attributes.datetime"]


def test_a_column_of_a_mapping(tmp_path: Path) -> None:
    mapping = tmp_path / "orders.yaml"
    mapping.write_text(
        "source: shop\nid: {columns: [number]}\ntime: at\ntype: {constant: order.placed}\n"
        "identifiers: {order_id: number, customer_id: buyer.id}\nfields: {channel: {constant: web}, value: sum, currency: {columns: [unit, currency]}}\n"
    )
    payload = {"number": "17", "at": "2026-03-02T10:00:00Z", "buyer": {"id": "7"}, "sum": "9,90", "unit": "", "currency": "EUR"}
    assert refused(f"mapping:{mapping}", payload)["fields"] == ["sum"]
    assert refused(f"mapping:{mapping}", payload | {"sum": "9.90", "unit": "doubloon"})["fields"] == ["unit"]


def test_a_contract_field_needs_no_second_name() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/t", "type": "page.viewed", "time": "now", "data": {"identifiers": {}}}
    assert refused("cloudevents", event)["fields"] == []


@pytest.mark.parametrize("raw", [b"no json", b"[", b"{}", b"[]\n[]"])
def test_what_no_touchpoint_came_of_has_no_fields(raw: bytes) -> None:
    assert refused("cloudevents", raw)["fields"] == []
