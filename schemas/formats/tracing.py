"""Which fields of a producer's payload a field of its touchpoint comes from, for people who mend one or the other.

Formats are functions, so this is asked, not kept: a field of the payload is changed, the payload is mapped again, and where the
touchpoint's field is another one now, it came from there. That holds for tables, mappings and whatever comes after them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from schemas.formats.payload import Headers, Mapper, parse_json

MAX_FIELDS = 1_000
"""Fields of a payload that are tried; each costs a mapping."""

MAX_SOURCES = 4
"""What depends on more than these is not made clearer by a list of them."""

Steps = tuple[str | int, ...]


def source_fields(map_: Mapper, value: bytes, headers: Headers, index: int, path: str) -> list[str]:
    """The payload's fields, such as `line_items.0.price`, that decide one field of its index-th touchpoint, such as `data.value`.

    Empty where there is none (the field is missing), where there are more than a few, and for payloads that are not JSON.
    """
    payload, mapped = parse_json(value), map_(value, headers)
    if not isinstance(payload, dict | list) or not isinstance(mapped, list) or index >= len(mapped):
        return []
    before = _at(mapped[index], path)
    found: list[str] = []
    for number, (steps, leaf) in enumerate(_leaves(payload, ())):
        if number == MAX_FIELDS:
            break
        again = map_(json.dumps(_changed(payload, steps, _other(leaf))).encode(), headers)
        if not isinstance(again, list) or [item["type"] for item in again] != [item["type"] for item in mapped]:
            continue
        if _at(again[index], path) != before:
            found.append(".".join(map(str, steps)))
    return found if len(found) <= MAX_SOURCES else []


def _leaves(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    """Every value that holds no others, in the payload's order; an empty list or object is one, too."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inside = False
    for name, item in entries:
        inside = True
        yield from _leaves(item, (*steps, name))
    if not inside:
        yield steps, value


def _other(leaf: Any) -> Any:
    """Another value of the same kind, which a mapper takes the same way where that can be."""
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int | float):
        return leaf + 1
    return f"{leaf}1" if isinstance(leaf, str) else "1"


def _changed(value: Any, steps: Steps, other: Any) -> Any:
    """The payload with another value at one place; the rest is shared."""
    if not steps:
        return other
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        return {**value, step: _changed(value[step], rest, other)}
    return [_changed(item, rest, other) if number == step else item for number, item in enumerate(value)]


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document
