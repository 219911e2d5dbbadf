"""Commands about what comes in: `formats`, `schema` and `validate`. They need no server."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from streams.cli import output
from streams.cli.failure import Misuse

SHOWN = 20
"""Payloads of each outcome that the table of `validate` lists, at most; the counts are of all."""

OUTCOMES = ("accepted", "ignored", "rejected")

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def formats(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A producer's format such as stripe.")] = "",
    as_json: Json = False,
) -> None:
    """The formats that a topic or a file can have, or with NAME what a producer's events become."""
    if name:
        _events_of(name, as_json=as_json)
        return
    from schemas.formats import FORMATS, format_names

    rows = [(name, FORMATS[name][1] if name in FORMATS else "shipped mapping") for name in format_names()]
    rows.append(("mapping:FILE", "a mapping of one's own, in YAML"))
    if as_json:
        output.document({"formats": [{"name": name, "meaning": meaning} for name, meaning in rows]})
    else:
        output.table(("format", "what it reads"), rows)


def _events_of(name: str, *, as_json: bool) -> None:
    from schemas.formats.producers import producers

    producer = producers().get(name)
    if producer is None:
        raise Misuse(f"No table for a format {name!r}; there is one for {', '.join(producers())}.")
    if as_json:
        events = {event: {"touchpoints": row.types, "meaning": row.says} for event, row in producer.rows.items()}
        output.document({"format": name, "title": producer.title, "events": events})
    else:
        rows = [(event, ", ".join(row.types) or "ignored", row.says) for event, row in producer.rows.items()]
        output.table(("event", "touchpoints", "meaning"), rows, title=producer.title)


def schema(
    type_: Annotated[str, typer.Argument(metavar="[TYPE]", help="A type such as order.placed.")] = "",
    as_json: Json = False,
) -> None:
    """The JSON Schema of one touchpoint type, or without TYPE the list of types."""
    from schemas.touchpoints import FAMILY_OF, MODELS

    if type_ and type_ not in MODELS:
        raise Misuse(f"No touchpoint type {type_!r}; `journey schema` lists them.")
    if type_:
        output.document(MODELS[type_].model_json_schema())
    elif as_json:
        output.document({"types": [{"type": name, "family": family} for name, family in FAMILY_OF.items()]})
    else:
        output.table(("type", "family"), list(FAMILY_OF.items()))


def validate(
    file: Annotated[str, typer.Argument(help="JSON Lines or CSV, plain or .gz; - is standard input.")],
    format_: Annotated[str, typer.Option("--format", help="Format of the payloads; `journey formats` lists them.")],
    as_json: Json = False,
) -> None:
    """What each payload of a file becomes: touchpoints, ignored, or rejected with a reason."""
    from streams.cli.journeys import touchpoint_document
    from streams.core.decode import Decoder
    from streams.core.policy import TopicPolicy
    from streams.core.validation import validate_payload
    from streams.files import file_name, read_file
    from streams.settings import load_settings

    decoder = Decoder(TopicPolicy("file", format_), load_settings(clock="history").policy())
    counts: Counter[str] = Counter(dict.fromkeys((*OUTCOMES, "touchpoints"), 0))
    payloads: list[dict[str, Any]] = []
    for line in read_file(file):
        entry = validate_payload(decoder, line.number, line.payload, file=file_name(file), document=touchpoint_document)
        counts[entry["outcome"]] += 1
        counts["touchpoints"] += len(entry["touchpoints"])
        if as_json or counts[entry["outcome"]] <= SHOWN:
            payloads.append(entry)
    if as_json:
        output.document({"payloads": payloads, "counts": counts})
        return
    if payloads:
        rows = [(entry["line"], entry["outcome"], entry["reason"] or "", _told(entry)) for entry in payloads]
        title = f"The first {SHOWN} of each outcome" if len(payloads) < sum(counts[name] for name in OUTCOMES) else ""
        output.table(("line", "outcome", "reason", "what"), rows, title=title, right=("line",))
    output.table(("outcome", "payloads"), list(counts.items()), right=("payloads",))


def _told(entry: dict[str, Any]) -> str:
    """What a payload became, or why not, in one line."""
    if entry["outcome"] != "rejected":
        return "; ".join(" ".join((item["type"], *item["persons"], *item["references"])) for item in entry["touchpoints"])
    fields = ", ".join(entry["fields"])
    return f"{entry['detail']} (from {fields})" if fields else str(entry["detail"])
