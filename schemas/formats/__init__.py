"""Formats: how a producer's payload becomes native touchpoints.

A format is a pure function of a record's value and headers. It answers with native documents (validated afterwards by
the contract's models), Ignore, or a Refusal, and never raises for what a producer sent. Formats are found by name.
"""

from __future__ import annotations

from schemas.formats.cloudevents import map_cloudevents
from schemas.formats.payload import FormatError, Headers, Mapped, Mapper

__all__ = ["FORMATS", "FormatError", "Headers", "Mapped", "Mapper", "find_format", "format_names"]

FORMATS: dict[str, tuple[Mapper, str]] = {
    "cloudevents": (map_cloudevents, "the native one: CloudEvents 1.0 and 0.3, structured, batch or binary, JSON data"),
}
"""Name -> mapper, and one line for people."""


def find_format(name: str) -> Mapper:
    """The mapper of that name. Raises FormatError for an unknown name."""
    if name in FORMATS:
        return FORMATS[name][0]
    raise FormatError(f"unknown format {name!r}; known are {', '.join(format_names())}")


def format_names() -> list[str]:
    """Every format that is found without a path."""
    return list(FORMATS)
