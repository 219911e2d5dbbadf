"""Writes what is derived from the contract: `python -m schemas.generate`.

A JSON Schema for each touchpoint type (json/), the AsyncAPI document that refers to them (asyncapi.yaml), and a page for each
producer's format (formats/pages/). A test fails when they lag behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.formats.pages import coverage, page
from schemas.formats.producers import producers
from schemas.outcomes import JOURNEY_CLOCK, JOURNEY_POSITION
from schemas.rejections import Reason
from schemas.touchpoints import FAMILY_OF, MODELS

DIRECTORY = Path(__file__).parent
PAGES = "formats/pages"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONTENT_TYPE = "application/cloudevents+json"
BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
PAYLOAD, REJECTED = "producerPayload", "rejectedRecord"
VERSION = "1.0.0"
"""Of the contract: a new type or field raises the middle number, an incompatible change (see upcast) the first."""


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of one touchpoint type, as a structured CloudEvent. Raises KeyError for an unknown type."""
    model = MODELS[name]
    schema = _lean(model.model_json_schema(mode="validation"))
    attributes = {**schema["properties"]}
    # An event that a producer sends says which CloudEvents version it is; formats may leave it out.
    attributes["specversion"] = {key: value for key, value in attributes["specversion"].items() if key != "default"}
    return {
        "$schema": DIALECT,
        **schema,
        "title": name,
        "description": f"{_summary(name)} (family {FAMILY_OF[name]})",
        "properties": attributes,
        "required": sorted({*schema["required"], "specversion"}),
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: the topics that are read and written, and every message of the contract."""
    touchpoints = {name: {"$ref": f"#/components/messages/{name}"} for name in MODELS}
    payloads = {**touchpoints, PAYLOAD: {"$ref": f"#/components/messages/{PAYLOAD}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Customer journey touchpoints",
            "version": VERSION,
            "description": "A touchpoint is a CloudEvent over Kafka, structured, batched or binary, with JSON data. The record's"
            f" key should be the best person identifier that the producer has. Records with the header {JOURNEY_CLOCK} only"
            f" advance the clock; the header {JOURNEY_POSITION} says where in a file a record came from.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "touchpoints": _topic(
                "touchpoints",
                "Live topics: every one that the settings read, each with its format. Stamped by the broker on arrival"
                " (message.timestamp.type=LogAppendTime): that is the clock.",
                payloads,
            ),
            "history": _topic(
                "touchpoints.history",
                "Topics that files are produced to: their records carry event times of any age (CreateTime).",
                payloads,
            ),
            "deadLetters": _topic(
                "dead-letters",
                "Rejected records as they came, compacted by their position.",
                {REJECTED: {"$ref": f"#/components/messages/{REJECTED}"}},
            ),
        },
        "operations": {
            "readTouchpoints": {
                "action": "receive",
                "summary": "The worker reads every topic of its namespace once, in order, exactly once in effect.",
                "channel": {"$ref": "#/channels/touchpoints"},
            },
            "readHistory": {
                "action": "receive",
                "summary": "As live topics, in a namespace whose clock is history, or as a batch topic of a live one.",
                "channel": {"$ref": "#/channels/history"},
            },
            "writeDeadLetters": {
                "action": "send",
                "summary": "The worker writes what it rejects, and waits until it is there, before it goes past it.",
                "channel": {"$ref": "#/channels/deadLetters"},
            },
        },
        "components": {
            "messages": {**{name: _message(name) for name in MODELS}, PAYLOAD: _producer_payload(), REJECTED: _rejected_record()}
        },
    }


def _topic(name: str, description: str, messages: dict[str, Any]) -> dict[str, Any]:
    topic = {"description": "name of the Kafka topic", "default": name}
    return {"address": "{topic}", "description": description, "parameters": {"topic": topic}, "messages": messages}


def _producer_payload() -> dict[str, Any]:
    return {
        "name": PAYLOAD,
        "summary": "What a producer sends, in a topic that is read with the producer's format.",
        "description": f"Formats: segment, {', '.join(producers())}, and mapping:FILE for any other. {PAGES}/ says what each becomes.",
        "contentType": "application/json",
        "payload": {},
    }


def _rejected_record() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "name": REJECTED,
        "summary": "A record that could not be used: its own value and headers, and why.",
        "description": "The key is TOPIC/PARTITION/OFFSET, so that a record that is rejected again replaces itself.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "required": [
                f"journey-{name}" for name in ("topic", "partition", "offset", "timestamp", "stage", "reason", "detail")
            ],
            "properties": {
                "journey-topic": text,
                "journey-partition": text,
                "journey-offset": text,
                "journey-timestamp": {**text, "description": "of the record, in milliseconds since the epoch"},
                "journey-key": {**text, "description": "of the record, where it had one"},
                "journey-stage": {**text, "enum": sorted({reason.stage for reason in Reason})},
                "journey-reason": {**text, "enum": sorted(reason.value for reason in Reason)},
                "journey-detail": {**text, "description": "for people: the field's path and what is wrong, never its content"},
                "journey-truncated": {**text, "description": "how many bytes the value had, where only its beginning is here"},
            },
        },
        "payload": {},
    }


def files() -> dict[str, str]:
    """Path under schemas/ -> content of every generated file, in the contract's order."""
    schemas = {f"json/{name}.json": json.dumps(schema_of(name), indent=1, ensure_ascii=False) + "\n" for name in MODELS}
    pages = {f"{PAGES}/{name}.md": page(producer) for name, producer in producers().items()}
    return {**schemas, "asyncapi.yaml": "\n".join(_yaml(asyncapi())) + "\n", **pages, f"{PAGES}/README.md": coverage()}


def main(directory: Path = DIRECTORY) -> int:
    """Writes the files and removes those of types and formats that are gone. Returns the process's exit code."""
    generated = files()
    for folder in ("json", PAGES):
        (directory / folder).mkdir(parents=True, exist_ok=True)
        for old in (directory / folder).iterdir():
            if f"{folder}/{old.name}" not in generated:
                old.unlink()
    for name, content in generated.items():
        (directory / name).write_text(content, encoding="utf-8")
    sys.stdout.write(f"{len(generated)} files\n")
    return 0


def _message(name: str) -> dict[str, Any]:
    schema = {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": {"$ref": f"./json/{name}.json"}}
    tags = [{"name": FAMILY_OF[name]}]
    return {"name": name, "summary": _summary(name), "contentType": CONTENT_TYPE, "tags": tags, "payload": schema}


def _summary(name: str) -> str:
    return (MODELS[name].__doc__ or "").strip()


def _lean(schema: Any) -> Any:
    """Leaves out what pydantic adds and nobody reads: titles that repeat names, and defaults that say `absent`; and names bounds
    as JSON Schema does, which pydantic does not behind a validator of one's own.
    """
    if isinstance(schema, list):
        return [_lean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    lean = {}
    for key, value in schema.items():
        if (key == "title" and isinstance(value, str)) or (key == "default" and value is None):
            continue
        lean[BOUNDS.get(key, key)] = _lean(value)
    return lean


def _yaml(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Objects as YAML blocks, everything else as JSON, which YAML contains; so the contract needs no YAML library."""
    for key, item in value.items():
        name = key if key.replace(".", "").replace("_", "").isalnum() else json.dumps(key)
        if isinstance(item, dict) and item:
            yield f"{indent}{name}:"
            yield from _yaml(item, f"{indent}  ")
        else:
            yield f"{indent}{name}: {json.dumps(item, ensure_ascii=False)}"


if __name__ == "__main__":
    raise SystemExit(main())
