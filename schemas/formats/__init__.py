"""Formats: how a producer's payload becomes native touchpoints.

A format is a pure function of a record's value and headers. It answers with native documents (validated afterwards by
the contract's models), Ignore, or a Refusal, and never raises for what a producer sent. Formats are found by name:
`cloudevents`, `segment`, `segment:page-calls`, a producer's (`sendgrid`, ..), `mapping:FILE` (a bare name finds a shipped
mapping), `typeform:FILE` (of which questions measure what).
"""

from __future__ import annotations

from hashlib import blake2b

from schemas.formats.cloudevents import map_cloudevents
from schemas.formats.payload import FormatError, Headers, Mapped, Mapper
from schemas.formats.producers import producers
from schemas.formats.segment import map_segment, map_segment_page_calls
from schemas.formats.surveys import load_survey

__all__ = ["FORMATS", "FormatError", "Headers", "Mapped", "Mapper", "find_format", "format_digest", "format_names"]

REVISION = 1
"""Raised when a built-in format would make other touchpoints of the same payload."""

FORMATS: dict[str, tuple[Mapper, str]] = {
    "cloudevents": (map_cloudevents, "the native one: CloudEvents 1.0 and 0.3, structured, batch or binary, JSON data"),
    "segment": (map_segment, "Segment and RudderStack: page, screen, track, identify, group, alias; spec events"),
    "segment:page-calls": (map_segment_page_calls, "the same; page() calls count the page views, `Product Viewed` does not"),
    **{name: (producer, producer.title) for name, producer in producers().items()},
}
"""Name -> mapper, and one line for people."""


def find_format(name: str) -> Mapper:
    """The mapper of that name. Raises FormatError for an unknown name, or a file that cannot be read or is wrong."""
    if name in FORMATS:
        return FORMATS[name][0]
    kind, _, file = name.partition(":")
    if kind == "mapping" and file:
        # YAML is needed only by those who use mappings.
        from schemas.formats.mapping import load_mapping  # noqa: PLC0415

        return load_mapping(file)
    producer = producers().get(kind)
    if producer is not None and producer.configured is not None and file:
        return producer.configured(load_survey(file))
    known = ", ".join(format_names())
    raise FormatError(f"unknown format {name!r}; known are {known} and mapping:FILE")


def format_digest(name: str) -> str:
    """32 hex digits of what a format makes of a payload: of a file its content, however it is called or laid out.

    Part of a namespace's definitions. Raises FormatError as find_format does.
    """
    described = getattr(find_format(name), "described", name)
    return blake2b(f"{REVISION} {described}".encode(), digest_size=16).hexdigest()


def format_names() -> list[str]:
    """Every format that is found without a path: the built-in ones and the shipped mappings."""
    from schemas.formats.mapping import shipped_mappings  # noqa: PLC0415

    return [*FORMATS, *(f"mapping:{name}" for name in shipped_mappings())]
