"""A second, plain reading of native CloudEvents for tests that compare with the oracle: no checks, no normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from streams.core.model import Dimensions, Identifier, Touchpoint, Value
from tests.oracle.build import digest

PERSONS = ("customer_id", "user_id", "email", "phone", "device_id", "anonymous_id")
GROUPS = ("account_id",)
COMMON = ("identifiers", "channel", "market", "segment", "device", "acquisition", "traffic", "sent_at")
TIMES = ("promised_at", "ends_at")


def milliseconds(time: str) -> int:
    """RFC 3339 as ms since the epoch."""
    return (datetime.fromisoformat(time) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def field_of(name: str, value: Any) -> tuple[str, Value]:
    """A field in the core's units: ms, and 1/10,000 of a currency's unit."""
    if name in TIMES:
        return name, milliseconds(value)
    if name == "value":
        return name, int(Decimal(str(value)) * 10_000)
    if name.endswith("_seconds"):
        return name.removesuffix("seconds") + "ms", round(value * 1000)
    return name, ",".join(map(str, value)) if isinstance(value, list) else value


def touchpoint_of(event: Mapping[str, Any]) -> Touchpoint:
    """What a valid native CloudEvent says."""
    data = event["data"]
    identifiers = [Identifier(f"{kind}:{value}") for kind, value in data["identifiers"].items()]
    kinds = list(data["identifiers"])
    return Touchpoint(
        eid=digest(f"{event['source']}\n{event['id']}"),
        digest=digest(str(sorted(event.items(), key=lambda item: item[0]))),
        at=milliseconds(event["time"]),
        type=event["type"],
        persons=tuple(one for kind, one in zip(kinds, identifiers, strict=True) if kind in PERSONS),
        references=tuple(one for kind, one in zip(kinds, identifiers, strict=True) if kind not in PERSONS + GROUPS),
        groups=tuple(one for kind, one in zip(kinds, identifiers, strict=True) if kind in GROUPS),
        dimensions=Dimensions(**{name: data.get(name, "") for name in Dimensions.__struct_fields__}),
        traffic=data.get("traffic", "human"),
        fields=dict(field_of(name, value) for name, value in data.items() if name not in COMMON),
    )
