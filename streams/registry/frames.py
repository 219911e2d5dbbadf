"""Values in a schema registry's frame: a zero byte, the schema's id in four bytes, then Avro or JSON.

A format reads JSON, so Avro is turned into it: a time with a zone (timestamp-millis, -micros) into RFC 3339 in UTC, one without a
zone into the same without one, a decimal and a UUID into text, bytes into base64. Reading a frame is pure; who needs a schema that
is not there yet fetches it beforehand (`client`).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import fastavro
import msgspec
import orjson

from schemas.rejections import Reason, Refusal

MAGIC = b"\0"
HEAD_BYTES = 5

Reader = Callable[[bytes], bytes]
"""JSON text of what follows a frame's head; whatever it raises, the value is none of its schema."""


class SchemaError(ValueError):
    """A schema by which nothing can be read here; one sentence."""


class Schema(msgspec.Struct, frozen=True):
    """A schema as a registry has it. kind: AVRO, JSON or PROTOBUF. references: those that it names, the innermost first."""

    kind: str
    text: str
    references: tuple[str, ...] = ()


def schema_id(value: bytes | None) -> int | None:
    """The id that a value's frame names; None for a value without one."""
    if value is None or len(value) < HEAD_BYTES or not value.startswith(MAGIC):
        return None
    return int.from_bytes(value[1:HEAD_BYTES], "big")


class Schemas:
    """The schemas that are known by now. What an id means never changes, except that an unknown one may become known."""

    def __init__(self) -> None:
        self._readers: dict[int, Reader | Refusal] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._readers

    def learn(self, number: int, schema: Schema | None) -> None:
        """Takes in what a registry says of an id; None where it has no such schema."""
        if schema is None:
            self._readers[number] = Refusal(Reason.UNKNOWN_SCHEMA, f"the registry has no schema {number}")
            return
        try:
            self._readers[number] = reader_of(schema)
        except SchemaError as error:
            self._readers[number] = Refusal(Reason.UNUSABLE_SCHEMA, f"schema {number} {error}")

    def forget(self, numbers: Iterable[int]) -> None:
        """As if these had never been asked for."""
        for number in numbers:
            self._readers.pop(number, None)

    def unframe(self, value: bytes) -> bytes | Refusal:
        """The JSON text that a value with a frame stands for, or why it stands for none. Never raises."""
        number = schema_id(value)
        if number is None:
            return Refusal(Reason.INVALID_FRAME, "a frame has five bytes")
        reader = self._readers.get(number)
        if reader is None:
            return Refusal(Reason.UNKNOWN_SCHEMA, f"nobody has asked for schema {number}")
        if isinstance(reader, Refusal):
            return reader
        try:
            return reader(value[HEAD_BYTES:])
        except Exception as error:  # noqa: BLE001 -- fastavro raises whatever the bytes make it stumble over
            return Refusal(Reason.INVALID_FRAME, f"is not by schema {number} ({type(error).__name__})")


def reader_of(schema: Schema) -> Reader:
    """How values of a schema are read. Raises SchemaError."""
    if schema.kind == "JSON":
        return bytes
    if schema.kind != "AVRO":
        raise SchemaError(f"is {schema.kind.capitalize()}, and only Avro and JSON Schema are read")
    named: dict[str, Any] = {}
    try:
        for reference in schema.references:
            _require_finite(fastavro.parse_schema(orjson.loads(reference), named_schemas=named), named)
        parsed = fastavro.parse_schema(orjson.loads(schema.text), named_schemas=named)
    except SchemaError:
        raise
    except Exception as error:
        raise SchemaError(f"is no Avro ({type(error).__name__})") from error
    _require_finite(parsed, named)

    def read(body: bytes) -> bytes:
        stream = io.BytesIO(body)
        found = fastavro.schemaless_reader(stream, parsed, None)
        if stream.tell() != len(body):
            raise ValueError("bytes are left")
        return orjson.dumps(found, default=_plain, option=orjson.OPT_UTC_Z)

    return read


def _require_finite(schema: Any, named: Mapping[str, Any], inside: tuple[str, ...] = ()) -> None:
    """SchemaError for a schema that contains itself, and for lists of what has no bytes. named: schemas by name.

    A few bytes of value would stand for a nesting that exhausts the stack, or for a list that exhausts the memory.
    """
    if isinstance(schema, str) and schema in inside:
        raise SchemaError(f"contains itself ({schema}), which is not read")
    if isinstance(schema, Mapping) and "name" in schema:
        inside = (*inside, schema["name"])
    for part in _parts(schema):
        _require_finite(part, named, inside)
    if isinstance(schema, Mapping) and schema["type"] == "array" and _is_empty(schema["items"], named):
        raise SchemaError("has a list of what takes no bytes, which is not read")


def _parts(schema: Any) -> list[Any]:
    """The schemas that stand inside of one."""
    if isinstance(schema, list):
        return schema
    if not isinstance(schema, Mapping):
        return []
    fields = [field["type"] for field in schema.get("fields", ())]
    nested = schema["type"] if isinstance(schema["type"], list | Mapping) else None
    return [*fields, *(part for part in (schema.get("items"), schema.get("values"), nested) if part is not None)]


def _is_empty(schema: Any, named: Mapping[str, Any]) -> bool:
    """Whether a value of a schema that does not contain itself takes no bytes."""
    if isinstance(schema, str):
        schema = named.get(schema, {"type": schema})
    if isinstance(schema, list):
        return False  # a union's branch is numbered
    kind = schema["type"]
    if kind in {"record", "error"}:
        return all(_is_empty(field["type"], named) for field in schema["fields"])
    return bool(kind == "null" or (kind == "fixed" and schema["size"] == 0))


def _plain(value: object) -> object:
    """What JSON has no type for."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
