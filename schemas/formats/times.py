"""Times as producers write them, as aware datetimes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from schemas.envelope import EPOCH

_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?\Z")
_FRACTION = re.compile(r"([.,]\d{6})\d+")
_UNITS = ((10**14, 1), (10**11, 1_000), (0, 1_000_000))
"""Epoch numbers by size -> microseconds of one. In seconds they reach 10**11 in the year 5138; in milliseconds that is 1973."""


def moment(value: object, zone: tzinfo = UTC) -> object:
    """An aware datetime of what a producer calls a time, None where it is absent, and what it is not as it was given.

    Understood are epoch seconds, milliseconds and microseconds (told apart by their size, as number or as text), ISO 8601 with a
    fraction of any length, a space for the T or before the offset, "UTC" or "GMT" behind, and RFC 2822. A time without a zone,
    or a date alone, is in `zone`. What is no time goes back as it came, so that validation names the field.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, int | float):
        return _epoch(value)
    if isinstance(value, str) and len(value) < 100:
        text = value.strip()
        if _NUMBER.match(text):
            return _epoch(float(text) if "." in text else int(text))
        found = _iso(text) or _rfc_2822(text)
        if found is not None:
            return found if found.tzinfo else found.replace(tzinfo=zone)
    return value


def day(value: object) -> object:
    """A date alone as a date, which ends that day in the market's zone; anything else as `moment` has it."""
    if isinstance(value, str) and len(value.strip()) == len("2024-05-01"):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return value
    return moment(value)


def _epoch(number: float) -> object:
    try:
        size = abs(number)
        micros = next(unit for least, unit in _UNITS if size >= least)
        return EPOCH + timedelta(microseconds=round(number * micros))
    except (OverflowError, ValueError, StopIteration):
        return number


def _iso(text: str) -> datetime | None:
    for suffix in (" UTC", " GMT"):
        text = text.removesuffix(suffix) + ("Z" if text.endswith(suffix) else "")
    text = _FRACTION.sub(r"\1", text)
    if text[19:20] == " ":
        text = text[:19] + text[20:]
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _rfc_2822(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
