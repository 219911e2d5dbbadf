"""A page for each producer's format, from its table, and what its example payloads become: generated, drift-tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer
from schemas.formats.producers import producers
from schemas.outcomes import Ignore
from schemas.rejections import Refusal
from schemas.touchpoints import AnyTouchpoint

EXAMPLES = Path(__file__).parent / "examples"
NO_HEADERS: Headers = ()


def examples(name: str) -> list[bytes]:
    """The example payloads of a format, one record's value each; none where there is no file."""
    path = EXAMPLES / f"{name}.jsonl"
    return path.read_bytes().splitlines() if path.exists() else []


def page(producer: Producer) -> str:
    """The page of one format, as Markdown."""
    return "\n".join(_page(producer)) + "\n"


def coverage() -> str:
    """The list of all pages, and how many example payloads become touchpoints, are ignored or rejected, as Markdown."""
    return "\n".join(_coverage()) + "\n"


def outcomes(producer: Producer, payloads: list[bytes]) -> Counter[str]:
    """touchpoints, and payloads accepted, ignored and rejected by the format or the contract."""
    counts: Counter[str] = Counter(accepted=0, ignored=0, rejected=0, touchpoints=0)
    for payload in payloads:
        mapped = producer(payload, NO_HEADERS)
        if isinstance(mapped, Ignore):
            counts["ignored"] += 1
        elif isinstance(mapped, Refusal):
            counts["rejected"] += 1
        else:
            try:
                for document in mapped:
                    AnyTouchpoint.validate_python(document)
            except ValidationError:
                counts["rejected"] += 1
                continue
            counts["accepted"] += 1
            counts["touchpoints"] += len(mapped)
    return counts


def _page(producer: Producer) -> Iterator[str]:
    yield f"# {producer.title}"
    yield ""
    yield f"Format `{producer.name}`. Generated from its table in `schemas/formats/producers/{producer.name.replace('-', '_')}.py`."
    yield ""
    yield f"**Feed it**: {producer.feeds}."
    yield ""
    yield f"**Event id**: {producer.event_id}. **Time**: {producer.time}."
    yield ""
    yield "| its event | touchpoints | |"
    yield "|---|---|---|"
    for event, row in producer.rows.items():
        types = ", ".join(f"`{name}`" for name in row.types) or "ignored"
        yield f"| {_cell(event)} | {types} | {_cell(row.says)} |"
    yield ""
    yield "Any other event is ignored and counted."
    yield ""
    yield "| identifier | from |"
    yield "|---|---|"
    for kind, origin in producer.identifiers.items():
        yield f"| `{kind}` | {_cell(origin)} |"
    if producer.notes:
        yield ""
        yield from (f"- {note}" for note in producer.notes)
    yield ""
    yield "Its documentation: " + ", ".join(f"<{address}>" for address in producer.documents) + "."
    counts = outcomes(producer, examples(producer.name))
    if counts["accepted"] or counts["ignored"] or counts["rejected"]:
        yield ""
        yield f"Try it: `journey validate schemas/formats/examples/{producer.name}.jsonl --format {producer.name}`."


def _coverage() -> Iterator[str]:
    yield "# Producers"
    yield ""
    yield "What the [example payloads](../examples/SOURCES.md) of each producer become; generated. Payloads are rejected that are"
    yield "snippets without a time, an id or anybody they are about."
    yield ""
    yield "| format | producer | payloads | touchpoints | ignored | rejected |"
    yield "|---|---|---|---|---|---|"
    for name, producer in producers().items():
        payloads = examples(name)
        counts = outcomes(producer, payloads)
        numbers = f"{len(payloads)} | {counts['touchpoints']} | {counts['ignored']} | {counts['rejected']}"
        yield f"| [{name}]({name}.md) | {producer.title} | {numbers} |"


def _cell(value: str) -> str:
    return value.replace("|", "\\|")
