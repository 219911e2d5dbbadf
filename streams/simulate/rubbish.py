"""Payloads that must be refused, each with the reason that the contract gives for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

from schemas.rejections import Reason

Payload = dict[str, Any]


def _without(event: Payload, *names: str) -> Payload:
    return {name: value for name, value in event.items() if name not in names}


def _with_data(event: Payload, **fields: Any) -> Payload:
    return {**event, "data": {**event["data"], **fields}}


SPOILT: dict[Reason, Callable[[Payload, random.Random], Any]] = {
    Reason.NOT_AN_OBJECT: lambda event, _: event["id"],
    Reason.MISSING_ID: lambda event, chance: _without(event, chance.choice(("id", "source"))),
    Reason.MISSING_TYPE: lambda event, _: _without(event, "type"),
    Reason.UNKNOWN_TYPE: lambda event, _: {**event, "type": "page.exploded"},
    Reason.MISSING_TIME: lambda event, _: _without(event, "time"),
    Reason.INVALID_TIME: lambda event, chance: {**event, "time": chance.choice(("yesterday", "2024-02-30T10:00:00Z"))},
    Reason.TIME_OUT_OF_RANGE: lambda event, _: {**event, "time": "0001-01-01T00:00:00Z"},
    Reason.MISSING_DATA: lambda event, _: _without(event, "data"),
    Reason.MISSING_IDENTIFIER: lambda event, _: _with_data(event, identifiers={}),
    Reason.MISSING_FIELD: lambda event, _: {**event, "data": _without(event["data"], "channel")},
}
"""Why -> what is done to a valid event; not JSON at all comes on top of these."""


def spoil(event: Payload, chance: random.Random) -> tuple[bytes, Reason]:
    """A valid event made unusable in one way: the bytes, without a line break, and why they must be refused."""
    reason = chance.choice((Reason.INVALID_JSON, *SPOILT))
    if reason is Reason.INVALID_JSON:
        whole = orjson.dumps(event)
        return whole[: chance.randrange(1, len(whole))], reason
    return orjson.dumps(SPOILT[reason](event, chance)), reason
