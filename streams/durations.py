"""Durations as people write them: `90d`, `1h30m`, `250ms`, or a number of seconds; inside they are milliseconds."""

from __future__ import annotations

import re

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|[dhms])")
_MAX_MS = 100 * 366 * _UNITS_MS["d"]


def parse_duration(value: object) -> int:
    """Milliseconds of a duration; a bare number is seconds.

    Raises ValueError for anything that is no duration, for negative ones and for more than a century.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no duration; write it like 90d, 4h, 30m, 45s or 250ms")
    text = str(value).strip().lower().replace(" ", "")
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
        text += "s"
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{value!r} is no duration; write it like 90d, 4h, 30m, 45s or 250ms")
    milliseconds = round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))
    if milliseconds > _MAX_MS:
        raise ValueError(f"{value!r} is longer than a century")
    return milliseconds


def format_duration(milliseconds: int) -> str:
    """The shortest text that `parse_duration` reads back as the same: 5_400_000 is `1h30m`."""
    if milliseconds == 0:
        return "0s"
    rest, parts = milliseconds, []
    for unit, width in _UNITS_MS.items():
        number, rest = divmod(rest, width)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)
