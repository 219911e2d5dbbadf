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

from streams.core.cases.people import WINDOW_DAYS, book_runs, both, runs_of
from streams.core.cases.worth import Step, book_worth
from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import COHORT_WEEKS, CUSTOMER
from streams.core.journey import CODES, Fact, add_spell
from streams.core.model import Dimensions

_STARTED, _RENEWED, _CANCELLED, _ENDED = (CODES[f"subscription.{name}"] for name in ("started", "renewed", "cancelled", "ended"))
CHURN_DAYS = (7, 28)
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
    """Spells as a customer, [since, lost), lost None while current; the next deadline; when orders were placed.

    days: the local days of own activity, beside orders. worth: what was paid and given back (`worth`).
    """

    spells: list[tuple[int, int | None]]
    due: int | None
    dimensions: Dimensions
    ordered: list[int]
    days: list[int]
    worth: list[Step]


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
    return Life(periods, min(dues, default=None), signals[0].dimensions, sorted([fact.at for fact in placed]), [], [])


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


def book_life(life: Life | None, cancelled: Iterable[Fact], book: Notebook) -> None:
    """C of one person's life; `cancelled` are the subscription.cancelled facts."""
    for fact in cancelled:
        book.count("cancellation_requests", fact.at, where_of(fact.dimensions, CUSTOMER))
    if life is None:
        return
    day_of = book.local.day_of
    where = where_of(life.dimensions, CUSTOMER)
    for name, at in zip(("customers_ordered", "customers_repeated"), life.ordered, strict=False):
        book.count_day(name, day_of(at), where)
    days = sorted({*life.days, *[day_of(at) for at in life.ordered]})
    spells = [(day_of(since), None if lost is None else day_of(lost)) for since, lost in life.spells]
    for window, width in WINDOW_DAYS:
        book_runs(f"active_customers_{window}", both(runs_of(days, width), spells), where, book)
    if life.ordered:
        _book_cohort(day_of(life.ordered[0]), days, book)
    book_worth(life.worth, life.dimensions, book)
    _book_spells(life.spells, where, book)


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


def _book_cohort(first: int, days: Sequence[int], book: Notebook) -> None:
    """A customer of the week (from Monday) of the first order, and whether active in the weeks after, each on the day after it."""
    monday = first - (first + 3) % 7
    weeks = {(day - monday) // 7 for day in days}
    for week in COHORT_WEEKS:
        where = _WEEKS[week]
        after = monday + 7 * (week + 1)
        book.count_day("cohort", after, where)
        if week in weeks:
            book.count_day("cohort_active", after, where)


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
