"""The oracle's life metrics: when each person became a customer, was lost and came back."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.core.model import Identifier, Touchpoint
from streams.core.policy import Policy
from tests.oracle.book import Book, bucket_name, local_day, tags_of
from tests.oracle.identity import People, References, customers
from tests.oracle.orders import first, order_cases
from tests.oracle.people import WINDOWS, book_people, book_stock, did, within

DIMENSIONS = ("market", "segment", "acquisition")
STARTS = ("subscription.started", "subscription.renewed")
CHURN_DAYS = (7, 28)

ACTIVITY_FAMILIES = (
    "page.",
    "element.",
    "search.",
    "navigation.",
    "error.",
    "task.",
    "cart.",
    "checkout.",
    "referral.",
    "product.",
)
ACTIVITY_TYPES = (
    "payment.failed",
    "order.placed",
    "contact.opened",
    "message.clicked",
    "message.unsubscribed",
    "survey.answered",
    "account.created",
    "subscription.started",
    "subscription.renewed",
    "subscription.cancelled",
    "review.posted",
    "social.mentioned",
    "store.visited",
)

Interval = tuple[int, int | None]


@dataclass
class Life:
    """The signals of one person. intervals: of active subscriptions, from start (inclusive) to end (exclusive)."""

    signals: list[Touchpoint] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    active: list[int] = field(default_factory=list)
    cancelled: list[Touchpoint] = field(default_factory=list)
    money: list[tuple[int, str, int]] = field(default_factory=list)

    def subscribed(self, at: int) -> bool:
        """Whether a subscription is active at a moment."""
        return any(start <= at and (end is None or at < end) for start, end in self.intervals)


def is_activity(event: Touchpoint) -> bool:
    """Whether a touchpoint is something that the person did, not something done to them."""
    if event.type == "contact.replied":
        return event.fields.get("by") == "customer"
    if event.type == "message.opened":
        return event.fields.get("machine") is not True
    return event.type in ACTIVITY_TYPES or event.type.startswith(ACTIVITY_FAMILIES)


def deadline(facts: list[Touchpoint], index: int) -> int:
    """When the subscription ends that fact `index` cancels: its ends_at, else the last one known, not before it."""
    known = [fact.fields["ends_at"] for fact in facts[: index + 1] if isinstance(fact.fields.get("ends_at"), int)]
    end = known[-1] if known else None
    return max(facts[index].at, end) if isinstance(end, int) else facts[index].at


def active_intervals(facts: list[Touchpoint], as_of: int) -> list[Interval]:
    """From when to when one subscription was active. A start at or before the deadline undoes a cancellation."""
    found: list[Interval] = []
    start: int | None = None
    ends: int | None = None
    for index, fact in enumerate(facts):
        if start is not None and ends is not None and ends < fact.at and ends <= as_of:
            found.append((start, ends))
            start = ends = None
        if fact.type in STARTS:
            start, ends = fact.at if start is None else start, None
        elif start is not None and fact.type == "subscription.ended":
            found.append((start, fact.at))
            start = ends = None
        elif start is not None and fact.type == "subscription.cancelled":
            ends = min(deadline(facts, index), deadline(facts, index) if ends is None else ends)
    if start is not None:
        found.append((start, ends if ends is not None and ends <= as_of else None))
    return found


def lost_at(life: Life, since: int, policy: Policy, as_of: int) -> int | None:
    """When a person who is a customer since `since` is lost first."""
    losses = [at for at in life.closed if at >= since]
    losses += [end for _, end in life.intervals if end is not None and end >= since and not life.subscribed(end)]
    for at in {since, *life.active}:
        silent = at + policy.silence_ms
        heard = any(at < other <= silent for other in life.active)
        if at >= since and silent <= as_of and not heard and not life.subscribed(silent):
            losses.append(silent)
    return min(losses, default=None)


def book_life(life: Life, policy: Policy, as_of: int, book: Book) -> None:
    """Books one person's life as a customer."""
    for fact in life.cancelled:
        book.add(fact.at, "cancellation_requests", 1, tags_of(fact.dimensions, *DIMENSIONS))
    if not life.signals:
        return
    life.signals.sort(key=lambda t: (t.at, t.eid))
    tags = tags_of(life.signals[0].dimensions, *DIMENSIONS)
    orders = sorted(signal.at for signal in life.signals if signal.type == "order.placed")
    if orders:
        book.add_day(local_day(orders[0], policy.timezone), "customers_ordered", 1, tags)
    if len(orders) > 1:
        book.add_day(local_day(orders[1], policy.timezone), "customers_repeated", 1, tags)
    book.add_day(local_day(life.signals[0].at, policy.timezone), "new_customers", 1, tags)
    spells = book_spells(life, policy, as_of, tags, book)
    days = {local_day(at, policy.timezone) for at in life.active}
    if days:
        book_active(days, spells, tags, book)
    if orders:
        book_cohort(local_day(orders[0], policy.timezone), days, book)
    book_worth(life.money, {name: tags[name] for name in ("market", "segment")}, book)


