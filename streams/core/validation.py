"""What each payload of a producer's file becomes, for people: the JSON form of `journey validate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.envelope import iso
from schemas.outcomes import JOURNEY_POSITION
from streams.core.decode import Decoder
from streams.core.model import Ignored, Record, Rejected, Touchpoint


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
    position. timestamp: ms, the record's. A rejection also has "stage" and "detail", which starts with the field's path.
    document: how a touchpoint is shown.
    """
    headers = ((JOURNEY_POSITION, f"{file}:{line_no}".encode("utf-8", "surrogateescape")),)
    decoded = decoder.decode(Record(0, timestamp, raw, None, headers))
    result: dict[str, Any] = {"line": line_no, "outcome": "accepted", "reason": None, "touchpoints": []}
    if isinstance(decoded, Rejected):
        stage, reason, detail = str(decoded.stage), str(decoded.reason), decoded.detail
        return {**result, "outcome": "rejected", "reason": reason, "stage": stage, "detail": detail}
    if isinstance(decoded, Ignored):
        return {**result, "outcome": "ignored", "reason": str(decoded.reason)}
    return {**result, "touchpoints": [document(touchpoint) for touchpoint in decoded]}
