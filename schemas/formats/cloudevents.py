"""The native format: CloudEvents over Kafka, structured, batched or binary, with JSON data.

Sources: CloudEvents 1.0.2, its JSON event format and Kafka protocol binding; 0.3 where it differs (datacontentencoding).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from schemas.formats.payload import MAX_BATCH, Headers, Mapped, header, parse_json
from schemas.identifiers import Document
from schemas.outcomes import Ignore, Silence
from schemas.rejections import Reason, Refusal

VERSIONS = ("1.0", "0.3")
STRUCTURED = b"application/cloudevents"
BATCH = b"application/cloudevents-batch"


def map_cloudevents(value: bytes, headers: Headers) -> Mapped:
    """The event or events of one record. A batch is used whole or refused whole, since a record has one outcome."""
    content_type = b""
    if headers:
        content_type = (header(headers, "content-type") or b"").strip().lower()
        if not content_type.startswith(STRUCTURED) and header(headers, "ce_specversion") is not None:
            return _binary(value, headers, content_type)
    document = parse_json(value)
    if isinstance(document, dict) and not content_type.startswith(BATCH):
        event = _structured(document)
        return event if isinstance(event, Refusal) else [event]
    if isinstance(document, list):
        return _batch(document)
    return document if isinstance(document, Refusal) else Refusal(Reason.NOT_AN_OBJECT)


def _batch(items: list[Any]) -> Mapped:
    if not items:
        return Ignore(Silence.EMPTY_BATCH)
    if len(items) > MAX_BATCH:
        return Refusal(Reason.BATCH_TOO_LARGE, f"{len(items)} events, at most {MAX_BATCH}")
    events: list[Document] = []
    for index, item in enumerate(items):
        event = _structured(item) if isinstance(item, dict) else Refusal(Reason.NOT_AN_OBJECT)
        if isinstance(event, Refusal):
            return Refusal(event.reason, f"[{index}] {event.detail}".strip())
        events.append(event)
    return events


def _structured(event: Document) -> Document | Refusal:
    if event.get("specversion") not in VERSIONS:
        return Refusal(Reason.NOT_A_CLOUDEVENT, "specversion: should be 1.0 or 0.3")
    content_type = event.get("datacontenttype")
    if content_type is not None and content_type != "application/json" and not _is_json(content_type):
        return Refusal(Reason.UNSUPPORTED_CONTENT, "datacontenttype: should be JSON")
    encoded = event.get("data_base64")
    if encoded is None and event.get("datacontentencoding") == "base64":
        encoded = event.get("data")
    if encoded is None:
        return event
    data = _decode(encoded)
    return data if isinstance(data, Refusal) else {**event, "data": data}


def _decode(encoded: object) -> Any | Refusal:
    if not isinstance(encoded, str):
        return Refusal(Reason.INVALID_BASE64, "data_base64: should be text")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return Refusal(Reason.INVALID_BASE64, "data_base64: is not base64")
    data = parse_json(raw)
    return Refusal(data.reason, f"data_base64: {data.detail}") if isinstance(data, Refusal) else data


def _is_json(content_type: object) -> bool:
    if not isinstance(content_type, str):
        return False
    media = content_type.partition(";")[0].strip().lower()
    return media in ("application/json", "text/json") or media.endswith("+json")


def _binary(value: bytes, headers: Headers, content_type: bytes) -> Mapped:
    if content_type and not _is_json(content_type.decode("latin-1")):
        return Refusal(Reason.UNSUPPORTED_CONTENT, "content-type: should be JSON")
    event: Document = {}
    for key, raw in headers:
        name = key.lower()
        if raw is None or not name.startswith("ce_") or name[3:] in event:
            continue
        try:
            event[name[3:]] = raw.decode()
        except UnicodeDecodeError:
            return Refusal(Reason.INVALID_HEADER, f"{name[:64]!r}: is not UTF-8")
    if event.get("specversion") not in VERSIONS:
        return Refusal(Reason.NOT_A_CLOUDEVENT, "ce_specversion: should be 1.0 or 0.3")
    data = parse_json(value)
    if isinstance(data, Refusal):
        return data
    event["data"] = data
    return [event]
