"""What each payload of a producer's file becomes, for people: the JSON form of `journey validate`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from schemas.envelope import iso
from schemas.formats.payload import Headers
from schemas.formats.tracing import source_fields
from schemas.outcomes import JOURNEY_POSITION
from streams.core.decode import Decoder
from streams.core.model import Ignored, Record, Rejected, Touchpoint

_PATH = re.compile(r"(?:\[(\d+)\] )?([\w.]+): ")
"""How a rejection begins that names a field of the touchpoint: of which touchpoint of the payload, and its path."""


def describe(touchpoint: Touchpoint) -> dict[str, Any]:
    """A touchpoint as JSON; the time as RFC 3339, digests in hexadecimal, empty dimensions left out."""
    dimensions = touchpoint.dimensions
    return {
        "id": touchpoint.eid.hex(),
        "type": touchpoint.type,
        "occurred_at": iso(touchpoint.at),
        "persons": list(touchpoint.persons),
        "references": list(touchpoint.references),
        "groups": list(touchpoint.groups),
        "dimensions": {name: value for name in dimensions.__struct_fields__ if (value := getattr(dimensions, name))},
        "traffic": touchpoint.traffic,
        "fields": dict(touchpoint.fields),
    }


def validate_payload(
    decoder: Decoder,
    line_no: int,
    raw: bytes,
    timestamp: int = 0,
    file: str = "",
    document: Callable[[Touchpoint], dict[str, Any]] = describe,
) -> dict[str, Any]:
    """One payload's outcome: {"line", "outcome": accepted|ignored|rejected, "reason", "touchpoints"}.

    raw: the JSON document (a CSV row as an object). file: its name, where the format takes event ids from the
    position. timestamp: ms, the record's. A rejection also has "stage" and "detail", which starts with the path of the touchpoint's
    field, and "fields": those of the producer's payload that it comes from, where they are others and can be told.
    document: how a touchpoint is shown.
    """
    headers = ((JOURNEY_POSITION, f"{file}:{line_no}".encode("utf-8", "surrogateescape")),)
    decoded = decoder.decode(Record(0, timestamp, raw, None, headers))
    result: dict[str, Any] = {"line": line_no, "outcome": "accepted", "reason": None, "touchpoints": []}
    if isinstance(decoded, Rejected):
        stage, reason, detail = str(decoded.stage), str(decoded.reason), decoded.detail
        fields = _fields(decoder, raw, headers, detail)
        return {**result, "outcome": "rejected", "reason": reason, "stage": stage, "detail": detail, "fields": fields}
    if isinstance(decoded, Ignored):
        return {**result, "outcome": "ignored", "reason": str(decoded.reason)}
    return {**result, "touchpoints": [document(touchpoint) for touchpoint in decoded]}


def _fields(decoder: Decoder, raw: bytes, headers: Headers, detail: str) -> list[str]:
    named = _PATH.match(detail)
    if named is None:
        return []
    found = source_fields(decoder.map, raw, headers, int(named[1] or 0), named[2])
    return [] if found == [named[2]] else found
