"""The customer's life: current, lost, back. Relationship cells, booked by local day, but for requests to cancel: an alert waits
for no day to end.

A person is a customer from the first order or subscription. A customer is lost when the account is closed, when the
last active subscription ends, or, without an active subscription, after `silence_ms` without own activity; one that
orders or subscribes again after that is back.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from streams.core.cases.people import LONGEST, WINDOW_DAYS, book_runs, both, runs_of
from streams.core.cases.worth import Step, book_worth
from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import COHORT_WEEKS, CUSTOMER
from streams.core.journey import CODES, Fact, add_spell
from streams.core.model import Dimensions

_STARTED, _RENEWED, _CANCELLED, _ENDED = (CODES[f"subscription.{name}"] for name in ("started", "renewed", "cancelled", "ended"))
CHURN_DAYS = (7, 28)
_ACTIVE_CUSTOMERS = [(f"active_customers_{window}", width) for window, width in WINDOW_DAYS]
_WEEKS = {week: Where((f"|week={week}",)) for week in COHORT_WEEKS}
_NEVER = 1 << 62


class Subscription(msgspec.Struct):
    """When one subscription was active: closed spells [start, end), the open one's start, and deadlines yet to pass."""

    spells: list[tuple[int, int]]
    open_since: int | None
    deadlines: list[int]


def subscription_of(facts: Iterable[Fact], as_of: int) -> Subscription:
    """A subscription's spells. Its end is subscription.ended, or what a cancellation said, once that has passed."""
    spells: list[tuple[int, int]] = []
    since: int | None = None
    deadline: int | None = None
    ends_at: int | None = None
    ahead: list[int] = []
    for fact in facts:
        if since is not None and deadline is not None and deadline < fact.at:
            if deadline <= as_of:
                spells.append((since, max(deadline, since)))
                since = deadline = None
            else:
                ahead.append(deadline)
        said = fact.fields.get("ends_at")
        if isinstance(said, int):
            ends_at = said
        if fact.code in (_STARTED, _RENEWED):
            since, deadline = (fact.at if since is None else since), None
        elif since is not None and fact.code == _CANCELLED:
            said_now = max(ends_at, fact.at) if ends_at is not None else fact.at
            deadline = said_now if deadline is None else min(deadline, said_now)
        elif since is not None and fact.code == _ENDED:
            spells.append((since, fact.at))
            since = deadline = None
    if since is not None and deadline is not None and deadline <= as_of:
        spells.append((since, max(deadline, since)))
        since = deadline = None
    if deadline is not None:
        ahead.append(deadline)
    return Subscription(spells, since, ahead)


class Life(msgspec.Struct):
    """Spells as a customer, [since, lost), lost None while current; the next deadline; when the first two orders were placed.

    active: the local days of own activity and of orders, sorted. worth: what was paid and given back (`worth`).
    """

    spells: list[tuple[int, int | None]]
    due: int | None
    dimensions: Dimensions
    ordered: list[int]
    active: list[int]
    worth: list[Step]


Lived = tuple[Life | None, list[Fact]]
"""A person's life, None where there is none, and the requests to end a subscription."""


def life_of(
    placed: Sequence[Fact],
    subscriptions: Sequence[Sequence[Fact]],
    closed: Sequence[int],
    activity: Sequence[tuple[int, int]],
    as_of: int,
    silence_ms: int,
) -> Life | None:
    """A person's spells as a customer; None for somebody who never was one.

    placed: the order.placed fact of every order owned. subscriptions: the facts of each, sorted. closed: times of
    account.closed, sorted. activity: spells of own activity.
    """
    starts = [fact for facts in subscriptions for fact in facts if fact.code in (_STARTED, _RENEWED)]
    signals = sorted([*placed, *starts], key=lambda fact: (fact.at, fact.eid))
    if not signals:
        return None
    active = list(activity)
    for fact in placed:
        add_spell(active, (fact.at, fact.at), silence_ms)
    found = [subscription_of(facts, as_of) for facts in subscriptions]
    spells = [spell for one in found for spell in one.spells]
    spells += [(one.open_since, _NEVER) for one in found if one.open_since is not None]
    dues = [deadline for one in found for deadline in one.deadlines]
    times = [fact.at for fact in signals]
    periods: list[tuple[int, int | None]] = []
    since: int | None = times[0]
    while since is not None:
        silent = _silence(active, spells, since, silence_ms)
        if silent is not None and silent > as_of:
            dues.append(silent)
            silent = None
        ends = [end for _, end in spells if end >= since and end != _NEVER and not _covered(spells, end)]
        shut = bisect_left(closed, since)
        lost = min([*ends, *closed[shut : shut + 1], *([] if silent is None else [silent])], default=None)
        periods.append((since, lost))
        after = None if lost is None else bisect_right(times, lost)
        since = times[after] if after is not None and after < len(times) else None
    return Life(periods, min(dues, default=None), signals[0].dimensions, sorted([fact.at for fact in placed])[:2], [], [])


def _covered(spells: Iterable[tuple[int, int]], at: int) -> bool:
    return any(first <= at < end for first, end in spells)


