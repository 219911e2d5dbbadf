"""Referrals: a customer recommended the company to somebody."""

from __future__ import annotations

from collections.abc import Sequence

from streams.core.cells import Notebook, where_of
from streams.core.fields import CUSTOMER
from streams.core.journey import CODES, Fact

_MADE = CODES["referral.made"]


def book_referral(facts: Sequence[Fact], book: Notebook) -> None:
    """C of one referral, facts sorted by (at, eid); it counts when it is made."""
    made = next((fact for fact in facts if fact.code == _MADE), None)
    if made is not None:
        book.count("referrals", made.at, where_of(made.dimensions, CUSTOMER))
