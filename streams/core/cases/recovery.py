"""Carts that were given up, and those bought after all within a day: across visits, and so across islands.

Booked a day after the attempt's limit. An attempt looks at no more than that far ahead of itself, so where site facts change, only attempts that
began so long before are looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.core.cases.site import RECOVERY_MS, Attempt, Rules, succeeds, walk_attempts
from streams.core.cells import Notebook, where_of
from streams.core.fields import SITE
from streams.core.journey import Fact


def book_recoveries(facts: Sequence[Fact], lo: int, hi: int, since: int, as_of: int, rules: Rules, book: Notebook) -> None:
    """C of the carts of one strand that may depend on its facts between `lo` and `hi`; of it, what is settled after `since` and by as_of."""
    cart = rules.cart
    if cart is None or not any(fact.code in cart.begin for fact in facts):
        return
    before = cart.limit_ms + RECOVERY_MS
    for attempt in walk_attempts(facts, cart):
        if lo - before <= attempt.start.at <= hi:
            book_recovery(attempt, facts, since, as_of, rules, book)


def book_recovery(attempt: Attempt, facts: Sequence[Fact], since: int, as_of: int, rules: Rules, book: Notebook) -> None:
    """Books one cart, if it was given up and is settled then."""
    cart, start = rules.cart, attempt.start
    if cart is None or attempt.success_at is not None or attempt.failed:
        return
    limit = start.at + cart.limit_ms
    settled = limit + RECOVERY_MS
    if not since < settled <= as_of:
        return
    where = where_of(start.dimensions, SITE)
    book.count("carts_abandoned", settled, where)
    if any(limit < fact.at <= settled and succeeds(fact, cart) for fact in facts):
        book.count("carts_recovered", settled, where)