def _silence(activity: Sequence[tuple[int, int]], spells: Sequence[tuple[int, int]], since: int, silence_ms: int) -> int | None:
    """When the person had been silent for too long, for the first time after `since`; subscribers are never silent."""
    last = since
    for first, end in activity:
        if end <= last:
            continue
        if first - last > silence_ms and not _covered(spells, last + silence_ms):
            break
        last = end
    return None if _covered(spells, last + silence_ms) else last + silence_ms


def book_life(lived: Lived, book: Notebook) -> None:
    """C of one person's life."""
    _book_parts(lived, (None, []), book)


def book_change(before: Lived, after: Lived, book: Notebook) -> None:
    """C(after) - C(before), of which only what differs is computed."""
    book.sign = -1
    _book_parts(before, after, book)
    book.sign = 1
    _book_parts(after, before, book)


def _book_parts(one: Lived, other: Lived, book: Notebook) -> None:
    """Whatever is not the same in both, as it is in the one."""
    life, cancelled = one
    if cancelled != other[1]:
        for fact in cancelled:
            book.count("cancellation_requests", fact.at, where_of(fact.dimensions, CUSTOMER))
    if life is None:
        return
    same = other[0] if other[0] is not None and other[0].dimensions == life.dimensions else None
    where = where_of(life.dimensions, CUSTOMER)
    day_of = book.local.day_of
    if same is None or life.ordered != same.ordered:
        for name, at in zip(("customers_ordered", "customers_repeated"), life.ordered, strict=False):
            book.count_day(name, day_of(at), where)
    if same is None or life.spells != same.spells:
        _book_spells(life.spells, where, book)
        _book_active(life.active, life.spells, where, book)
    elif life.active != same.active:
        changed = set(life.active).symmetric_difference(same.active)
        lo, hi = min(changed) - LONGEST, max(changed) + LONGEST
        _book_active([day for day in life.active if lo <= day <= hi], life.spells, where, book)
    _book_cohort(life, same, book)
    if same is None or life.worth != same.worth:
        book_worth(life.worth, life.dimensions, book)


def _book_active(active: Sequence[int], spells: Sequence[tuple[int, int | None]], where: Where, book: Notebook) -> None:
    """The stock of customers who did something lately."""
    day_of = book.local.day_of
    current = [(day_of(since), None if lost is None else day_of(lost)) for since, lost in spells]
    for name, width in _ACTIVE_CUSTOMERS:
        book_runs(name, both(runs_of(active, width), current), where, book)


def _book_spells(spells: Sequence[tuple[int, int | None]], where: Where, book: Notebook) -> None:
    """When the person was a customer, and was missed."""
    day_of = book.local.day_of
    for index, (since, lost) in enumerate(spells):
        start = day_of(since)
        book.count_day("customers", start, where)
        book.count_day("new_customers" if index == 0 else "reactivated_customers", start, where)
        if lost is None:
            continue
        end = day_of(lost)
        back = day_of(spells[index + 1][0]) if index + 1 < len(spells) else None
        book.count_day("customers", end, where, -1)
        for days in CHURN_DAYS:
            enter, leave = max(start + days, end), end + days
            if back is not None:
                leave = min(leave, back)
            if enter < leave:
                book.count_day(f"churned_{days}d", enter, where)
                book.count_day(f"churned_{days}d", leave, where, -1)


Cohort = tuple[int, list[int]]
"""(the Monday of the week of the first order, the weeks of COHORT_WEEKS after it in which the customer did something)."""


def _cohort_of(life: Life, book: Notebook) -> Cohort | None:
    if not life.ordered:
        return None
    first = book.local.day_of(life.ordered[0])
    monday = first - (first + 3) % 7
    weeks = {(day - monday) // 7 for day in life.active}
    return monday, [week for week in COHORT_WEEKS if week in weeks]


def _book_cohort(life: Life, same: Life | None, book: Notebook) -> None:
    """A customer of a cohort, and in which weeks after it active, each on the day after the week, as far as the other is not alike."""
    if same is not None and (life.ordered, life.active) == (same.ordered, same.active):
        return
    cohort = _cohort_of(life, book)
    if cohort is None:
        return
    other = None if same is None else _cohort_of(same, book)
    monday, weeks = cohort
    alike = other is not None and other[0] == monday
    for week in COHORT_WEEKS if not alike else ():
        book.count_day("cohort", monday + 7 * (week + 1), _WEEKS[week])
    for week in weeks:
        if other is None or not alike or week not in other[1]:
            book.count_day("cohort_active", monday + 7 * (week + 1), _WEEKS[week])


def is_cancellation(fact: Fact) -> bool:
    """Whether a fact is a request to cancel."""
    return fact.code == _CANCELLED


def is_payment(fact: Fact) -> bool:
    """Whether a subscription was paid for."""
    return fact.code in (_STARTED, _RENEWED)


def is_subscription(fact: Fact) -> bool:
    """Whether a fact belongs to a subscription's course."""
    return fact.code in (_STARTED, _RENEWED, _CANCELLED, _ENDED)


def is_signal(fact: Fact) -> bool:
    """Whether a fact may begin or end a life as a customer."""
    return fact.code in (_PLACED, CLOSED) or is_subscription(fact)


_PLACED = CODES["order.placed"]
CLOSED = CODES["account.closed"]
