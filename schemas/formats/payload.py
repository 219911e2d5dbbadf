"""What formats share: their signature, JSON parsing as a value, and looking into a producer's document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from schemas.identifiers import Document
from schemas.outcomes import Ignore
from schemas.rejections import Reason, Refusal

Headers = tuple[tuple[str, bytes | None], ...]
Mapped = list[Document] | Ignore | Refusal
Mapper = Callable[[bytes, Headers], Mapped]

MAX_BATCH = 1_000
"""Events in one record, at most."""


class FormatError(ValueError):
    """A format that does not exist, or a mapping file that cannot be used: wrong configuration, found at start."""


def parse_json(raw: bytes) -> Any | Refusal:
    """One JSON document, or why it is none. Whole numbers stay exact, up to the digits that Python can write again; NaN and
    Infinity are no JSON, nor is text with half a surrogate pair.
    """
    try:
        # Values are hardly ever the same text again, so looking them up would only cost.
        return from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        # The message quotes positions, not content.
        return Refusal(Reason.INVALID_JSON, str(error)[:200])


def header(headers: Headers, name: str) -> bytes | None:
    """The first header of that name, in any case."""
    for key, value in headers:
        if key == name or key.lower() == name:
            return value
    return None


def later_touchpoint(event_id: object, index: int) -> object:
    """The event id of the index-th touchpoint of one producer's event; the first one has the event's own."""
    return f"{event_id}\0{index}" if index else event_id


def digest_id(document: Document, leave_out: frozenset[str] = frozenset()) -> str:
    """An event id for a payload that has none: a digest of its content, so that a repeat is recognised.

    Fields named in leave_out (such as a retry's own send time) do not count.
    """
    content = {key: value for key, value in document.items() if key not in leave_out}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
