"""Values in a schema registry's frame become JSON, or a refusal; never an exception, and never a crash."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rejections import Reason, Refusal
from streams.core.decode import Decoder
from streams.core.model import Record, Rejected
from streams.core.policy import Policy, TopicPolicy
from streams.registry.frames import Schema, Schemas, schema_id

ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "placed", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "wanted", "type": ["null", {"type": "long", "logicalType": "local-timestamp-millis"}], "default": None},
        {"name": "due", "type": {"type": "int", "logicalType": "date"}},
        {"name": "visit", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "token", "type": "bytes"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "map", "values": ["null", "long", "double", "string"]}}},
    ],
}
PLACED = {
    "id": "17",
    "total": Decimal("1234.50"),
    "placed": datetime(2026, 3, 2, 10, 0, 0, 250_000, tzinfo=UTC),
    "wanted": datetime(2026, 3, 5, 8, 30),  # noqa: DTZ001 -- a local one
    "due": date(2026, 3, 6),
    "visit": UUID(int=7),
    "token": b"\x00\xff",
    "state": "NEW",
    "lines": [{"sku": "a", "n": 2, "price": 9.5, "gift": None}],
}
EMPTY_LATER = {
    "type": "record",
    "name": "A",
    "fields": [
        {"name": "e", "type": {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}},
        {"name": "many", "type": {"type": "array", "items": "E"}},
    ],
}
RECURSIVE = {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}


def framed(number: int, body: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + body


def avro(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def known(schema: Any, kind: str = "AVRO", *references: Any) -> Schemas:
    schemas = Schemas()
    schemas.learn(7, Schema(kind, json.dumps(schema), tuple(json.dumps(one) for one in references)))
    return schemas


def refused(found: bytes | Refusal) -> Refusal:
    assert isinstance(found, Refusal)
    return found


def test_avro_becomes_the_json_that_a_producer_would_have_written() -> None:
    found = known(ORDER).unframe(framed(7, avro(ORDER, PLACED)))
    assert isinstance(found, bytes)
    assert json.loads(found) == {
        "id": "17",
        "total": "1234.50",
        "placed": "2026-03-02T10:00:00.250000Z",
        "wanted": "2026-03-05T08:30:00",
        "due": "2026-03-06",
        "visit": "00000000-0000-0000-0000-000000000007",
        "token": "AP8=",
        "state": "NEW",
        "lines": [{"sku": "a", "n": 2, "price": 9.5, "gift": None}],
    }


def test_a_schema_may_refer_to_others() -> None:
    money = {"type": "record", "name": "shop.Money", "fields": [{"name": "amount", "type": "string"}]}
    order = {
        "type": "record",
        "name": "shop.O",
        "fields": [{"name": "a", "type": "shop.Money"}, {"name": "b", "type": "shop.Money"}],
    }
    out = io.BytesIO()
    names: dict[str, Any] = {}
    fastavro.parse_schema(money, named_schemas=names)
    fastavro.schemaless_writer(
        out, fastavro.parse_schema(order, named_schemas=names), {"a": {"amount": "1"}, "b": {"amount": "2"}}
    )
    found = known(order, "AVRO", money).unframe(framed(7, out.getvalue()))
    assert found == b'{"a":{"amount":"1"},"b":{"amount":"2"}}'


def test_json_stands_in_the_frame_as_it_is() -> None:
    assert known({"type": "object"}, "JSON").unframe(framed(7, b'{"a": 1}')) == b'{"a": 1}'


@pytest.mark.parametrize(
    ("schema", "kind", "says"),
    [
        (RECURSIVE, "AVRO", "contains itself (L)"),
        (
            {"type": "record", "name": "A", "fields": [{"name": "b", "type": {"type": "map", "values": "A"}}]},
            "AVRO",
            "contains itself",
        ),
        ({"type": "array", "items": "null"}, "AVRO", "takes no bytes"),
        ({"type": "array", "items": {"type": "record", "name": "E", "fields": []}}, "AVRO", "takes no bytes"),
        ({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}, "AVRO", "takes no bytes"),
        ({"type": "record", "name": "A", "fields": [{"name": "b", "type": "Unknown"}]}, "AVRO", "is no Avro"),
        (EMPTY_LATER, "AVRO", "takes no bytes"),
        ({"type": "array", "items": {"type": "record", "name": "M", "fields": [{"name": "m", "type": "M"}]}}, "AVRO", "contains"),
        ("syntax", "PROTOBUF", "is Protobuf"),
    ],
)
def test_schemas_by_which_nothing_is_read(schema: Any, kind: str, says: str) -> None:
    found = refused(known(schema, kind).unframe(framed(7, b"\x02" * 100_000 + b"\0")))
    assert (found.reason, says in found.detail) == (Reason.UNUSABLE_SCHEMA, True)


def test_an_id_that_is_unknown_may_become_known() -> None:
    schemas = Schemas()
    value = framed(7, b"{}")
    assert refused(schemas.unframe(value)).reason is Reason.UNKNOWN_SCHEMA
    schemas.learn(7, None)
    assert refused(schemas.unframe(value)).detail == "the registry has no schema 7"
    schemas.forget([7])
    schemas.learn(7, Schema("JSON", "{}"))
    assert schemas.unframe(value) == b"{}"


@given(st.binary(max_size=200))
def test_whatever_stands_in_a_frame_has_an_outcome(body: bytes) -> None:
    found = known(ORDER).unframe(framed(7, body))
    assert isinstance(found, bytes) or found.reason is Reason.INVALID_FRAME


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_a_value_that_is_cut_or_too_long_is_refused(cut: int) -> None:
    whole = avro(ORDER, PLACED)
    for body in (whole[:cut], whole + b"\0"):
        assert refused(known(ORDER).unframe(framed(7, body))).reason is Reason.INVALID_FRAME


@pytest.mark.parametrize(
    ("value", "number"), [(None, None), (b"", None), (b"\0\0\0\0", None), (b"{....}", None), (framed(9, b""), 9)]
)
def test_which_schema_a_value_names(value: bytes | None, number: int | None) -> None:
    assert schema_id(value) == number


def test_without_a_registry_and_in_a_frame_in_a_frame_the_record_is_refused() -> None:
    record = Record(0, 0, framed(7, framed(7, b"{}")), None, ())
    for decoder in (
        Decoder(TopicPolicy("t"), Policy()),
        Decoder(TopicPolicy("t"), Policy(), known({}, "JSON").unframe),
    ):
        found = decoder.decode(record)
        assert isinstance(found, Rejected)
        assert found.reason == Reason.SCHEMA_REGISTRY_FRAME
