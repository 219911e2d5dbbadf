"""Messages that the company sends, and what became of each within a week: a message counts once, however often it is opened.

Booked a week after it was sent, all of it, so that numerators and denominators mature together. What an automatic process opened is
no opening; but whatever is opened, clicked, complained of or unsubscribed from was delivered, also where nobody said so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.core.cells import Notebook, where_of
from streams.core.fields import PLACE
from streams.core.journey import CODES, Fact
from streams.core.policy import DAY

_SENT, _DELIVERED, _OPENED, _CLICKED, _BOUNCED, _COMPLAINED, _UNSUBSCRIBED = (
    CODES[f"message.{name}"] for name in ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
)
_RECEIVED = frozenset((_DELIVERED, _OPENED, _CLICKED, _COMPLAINED, _UNSUBSCRIBED))
_RESPONSES = {
    _OPENED: "messages_opened",
    _CLICKED: "messages_clicked",
    _COMPLAINED: "messages_complained",
    _UNSUBSCRIBED: "messages_unsubscribed",
}
SETTLED_MS = 7 * DAY
"""So long after it was sent it is said what became of a message."""


def _sent(facts: Sequence[Fact]) -> Fact:
    """The fact that sent it, or the first that is known of it."""
    return next((fact for fact in facts if fact.code == _SENT), facts[0])


def book_message(facts: Sequence[Fact], as_of: int, book: Notebook) -> None:
    """C of one message, facts sorted by (at, eid)."""
    if not facts:
        return
    sent = _sent(facts)
    settled = sent.at + SETTLED_MS
    if settled > as_of:
        return
    where = where_of(sent.dimensions, PLACE)
    within = [fact for fact in facts if fact.at <= settled]
    book.count("messages_sent", settled, where)
    if any(fact.code == _BOUNCED for fact in within):
        book.count("messages_bounced", settled, where)
    if any(fact.code in _RECEIVED for fact in within):
        book.count("messages_delivered", settled, where)
    responses = {fact.code for fact in within if not (fact.code == _OPENED and fact.fields.get("machine") is True)}
    for code, name in _RESPONSES.items():
        if code in responses:
            book.count(name, settled, where)


def deadlines(facts: Sequence[Fact]) -> Iterator[int]:
    """When it is said what became of it."""
    if facts:
        yield _sent(facts).at + SETTLED_MS