def book_spells(life: Life, policy: Policy, as_of: int, tags: dict[str, str], book: Book) -> list[tuple[int, int | None]]:
    """Books when the person was a customer, and was missed; the spells by local day."""
    since: int | None = life.signals[0].at
    spells: list[tuple[int, int | None]] = []
    while since is not None:
        start = local_day(since, policy.timezone)
        book.add_day(start, "customers", 1, tags)
        lost = lost_at(life, since, policy, as_of)
        spells.append((start, None if lost is None else local_day(lost, policy.timezone)))
        if lost is None:
            break
        end = local_day(lost, policy.timezone)
        since = min((signal.at for signal in life.signals if signal.at > lost), default=None)
        back = None if since is None else local_day(since, policy.timezone)
        book.add_day(end, "customers", -1, tags)
        if back is not None:
            book.add_day(back, "reactivated_customers", 1, tags)
        for days in CHURN_DAYS:
            enters = max(start + days, end)
            leaves = end + days if back is None else min(end + days, back)
            if enters < leaves:
                book.add_day(enters, f"churned_{days}d", 1, tags)
                book.add_day(leaves, f"churned_{days}d", -1, tags)
    return spells


def book_active(days: set[int], spells: list[tuple[int, int | None]], tags: dict[str, str], book: Book) -> None:
    """Books the stock of customers who did something lately, day by day."""

    def current(day: int) -> bool:
        return any(start <= day and (end is None or day < end) for start, end in spells)

    for window, width in WINDOWS.items():
        span = range(min(days), max(days) + width + 1)
        active = {day for day in span if current(day) and within(days, day, width)}
        book_stock(f"active_customers_{window}", active, book, tags)


def book_cohort(first: int, days: set[int], book: Book) -> None:
    """Books one customer of the cohort of a week; day 0 was a Thursday."""

    def week_of(day: int) -> int:
        return (day + 3) // 7

    for week in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 26, 52):
        over = 7 * (week_of(first) + week + 1) - 3
        book.add_day(over, "cohort", 1, {}, f"|week={week}")
        book.add_day(over, "cohort_active", int(any(week_of(day) == week_of(first) + week for day in days)), {}, f"|week={week}")


def book_worth(money: list[tuple[int, str, int]], tags: dict[str, str], book: Book) -> None:
    """Books the stock of customers by what they have brought in, as it is at the end of each day."""
    for currency in {currency for _, currency, _ in money}:
        fixed = f"|currency={currency}"
        before: int | None = None
        for day in sorted({local_day(at, book.zone) for at, of, _ in money if of == currency}):
            worth = sum(amount for at, of, amount in money if of == currency and local_day(at, book.zone) <= day)
            for value, n in ((before, -1), (worth, 1)):
                if value is not None:
                    book.add_day(day, "customer_value.n", n, tags, fixed)
                    book.add_day(day, "customer_value.sum", n * value, tags, fixed)
                    book.add_day(day, f"customer_value.{bucket_name(value)}", n, tags, fixed)
            before = worth


