"""What a record of a webhook holds: one JSON object, an array of them, or a form; each as documents."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from schemas.formats.payload import Headers, header, parse_json
from schemas.identifiers import Document
from schemas.rejections import Reason, Refusal

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 1_000


def bodies(value: bytes, headers: Headers) -> list[Any] | Refusal:
    """The payloads of one record, in order; what is in an array may be anything.

    A form is one flat document of texts; a name that comes again is a list. It is told by the record's header content-type, or by
    {"_content_type": .., "_body": ..} around it, as files of collected webhooks have it.
    """
    content_type = (header(headers, "content-type") or b"").decode("latin-1")
    if _is_form(content_type):
        return _form(value)
    document = parse_json(value)
    if isinstance(document, dict) and set(document) == {"_content_type", "_body"}:
        body = document["_body"]
        if not isinstance(body, str):
            return Refusal(Reason.NOT_AN_OBJECT, "_body: should be text")
        return (
            _form(body.encode("utf-8", "replace"))
            if _is_form(str(document["_content_type"]))
            else _listed(parse_json(body.encode()))
        )
    return _listed(document)


def _listed(document: Any) -> list[Any] | Refusal:
    if isinstance(document, list | Refusal):
        return document
    return [document]


def _is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == FORM


def _form(body: bytes) -> list[Any] | Refusal:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        return Refusal(Reason.UNSUPPORTED_CONTENT, f"should be a form in UTF-8 of at most {MAX_FIELDS} fields")
    document: Document = {}
    for name, text in pairs:
        if name not in document:
            document[name] = text
        elif isinstance(document[name], list):
            document[name].append(text)
        else:
            document[name] = [document[name], text]
    return [document]
