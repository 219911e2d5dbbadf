"""Payloads in, native documents out."""

from __future__ import annotations

import json
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producers import producers
from schemas.outcomes import Ignore
from schemas.rejections import Refusal
from schemas.touchpoints import AnyTouchpoint


def mapped(name: str, payload: Any, headers: Headers = ()) -> list[dict[str, Any]]:
    """What the format makes of one payload, and the contract accepts; an ignored one gives none."""
    found = producers()[name](json.dumps(payload).encode(), headers)
    assert not isinstance(found, Refusal), found
    if isinstance(found, Ignore):
        return []
    for document in found:
        AnyTouchpoint.validate_python(document)
    return found


def types(name: str, payload: Any, headers: Headers = ()) -> list[str]:
    """The types that it gives."""
    return [document["type"] for document in mapped(name, payload, headers)]


def refused(name: str, payload: Any) -> str:
    """The reason for which the format refuses a payload."""
    found = producers()[name](json.dumps(payload).encode(), ())
    assert isinstance(found, Refusal), found
    return str(found.reason)