def money_of(facts: list[Touchpoint]) -> list[tuple[int, str, int]]:
    """(time, currency, amount) of what one order brought in and gave back: all that is left of it goes when it is cancelled."""
    placed = first(facts, "order.placed")
    value = placed.fields.get("value") if placed else None
    if placed is None or not isinstance(value, int) or not placed.fields.get("currency"):
        return []
    own = str(placed.fields["currency"])
    off = first(facts, "order.cancelled")
    found = [(placed.at, own, value)]
    for fact in facts:
        back = fact.fields.get("value")
        if fact.type == "order.refunded" and isinstance(back, int) and (off is None or fact.at < max(off.at, placed.at)):
            found.append((max(fact.at, placed.at), str(fact.fields.get("currency") or own), -back))
    if off is not None:
        for currency in {currency for _, currency, _ in found}:
            left = sum(amount for _, of, amount in found if of == currency)
            found.append((max(off.at, placed.at), currency, -left))
    return found


class Lives:
    """Every customer's signals, gathered from all cases and all events."""

    def __init__(
        self, events: list[Touchpoint], said: list[Touchpoint], people: People, references: References, as_of: int
    ) -> None:
        self.who = {identifier: person for person in people.everyone() for identifier in person}
        self.customers = customers(said, people.everyone())
        self.of: dict[frozenset[Identifier], Life] = {customer: Life() for customer in self.customers.values()}
        self._orders(events, references)
        self._subscriptions(events, references, as_of)
        for event in events:
            if event.persons:
                life = self.of[self.customers[event.persons[0]]]
                if event.type == "account.closed":
                    life.closed.append(event.at)
        for event in said:
            if event.persons and is_activity(event):
                self.of[self.customers[event.persons[0]]].active.append(event.at)

    def _orders(self, events: list[Touchpoint], references: References) -> None:
        for facts in order_cases(events, references).values():
            placed = first(facts, "order.placed")
            if placed:
                owner = references.owner(placed, "order")
                persons = owner.persons if owner else placed.persons
                if persons:
                    life = self.of[self.customers[persons[0]]]
                    life.signals.append(placed)
                    life.active.append(placed.at)
                    life.money += money_of(facts)

    def _subscriptions(self, events: list[Touchpoint], references: References, as_of: int) -> None:
        cases: dict[str | frozenset[Identifier], tuple[Life, list[Touchpoint]]] = {}
        for event in events:
            if event.type.startswith("subscription."):
                case = references.case(event, "subscription")
                owner = references.owner(event, "subscription")
                persons = owner.persons if owner else () if case else event.persons
                if persons:
                    person = self.who[persons[0]]
                    cases.setdefault(case or person, (self.of[self.customers[persons[0]]], []))[1].append(event)
        for life, facts in cases.values():
            life.intervals += active_intervals(facts, as_of)
            life.signals += [fact for fact in facts if fact.type in STARTS]
            for fact in facts:
                value, currency = fact.fields.get("value"), fact.fields.get("currency")
                if fact.type in STARTS and isinstance(value, int) and currency:
                    life.money.append((fact.at, str(currency), value))
            life.cancelled += [fact for fact in facts if fact.type == "subscription.cancelled"]


def book_lives(
    events: list[Touchpoint],
    said: list[Touchpoint],
    people: People,
    references: References,
    policy: Policy,
    as_of: int,
    book: Book,
) -> None:
    """Books everybody's life as a customer."""
    lives = Lives(events, said, people, references, as_of)
    for life in lives.of.values():
        book_life(life, policy, as_of, book)
    book_people(did(said, lives.who, is_activity), book)
