"""Orders and their deliveries: what was bought, what was promised, what was kept.

An order's facts are those of its whole tree (the order, its shipments, tracking numbers and carts), sorted by
(at, eid). A promise counts against its due time, the first one and the one in force apart; a due time enters only
once the watermark has passed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import SITE
from streams.core.journey import CODES, Fact
from streams.core.policy import DAY

PLACED = CODES["order.placed"]
_CANCELLED = CODES["order.cancelled"]
_DELIVERED = CODES["delivery.delivered"]
_PROMISED = CODES["delivery.promised"]
_BACKORDERED, _DAMAGED, _RETURNED = (CODES[f"delivery.{name}"] for name in ("backordered", "damage_reported", "returned"))
SETTLED_MS = 30 * DAY
"""So long after its delivery it is said whether an order was damaged or sent back."""
_NEVER = 1 << 62
ORDER_CODES = frozenset(code for name, code in CODES.items() if name.split(".")[0] in ("order", "delivery", "shipment"))


def placed_of(facts: Iterable[Fact]) -> Fact | None:
    """The event that placed the order: the least one, where several say so."""
    return next((fact for fact in facts if fact.code == PLACED), None)


def promised_at(fact: Fact) -> int | None:
    """When a merchant's promise falls due; None for facts that promise nothing (a carrier's estimate does not)."""
    if fact.code not in (PLACED, _PROMISED):
        return None
    fields = fact.fields
    due = fields.get("promised_at")
    return due if isinstance(due, int) and fields.get("promised_by") != "carrier" else None


Course = tuple[list[tuple[int, int]], int | None, int | None]
"""(promises as (made at, due) in order, delivered at, cancelled at)."""


def course_of(facts: Sequence[Fact]) -> Course:
    """How an order went."""
    promises = [(fact.at, due) for fact in facts if (due := promised_at(fact)) is not None]
    delivered = next((fact.at for fact in facts if fact.code == _DELIVERED and fact.fields.get("complete") is not False), None)
    cancelled = next((fact.at for fact in facts if fact.code == _CANCELLED), None)
    return promises, delivered, cancelled


def latest_due(course: Course) -> int:
    """When the promise in force fell due: the last one made before delivery, or the first where none was."""
    promises, delivered, _ = course
    made = [due for at, due in promises if delivered is None or at < delivered]
    return made[-1] if made else promises[0][1]


def is_kept(due: int, course: Course) -> bool | None:
    """Whether a promise was kept; None for an order that was cancelled before, which should not have come."""
    _, delivered, cancelled = course
    if cancelled is not None and cancelled < due:
        return None
    return delivered is not None and delivered <= due


def book_order(facts: Sequence[Fact], as_of: int, book: Notebook) -> None:
    """C of one order."""
    placed = placed_of(facts)
    where = where_of((placed or facts[0]).dimensions, SITE)
    if placed is not None:
        _book_placed(placed, facts, where, book)
    course = course_of(facts)
    promises, delivered, cancelled = course
    if delivered is not None and delivered + SETTLED_MS <= as_of and not (cancelled is not None and cancelled < delivered):
        _book_settled(facts, delivered + SETTLED_MS, where, book)
    if not promises:
        return
    first, latest = promises[0][1], latest_due(course)
    _book_promise("", first, course, as_of, where, book)
    _book_promise("_latest", latest, course, as_of, where, book)
    if delivered is not None and not (cancelled is not None and cancelled < delivered):
        book.measure("delivery_delay", delivered, where, delivered - first)
        book.measure("delivery_delay_latest", delivered, where, delivered - latest)
    for late, end in overdue_spells(course):
        if late <= as_of:
            book.count("orders_overdue", late, where)
            if end is not None:
                book.count("orders_overdue", end, where, -1)


def _book_placed(placed: Fact, facts: Sequence[Fact], where: Where, book: Notebook) -> None:
    """What was bought, and whether it was there."""
    book.count("orders", placed.at, where)
    fields = placed.fields
    value, currency = fields.get("value"), fields.get("currency")
    if isinstance(value, int) and currency:
        money = where_of(placed.dimensions, SITE, f"|currency={currency}")
        book.count("orders_valued", placed.at, money)
        if value:
            book.count("revenue", placed.at, money, value)
    if any(fact.code == _BACKORDERED for fact in facts):
        book.count("orders_backordered", placed.at, where)


def _book_settled(facts: Sequence[Fact], settled: int, where: Where, book: Notebook) -> None:
    """What became of a delivery until then."""
    book.count("orders_settled", settled, where)
    codes = {fact.code for fact in facts if fact.at <= settled}
    if _DAMAGED in codes:
        book.count("orders_damaged", settled, where)
    if _RETURNED in codes:
        book.count("orders_returned", settled, where)


def _book_promise(which: str, due: int, course: Course, as_of: int, where: Where, book: Notebook) -> None:
    kept = None if due > as_of else is_kept(due, course)
    if kept is None:
        return
    book.count(f"orders_due{which}", due, where)
    if kept:
        book.count(f"orders_kept{which}", due, where)


def overdue_spells(course: Course) -> list[tuple[int, int | None]]:
    """When the order was past the promise in force and not delivered: (from, until), until None where it still is."""
    promises, delivered, cancelled = course
    over = min(delivered if delivered is not None else _NEVER, cancelled if cancelled is not None else _NEVER)
    spells: list[tuple[int, int | None]] = []
    for index, (made, due) in enumerate(promises):
        if made >= over:
            break
        revised = promises[index + 1][0] if index + 1 < len(promises) else _NEVER
        end, late = min(revised, over), max(due, made)
        if late < end:
            spells.append((late, None if end == _NEVER else end))
    return spells


def deadlines(facts: Iterable[Fact]) -> Iterator[int]:
    """When promises fall due, when those that were broken as they were made begin to be overdue, and when deliveries are settled."""
    for fact in facts:
        if fact.code == _DELIVERED:
            yield fact.at + SETTLED_MS
        due = promised_at(fact)
        if due is not None:
            yield due
            if due < fact.at:
                yield fact.at
