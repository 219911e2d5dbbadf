"""Contacts with support: how many, how long people waited, were held and had to wait for a solution, and which are open.

A contact is counted once with all its transfers (its tree, under the root contact), and so are its first response and its
resolution; waits, holds, and whether it is open are those of each contact of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import PLACE
from streams.core.journey import CODES, Fact
from streams.core.model import Identifier
from streams.core.policy import SECOND

_OPENED, _QUEUED, _ANSWERED, _HELD, _TRANSFERRED, _REPLIED, _RESOLVED, _REOPENED, _ENDED, _ABANDONED = (
    CODES[f"contact.{name}"]
    for name in (
        "opened",
        "queued",
        "answered",
        "held",
        "transferred",
        "replied",
        "resolved",
        "reopened",
        "ended",
        "abandoned",
    )
)
_CLOSING = frozenset((_TRANSFERRED, _RESOLVED, _ENDED, _ABANDONED))
SHORT_WAIT_MS = 20 * SECOND
"""Who waited no longer was answered within the service level."""


def book_contact(tree: Mapping[Identifier, Sequence[Fact]], as_of: int, book: Notebook) -> None:
    """C of one root contact: `tree` has the facts of each of its contacts, sorted by (at, eid)."""
    del as_of  # nothing here closes by waiting
    facts = sorted((fact for part in tree.values() for fact in part), key=lambda fact: (fact.at, fact.eid))
    if not facts:
        return
    opened = opened_of(facts)
    where = where_of_contact(opened, facts)
    inbound = is_inbound(facts)
    if inbound:
        book.count("contacts", opened.at, where)
        if any(fact.fields.get("complaint") is True for fact in facts):
            book.count("complaints", opened.at, where)
        _book_response(facts, where, book)
        _book_resolution(facts, opened.at, where, book)
    for part in tree.values():
        _book_wait(part, where, book)
        _book_handling(part, where, book)
        if inbound:
            _book_open(part, where, book)


def opened_of(facts: Sequence[Fact]) -> Fact:
    """The fact that opened it, or the first that is known of it."""
    return next((fact for fact in facts if fact.code == _OPENED), facts[0])


def is_inbound(facts: Iterable[Fact]) -> bool:
    """Whether the customer began it; it is, unless somebody says otherwise."""
    return text_of(facts, "direction") != "outbound"


def is_by_agent(fact: Fact) -> bool:
    """Whether somebody took care of it: answered, or replied as an agent."""
    return fact.code == _ANSWERED or (fact.code == _REPLIED and fact.fields.get("by") == "agent")


def is_over(fact: Fact) -> bool:
    """Whether a contact was over with this."""
    return fact.code in (_RESOLVED, _ENDED)


def hold_of(fact: Fact) -> int:
    """For how long somebody waited on hold, in ms, as this fact says."""
    return (_milliseconds(fact, "hold_ms") or 0) if fact.code in (_HELD, _ENDED) else 0


def where_of_contact(opened: Fact, facts: Sequence[Fact]) -> Where:
    """The breakdowns of a contact."""
    said = ((name, text_of(facts, name)) for name in ("medium", "reason"))
    return where_of(opened.dimensions, PLACE, "", tuple(f"|{name}={value}" for name, value in said if value))


def text_of(facts: Iterable[Fact], field: str) -> str:
    """What the first fact that says anything in a field says there; empty for nothing."""
    return str(next((fact.fields[field] for fact in facts if field in fact.fields), ""))


def _milliseconds(fact: Fact, field: str) -> int | None:
    value = fact.fields.get(field)
    return value if isinstance(value, int) else None


def _first(facts: Iterable[Fact], code: int) -> Fact | None:
    return next((fact for fact in facts if fact.code == code), None)


def _book_response(facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    """From when it was opened or queued to the first answer, or reply by an agent, after that."""
    since = next((fact.at for fact in facts if fact.code in (_OPENED, _QUEUED)), None)
    if since is None:
        return
    for fact in facts:
        if is_by_agent(fact) and fact.at >= since:
            book.measure("first_response", fact.at, where, fact.at - since)
            return


def _book_resolution(facts: Sequence[Fact], opened_at: int, where: Where, book: Notebook) -> None:
    """At the last resolution, if nothing opened it again since."""
    resolved: Fact | None = None
    for fact in facts:
        if fact.code == _RESOLVED or (fact.code == _ENDED and fact.fields.get("resolved") is True):
            resolved = fact
        elif fact.code == _REOPENED:
            resolved = None
    if resolved is not None:
        book.measure("resolution", resolved.at, where, max(resolved.at - opened_at, 0))
        channels = {fact.dimensions.channel for fact in facts}
        book.count("resolution_channels", resolved.at, where, len(channels))


def _book_open(facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    """The stock of open contacts: from the first fact, or a reopening, until it is resolved, ended, abandoned or passed on."""
    since: int | None = None if not facts else facts[0].at
    for fact in facts:
        if since is None and fact.code == _REOPENED:
            since = fact.at
        elif since is not None and fact.code in _CLOSING:
            if since < fact.at:
                _count_open(since, since, 1, where, book)
                _count_open(fact.at, since, -1, where, book)
            since = None
    if since is not None:
        _count_open(since, since, 1, where, book)


def _count_open(at: int, since: int, n: int, where: Where, book: Notebook) -> None:
    book.count("open_contacts", at, where, n)
    book.count_since("open_since", at, since, n)


def _book_wait(facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    """How long it waited for an answer, or that the customer gave up before one."""
    answered = _first(facts, _ANSWERED)
    if answered is None:
        abandoned = _first(facts, _ABANDONED)
        if abandoned is not None:
            book.count("waits", abandoned.at, where)
            book.count("contacts_abandoned", abandoned.at, where)
        return
    wait = _milliseconds(answered, "queue_ms")
    if wait is None:
        since = _first(facts, _QUEUED) or _first(facts, _OPENED)
        if since is None:
            return
        wait = answered.at - since.at
    book.measure("queue_wait", answered.at, where, max(wait, 0))
    book.count("waits", answered.at, where)
    if wait <= SHORT_WAIT_MS:
        book.count("waits_short", answered.at, where)


def _book_handling(facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    """Hold, and handling: talk, hold and wrap-up; where nobody says for how long they talked, from the answer to the end."""
    ended = _first(facts, _ENDED)
    if ended is None:
        return
    answered, talk, hold = _first(facts, _ANSWERED), _milliseconds(ended, "talk_ms"), _milliseconds(ended, "hold_ms")
    if answered is None and hold is None and talk is None:
        return
    if hold is None:
        hold = sum(_milliseconds(fact, "hold_ms") or 0 for fact in facts if fact.code == _HELD)
    book.measure("hold", ended.at, where, hold)
    wrap_up = _milliseconds(ended, "wrap_up_ms") or 0
    if talk is not None:
        book.measure("handle", ended.at, where, talk + hold + wrap_up)
    elif answered is not None:
        book.measure("handle", ended.at, where, max(ended.at - answered.at, 0) + wrap_up)
