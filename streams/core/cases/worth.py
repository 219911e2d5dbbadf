"""What a customer has brought in so far: orders and subscription payments, less what was cancelled or given back.

A stock of customers by what they are worth, per currency: a customer moves from one amount to another on the local day on which
something was paid or given back. An order that is cancelled is worth nothing from then on, whatever was refunded of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.core.cases.orders import placed_of
from streams.core.cells import Notebook, where_of
from streams.core.fields import WORTH
from streams.core.journey import CODES, Fact
from streams.core.model import Dimensions

_CANCELLED, _REFUNDED = CODES["order.cancelled"], CODES["order.refunded"]

Step = tuple[int, str, int]
"""(time in ms, currency, how much more or less from then on, in 1/10,000)."""


def _amount(fact: Fact) -> tuple[int, str] | None:
    value, currency = fact.fields.get("value"), fact.fields.get("currency")
    return (value, currency) if isinstance(value, int) and isinstance(currency, str) and currency else None


def steps_of_order(facts: Sequence[Fact]) -> list[Step]:
    """What one order adds; `facts` are those of its tree, sorted. Nothing where it was never placed with a value."""
    placed = placed_of(facts)
    paid = None if placed is None else _amount(placed)
    if placed is None or paid is None:
        return []
    steps = [(placed.at, paid[1], paid[0])]
    cancelled = next((max(fact.at, placed.at) for fact in facts if fact.code == _CANCELLED), None)
    left = {paid[1]: paid[0]}
    for fact in facts:
        if fact.code == _REFUNDED and (cancelled is None or fact.at < cancelled):
            value, currency = fact.fields.get("value"), fact.fields.get("currency") or paid[1]
            if isinstance(value, int) and isinstance(currency, str):
                steps.append((max(fact.at, placed.at), currency, -value))
                left[currency] = left.get(currency, 0) - value
    if cancelled is not None:
        steps += [(cancelled, currency, -value) for currency, value in left.items() if value]
    return steps


def steps_of_payments(facts: Iterable[Fact]) -> list[Step]:
    """What starts and renewals of a subscription add."""
    return [(fact.at, amount[1], amount[0]) for fact in facts if (amount := _amount(fact)) is not None]


def book_worth(steps: Iterable[Step], dimensions: Dimensions, book: Notebook) -> None:
    """C of what one customer is worth."""
    by_currency: dict[str, dict[int, int]] = {}
    for at, currency, amount in steps:
        days = by_currency.setdefault(currency, {})
        day = book.local.day_of(at)
        days[day] = days.get(day, 0) + amount
    for currency, days in by_currency.items():
        where = where_of(dimensions, WORTH, f"|currency={currency}")
        worth: int | None = None
        for day in sorted(days):
            now = (worth or 0) + days[day]
            if now != worth:
                book.move_day("customer_value", day, where, worth, now)
                worth = now
