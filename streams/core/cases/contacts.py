"""Contacts with support: how many, how long people waited and were held.

A contact is counted once with all its transfers (its tree, under the root contact); waits and holds are per contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import PLACE
from streams.core.journey import CODES, Fact
from streams.core.model import Identifier

_OPENED, _QUEUED, _ANSWERED, _HELD, _ENDED = (
    CODES[f"contact.{name}"] for name in ("opened", "queued", "answered", "held", "ended")
)


def book_contact(tree: Mapping[Identifier, Sequence[Fact]], as_of: int, book: Notebook) -> None:
    """C of one root contact: `tree` has the facts of each of its contacts, sorted by (at, eid)."""
    del as_of  # nothing here closes by waiting
    facts = sorted((fact for part in tree.values() for fact in part), key=lambda fact: (fact.at, fact.eid))
    if not facts:
        return
    opened = next((fact for fact in facts if fact.code == _OPENED), facts[0])
    where = _where(opened, facts)
    if _text(facts, "direction") != "outbound":
        book.count("contacts", opened.at, where)
    for part in tree.values():
        _book_wait(part, where, book)
        _book_hold(part, where, book)


def _where(opened: Fact, facts: Sequence[Fact]) -> Where:
    said = ((name, _text(facts, name)) for name in ("medium", "reason"))
    return where_of(opened.dimensions, PLACE, "", tuple(f"|{name}={value}" for name, value in said if value))


def _text(facts: Iterable[Fact], field: str) -> str:
    return str(next((fact.fields[field] for fact in facts if field in fact.fields), ""))


def _milliseconds(fact: Fact, field: str) -> int | None:
    value = fact.fields.get(field)
    return value if isinstance(value, int) else None


def _first(facts: Iterable[Fact], code: int) -> Fact | None:
    return next((fact for fact in facts if fact.code == code), None)


def _book_wait(facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    answered = _first(facts, _ANSWERED)
    if answered is None:
        return
    wait = _milliseconds(answered, "queue_ms")
    if wait is None:
        since = _first(facts, _QUEUED) or _first(facts, _OPENED)
        if since is None:
            return
        wait = answered.at - since.at
    book.measure("queue_wait", answered.at, where, max(wait, 0))


def _book_hold(facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    ended = _first(facts, _ENDED)
    if ended is None:
        return
    total = _milliseconds(ended, "hold_ms")
    if _first(facts, _ANSWERED) is None and total is None and _milliseconds(ended, "talk_ms") is None:
        return
    if total is None:
        total = sum(_milliseconds(fact, "hold_ms") or 0 for fact in facts if fact.code == _HELD)
    book.measure("hold", ended.at, where, total)
