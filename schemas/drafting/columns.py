"""The columns of a file's payloads: their names, and what stands in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.identifiers import Document

MAX_COLUMNS = 500
MAX_DEPTH = 4
MAX_TEXT = 200

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


class Column:
    """One column. values: its texts in the order of the lines, empty ones left out; rows: how many lines the file has."""

    def __init__(self, name: str, rows: int) -> None:
        self.name = name
        self.rows = rows
        self.values: list[str] = []
        self.words = frozenset(word.lower() for word in _WORDS.findall(name))

    @property
    def counts(self) -> Counter[str]:
        """Value -> how many lines have it."""
        return Counter(self.values)

    @property
    def filled(self) -> float:
        """The share of lines that have a value here."""
        return len(self.values) / self.rows if self.rows else 0.0

    @property
    def unique(self) -> bool:
        """Whether every line has a value of its own."""
        return len(self.values) == self.rows == len(set(self.values))

    def share(self, matching: Iterable[bool]) -> float:
        """The share of values for which something holds."""
        return sum(matching) / len(self.values) if self.values else 0.0


def columns_of(payloads: Sequence[Document]) -> list[Column]:
    """The columns of these payloads, in the order in which they first come; what is in an object has a name with dots."""
    found: dict[str, Column] = {}
    for payload in payloads:
        for name, value in _flat(payload, "", 0):
            if name not in found and len(found) < MAX_COLUMNS:
                found[name] = Column(name, len(payloads))
            if name in found:
                found[name].values.append(value)
    return list(found.values())


def _flat(document: Document, prefix: str, depth: int) -> Iterable[tuple[str, str]]:
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < MAX_DEPTH:
                yield from _flat(value, f"{name}.", depth + 1)
        elif (said := _text(value)) != "":
            yield name, said


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()[:MAX_TEXT]
    return ""
