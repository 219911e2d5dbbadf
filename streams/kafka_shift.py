"""Moves every time in a payload by one offset, whatever the payload's format is, so that the spacing stays.

What is a time is seen by its shape: an ISO 8601 date or date-time, or a number that is a plausible epoch (seconds,
milliseconds or microseconds of the years 2001 to 2096) under a name that says time. Dates alone move by whole days,
rounded down. A payload that is no JSON is left as it is: it will be refused anyway.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import orjson

DAY_MS = 86_400_000
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME_NAME = re.compile(r"(^|_)(time|timestamp|date|ts|at|epoch|millis|ms)$|(At|Time|Timestamp|Date)$", re.IGNORECASE)
_EPOCHS = ((1_000_000_000, 4_000_000_000, 1_000), (10**12, 4 * 10**12, 1), (10**15, 4 * 10**15, 0))
_MICROSECONDS_PER_MS = 1_000


def shift_payload(payload: bytes, offset_ms: int) -> bytes:
    """The JSON payload with all its times moved by `offset_ms`."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload
    return orjson.dumps(_shift(document, "", offset_ms))


def _shift(value: Any, name: str, offset_ms: int) -> Any:
    """Orjson refuses documents nested deeper than 1,024, so this recursion is bounded."""
    if isinstance(value, dict):
        return {key: _shift(inner, key, offset_ms) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shift(inner, name, offset_ms) for inner in value]
    if isinstance(value, str):
        return _shift_text(value, name, offset_ms)
    if isinstance(value, int | float) and not isinstance(value, bool) and _TIME_NAME.search(name):
        return _shift_number(value, offset_ms)
    return value


def _shift_text(text: str, name: str, offset_ms: int) -> str:
    try:
        if _DATE_TIME.match(text):
            moved = datetime.fromisoformat(text) + timedelta(milliseconds=offset_ms)
            plain = moved.isoformat(sep=text[10])
            return plain.removesuffix("+00:00") + "Z" if text[-1] in "Zz" else plain
        if _DATE.match(text):
            moved = datetime.fromisoformat(text) + timedelta(days=offset_ms // DAY_MS)
            return moved.date().isoformat()
        if text.isdecimal() and text.isascii() and _TIME_NAME.search(name):  # a CSV has numbers as text
            return str(_shift_number(int(text), offset_ms))
    except (ValueError, OverflowError):  # no such date, or one that leaves the calendar
        return text
    return text


def _shift_number(number: int | float, offset_ms: int) -> int | float:  # noqa: PYI041 -- an integer stays one
    for least, most, ms in _EPOCHS:
        if least <= number < most:
            if ms == 0:
                return number + offset_ms * _MICROSECONDS_PER_MS
            moved = number + offset_ms / ms
            return round(moved) if isinstance(number, int) else moved
    return number
