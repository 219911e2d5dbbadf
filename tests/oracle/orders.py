"""The oracle's orders: placed, revenue, promises kept, delays and the stock of overdue orders."""

from __future__ import annotations

from streams.core.model import Touchpoint
from tests.oracle.book import DAY_MS, Book, tags_of
from tests.oracle.identity import References

DIMENSIONS = ("channel", "device", "market", "segment", "acquisition")
FAMILIES = ("order.", "delivery.", "shipment.")


def order_cases(events: list[Touchpoint], references: References) -> dict[str, list[Touchpoint]]:
    """Facts of each order's tree, in order of time; an order.placed without any reference is a case of its own."""
    cases: dict[str, list[Touchpoint]] = {}
    for event in events:
        if event.type.startswith(FAMILIES):
            case = references.case(event, "order")
            if not case and event.type == "order.placed":
                case = f"event:{event.eid.hex()}"
            if case:
                cases.setdefault(case, []).append(event)
    return cases


def first(facts: list[Touchpoint], kind: str) -> Touchpoint | None:
    """The first fact of a type, by time, then event id."""
    return next((fact for fact in facts if fact.type == kind), None)


def promised(fact: Touchpoint) -> int:
    """When a promise falls due, in ms."""
    due = fact.fields["promised_at"]
    assert isinstance(due, int)
    return due


def promises_of(facts: list[Touchpoint]) -> list[Touchpoint]:
    """The facts by which the merchant promised something, a carrier's estimates apart."""
    return [
        fact
        for fact in facts
        if fact.type in ("order.placed", "delivery.promised")
        and fact.fields.get("promised_at") is not None
        and fact.fields.get("promised_by") != "carrier"
    ]


def book_order(facts: list[Touchpoint], as_of: int, book: Book) -> None:
    """Books everything that one order feeds."""
    placed = first(facts, "order.placed")
    tags = tags_of((placed or facts[0]).dimensions, *DIMENSIONS)
    if placed:
        book.add(placed.at, "orders", 1, tags)
        value, currency = placed.fields.get("value"), placed.fields.get("currency")
        if isinstance(value, int) and currency:
            book.add(placed.at, "revenue", value, tags, f"|currency={currency}")
            book.add(placed.at, "orders_valued", 1, tags, f"|currency={currency}")
        book.add(placed.at, "orders_backordered", int(any(fact.type == "delivery.backordered" for fact in facts)), tags)

    promises = promises_of(facts)
    delivered = next((f for f in facts if f.type == "delivery.delivered" and f.fields.get("complete") is not False), None)
    cancelled = first(facts, "order.cancelled")
    if delivered and delivered.at + 30 * DAY_MS <= as_of and not (cancelled and cancelled.at < delivered.at):
        end = delivered.at + 30 * DAY_MS
        by_then = {fact.type for fact in facts if fact.at <= end}
        book.add(end, "orders_settled", 1, tags)
        book.add(end, "orders_damaged", int("delivery.damage_reported" in by_then), tags)
        book.add(end, "orders_returned", int("delivery.returned" in by_then), tags)
    if not promises:
        return
    earlier = [promise for promise in promises if delivered is None or promise.at < delivered.at]
    latest = earlier[-1] if earlier else promises[0]
    for promise, suffix in ((promises[0], ""), (latest, "_latest")):
        due = promised(promise)
        if due <= as_of and not (cancelled and cancelled.at < due):
            book.add(due, f"orders_due{suffix}", 1, tags)
            book.add(due, f"orders_kept{suffix}", int(delivered is not None and delivered.at <= due), tags)
        if delivered and not (cancelled and cancelled.at < delivered.at):
            book.spread(delivered.at, f"delivery_delay{suffix}", delivered.at - due, tags)
    book_overdue(promises, [end.at for end in (delivered, cancelled) if end], as_of, tags, book)


def book_overdue(promises: list[Touchpoint], ends: list[int], as_of: int, tags: dict[str, str], book: Book) -> None:
    """Books +1 when the promise in force is broken and -1 when it is replaced, met or cancelled."""
    for i, promise in enumerate(promises):
        until = min([after.at for after in promises[i + 1 :]] + ends, default=None)
        late = max(promised(promise), promise.at)
        if late <= as_of and (until is None or late < until):
            book.add(late, "orders_overdue", 1, tags)
            if until is not None:
                book.add(until, "orders_overdue", -1, tags)


def book_orders(events: list[Touchpoint], references: References, as_of: int, book: Book) -> None:
    """Books all orders."""
    for facts in order_cases(events, references).values():
        book_order(facts, as_of, book)
