"""Referrals: a customer recommended the company to somebody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.core.cells import Notebook, where_of
from streams.core.fields import CUSTOMER
from streams.core.journey import CODES, Fact
from streams.core.policy import DAY

_MADE, _CONVERTED = CODES["referral.made"], CODES["referral.converted"]
SETTLED_MS = 90 * DAY
"""Within this somebody who was recommended the company comes, or does not."""


def book_referral(facts: Sequence[Fact], as_of: int, book: Notebook) -> None:
    """C of one referral, facts sorted by (at, eid): it counts when it is made, and whether it led to anything when that is settled."""
    made = _made(facts)
    if made is None:
        return
    where = where_of(made.dimensions, CUSTOMER)
    book.count("referrals", made.at, where)
    settled = made.at + SETTLED_MS
    if settled <= as_of:
        book.count("referrals_settled", settled, where)
        if any(fact.code == _CONVERTED and fact.at <= settled for fact in facts):
            book.count("referrals_converted", settled, where)


def _made(facts: Sequence[Fact]) -> Fact | None:
    return next((fact for fact in facts if fact.code == _MADE), None)


def deadlines(facts: Sequence[Fact]) -> Iterator[int]:
    """When it is settled."""
    made = _made(facts)
    if made is not None:
        yield made.at + SETTLED_MS
