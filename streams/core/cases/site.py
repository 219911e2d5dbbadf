"""Visits and task attempts: what a person did on web and app.

Everything here is a function of site facts (channel web or app) and *marks* (orders that count without extending a
visit: placed in a back end, a store or on the phone). Both close by waiting, and are booked when the wait is over:
a visit at min(last + gap, first + limit), an attempt at start + limit, successes too, so that numerator and
denominator mature together. Facts further apart than `policy.island_ms` cannot influence each other
(`islands`), so only the islands that a change touches are recomputed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from streams.core.cases.islands import islands_between
from streams.core.cases.pages import LEFT, VIEWED, Pages
from streams.core.cases.ways import CLICKED, WAYS, Ways
from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import SITE
from streams.core.journey import CODES, Fact
from streams.core.model import Identifier
from streams.core.policy import DAY, Policy, TaskPolicy

ORDER_PLACED = CODES["order.placed"]
_PASSIVE = frozenset(CODES[name] for name in ("page.viewed", "page.left", "error.shown"))
_PAYMENT_FAILED = CODES["payment.failed"]
_ERROR_SHOWN = CODES["error.shown"]
_ERRORS = frozenset((_ERROR_SHOWN, _PAYMENT_FAILED))
_START, _FAILURE, _SUCCESS = range(3)
TASK_STARTED = CODES["task.started"]
_EXPLICIT = {TASK_STARTED: _START, CODES["task.failed"]: _FAILURE, CODES["task.completed"]: _SUCCESS}
SITE_CHANNELS = frozenset({"web", "app"})
OTHER_TASK = "other"
CART = "cart"
"""The task whose attempts are carts."""
RECOVERY_MS = DAY
"""Whoever buys within this after a cart was given up has come back for it."""
NAMELESS = "nameless"
"""A field of facts that had no person of their own; their `who` is whom they were found to be of."""
_EVER = 1 << 62


class TaskRules(msgspec.Struct, frozen=True):
    """A task policy with its types as codes.

    begin: the codes that an attempt may start with. relevant: all codes that may matter. others: for the task `other`, the
    names that it does not stand for.
    """

    name: str
    limit_ms: int
    start: frozenset[int]
    success: frozenset[int]
    begin: frozenset[int]
    relevant: frozenset[int]
    others: frozenset[str] = frozenset()


class Rules(msgspec.Struct, frozen=True):
    """What the functions of this module need of a policy, computed once.

    cart: the task whose attempts are carts. ahead_ms: how long after its first fact something of an island is booked, at most.
    """

    gap_ms: int
    limit_ms: int
    join_ms: int
    island_ms: int
    wait_ms: int
    tasks: tuple[TaskRules, ...]
    cart: TaskRules | None
    ahead_ms: int


def rules_of(policy: Policy) -> Rules:
    """The rules of a policy. Every task may also be reported explicitly, by name; unknown names are `other`."""
    tasks = [*policy.tasks]
    if all(task.name != OTHER_TASK for task in tasks):
        tasks.append(TaskPolicy(OTHER_TASK, policy.other_task_limit_ms))
    rules = tuple(
        TaskRules(
            task.name,
            task.limit_ms,
            frozenset(CODES[name] for name in task.start),
            frozenset(CODES[name] for name in task.success),
            frozenset([TASK_STARTED, *(CODES[name] for name in task.start)]),
            frozenset([*_EXPLICIT, *(CODES[name] for name in task.start | task.success)]),
            frozenset(other.name for other in tasks) if task.name == OTHER_TASK else frozenset(),
        )
        for task in tasks
    )
    cart = next((task for task in rules if task.name == CART), None)
    return Rules(
        gap_ms=policy.visit_gap_ms,
        limit_ms=policy.visit_limit_ms,
        join_ms=policy.join_ms,
        island_ms=policy.island_ms,
        wait_ms=min([policy.visit_gap_ms, policy.visit_limit_ms, *(task.limit_ms for task in tasks)]),
        tasks=rules,
        cart=cart,
        ahead_ms=max(policy.island_ms, 0 if cart is None else cart.limit_ms + RECOVERY_MS),
    )


class Visit:
    """A run of site facts of one person."""

    __slots__ = ("dimensions", "errors", "first", "interacted", "last", "looked", "orders", "pages", "refused", "tokens", "ways")

    def __init__(self, fact: Fact) -> None:
        self.first = self.last = fact.at
        self.dimensions = fact.dimensions
        self.pages = self.errors = self.refused = 0
        self.interacted = False
        self.orders: set[str | bytes] = set()
        self.tokens: list[Identifier] = []
        self.ways: Ways | None = None
        self.looked: Pages | None = None

    def add(self, fact: Fact) -> None:
        """Takes in its next fact."""
        code = fact.code
        self.last = fact.at
        if code in (VIEWED, LEFT):
            self.pages += code == VIEWED
            if self.looked is None:
                self.looked = Pages()
            self.looked.add(fact)
        elif code not in _PASSIVE:
            self.interacted = True
            self._act(fact, code)
        elif code == _ERROR_SHOWN:
            self.errors += 1
        if fact.references:
            self.tokens += fact.references

    def _act(self, fact: Fact, code: int) -> None:
        if code in WAYS:
            if self.ways is None:
                self.ways = Ways()
            self.ways.add(fact)
        elif code == ORDER_PLACED:
            self.orders.add(_order_of(fact))
        elif code == _PAYMENT_FAILED:
            self.refused += 1
            self.errors += 1

    def book_details(self, at: int, where: Where, book: Notebook) -> None:
        """Books how somebody found the way, and how long each page was looked at."""
        if self.ways is not None:
            self.ways.book(at, where, book)
        if self.looked is not None:
            self.looked.book(at, book)

    def close(self, rules: Rules) -> int:
        """When the visit is over, whatever comes later."""
        return min(self.last + rules.gap_ms, self.first + rules.limit_ms)


def _order_of(fact: Fact) -> str | bytes:
    """What an order is known by: shop and site may both tell of it."""
    return next((reference for reference in fact.references if reference.startswith("order_id:")), fact.eid)


def is_mark(fact: Fact) -> bool:
    """An order that counts as a success and a conversion without being an action on the site."""
    return fact.code == ORDER_PLACED and (fact.dimensions.channel not in SITE_CHANNELS or NAMELESS in fact.fields)


def walk_visits(facts: Iterable[Fact], rules: Rules) -> list[Visit]:
    """The visits of one strand's site facts, sorted by (at, eid); marks join and never extend."""
    visits: list[Visit] = []
    marks: list[Fact] = []
    visit: Visit | None = None
    gap_ms, limit_ms = rules.gap_ms, rules.limit_ms
    for fact in facts:
        at = fact.at
        if fact.code == ORDER_PLACED and is_mark(fact):
            marks.append(fact)
            continue
        if visit is None or at - visit.last >= gap_ms or at - visit.first >= limit_ms:
            visit = Visit(fact)
            visits.append(visit)
        visit.add(fact)
    for mark in marks:
        joined = _visit_of(mark, visits, rules)
        if joined is not None:
            joined.orders.add(_order_of(mark))
    return visits


def facts_in(visit: Visit, facts: Iterable[Fact]) -> list[Fact]:
    """The facts that made a visit what it is, the marks that joined it included."""
    return [
        fact for fact in facts if (_order_of(fact) in visit.orders if is_mark(fact) else visit.first <= fact.at <= visit.last)
    ]


def _visit_of(mark: Fact, visits: Sequence[Visit], rules: Rules) -> Visit | None:
    """By visit id, else by cart token, else the visit that was open when the order was placed."""
    for kind in ("visit_id:", "cart_token:"):
        for reference in mark.references:
            if reference.startswith(kind):
                for visit in reversed(visits):
                    if reference in visit.tokens and visit.first <= mark.at and visit.last > mark.at - rules.join_ms:
                        return visit
    for visit in reversed(visits):
        if visit.first <= mark.at < visit.close(rules):
            return visit
    return None


def book_visits(visits: Iterable[Visit], since: int, as_of: int, rules: Rules, book: Notebook) -> None:
    """Books the visits that have closed after `since` and by as_of."""
    for visit in visits:
        close = visit.close(rules)
        if not since < close <= as_of:
            continue
        where = where_of(visit.dimensions, SITE)
        book.count("visits", close, where)
        if visit.orders:
            book.count("visits_converted", close, where)
        if visit.pages == 1 and not visit.interacted:
            book.count("visits_bounced", close, where)
        if visit.pages:
            book.count("visit_pages", close, where, visit.pages)
        if visit.orders or visit.refused:
            book.count("payment_attempts", close, where, len(visit.orders) + visit.refused)
        if visit.refused:
            book.count("payments_refused", close, where, visit.refused)
        if visit.errors:
            book.count("visit_errors", close, where, visit.errors)
        visit.book_details(close, where, book)
        book.measure("visit_duration", close, where, visit.last - visit.first)


class Attempt:
    """One try at a task, open from its start through start + limit, or until its success."""

    __slots__ = ("failed", "start", "success_at")

    def __init__(self, start: Fact) -> None:
        self.start = start
        self.success_at: int | None = None
        self.failed = False


def _rank(fact: Fact, task: TaskRules) -> int | None:
    """Within one instant: starts (0), then failures (1), then successes (2). None: not of this task."""
    code = fact.code
    if code in task.start:
        return None if is_mark(fact) else _START
    if code in task.success:
        return _SUCCESS
    if code in _EXPLICIT:
        name = fact.fields.get("task")
        if name == task.name or (task.others and name not in task.others):
            return _EXPLICIT[code]
    return None


def succeeds(fact: Fact, task: TaskRules) -> bool:
    """Whether a fact completes an attempt at a task."""
    return fact.code in task.relevant and _rank(fact, task) == _SUCCESS


def walk_attempts(facts: Iterable[Fact], task: TaskRules) -> list[Attempt]:
    """The attempts of one strand at one task: one at a time, further starts are absorbed."""
    relevant = [
        (fact.at, rank, fact.eid, fact)
        for fact in facts
        if fact.code in task.relevant and (rank := _rank(fact, task)) is not None
    ]
    relevant.sort(key=_by_rank)
    attempts: list[Attempt] = []
    attempt: Attempt | None = None
    for at, rank, _, fact in relevant:
        if attempt is not None and (attempt.success_at is not None or at > attempt.start.at + task.limit_ms):
            attempt = None
        if rank == _START and attempt is None:
            attempt = Attempt(fact)
            attempts.append(attempt)
        elif rank == _FAILURE and attempt is not None:
            attempt.failed = True
        elif rank == _SUCCESS and attempt is not None:
            attempt.success_at = at
    return attempts


def _by_rank(entry: tuple[int, int, bytes, Fact]) -> tuple[int, int, bytes]:
    return entry[:3]


def book_attempts(
    facts: Sequence[Fact], visits: Sequence[Visit], since: int, as_of: int, task: TaskRules, book: Notebook
) -> None:
    """Books the attempts at one task whose limit has passed after `since` and by as_of."""
    for attempt in walk_attempts(facts, task):
        book_attempt(attempt, facts, visits, since, as_of, task, book)


def book_attempt(
    attempt: Attempt, facts: Sequence[Fact], visits: Sequence[Visit], since: int, as_of: int, task: TaskRules, book: Notebook
) -> None:
    """Books one of them, if its limit has passed then."""
    start, limit = attempt.start, attempt.start.at + task.limit_ms
    if not since < limit <= as_of:
        return
    where = where_of(start.dimensions, SITE, f"|task={task.name}")
    book.count("attempts", limit, where)
    visit = next(visit for visit in visits if visit.first <= start.at <= visit.last)
    if attempt.success_at is not None:
        book.count("attempts_completed", limit, where)
        book.measure("time_to_complete", limit, where, attempt.success_at - start.at, geometric=True)
        # A source that sends no clicks still sends pages; which it is, is seen in the visit.
        step = CLICKED if visit.ways is not None and visit.ways.clicked else VIEWED
        steps = sum([fact.code == step and start.at <= fact.at <= attempt.success_at for fact in facts])
        book.tally("clicks_to_complete", limit, where, steps)
    elif attempt.failed:
        book.count("attempts_failed", limit, where)
    until = min(visit.last, limit if attempt.success_at is None else attempt.success_at)
    if any(start.at <= fact.at <= until for fact in facts if fact.code in _ERRORS):
        book.count("attempts_errored", limit, where)


def book_site(facts: Sequence[Fact], since: int, as_of: int, rules: Rules, book: Notebook) -> None:
    """C of one strand's whole islands, sorted by (at, eid); of it, what has closed after `since` and by as_of."""
    if not facts or facts[0].at + rules.wait_ms > as_of:
        return
    visits = walk_visits(facts, rules)
    book_visits(visits, since, as_of, rules, book)
    for task in begun(facts, rules):
        book_attempts(facts, visits, since, as_of, task, book)


def begun(facts: Iterable[Fact], rules: Rules) -> list[TaskRules]:
    """The tasks that some of these facts may be an attempt at."""
    codes = {fact.code for fact in facts}
    return [task for task in rules.tasks if not task.begin.isdisjoint(codes)]


def next_deadline(facts: Sequence[Fact], as_of: int, rules: Rules) -> int | None:
    """The earliest moment after as_of at which a visit or an attempt may close; it may come to nothing, never be missed."""
    recent = islands_between(facts, as_of - rules.ahead_ms, _EVER, rules.island_ms)
    if not recent:
        return None
    due = [close for visit in walk_visits(recent, rules) if (close := visit.close(rules)) > as_of]
    for task in begun(recent, rules):
        starts = [fact.at for fact in recent if fact.code in task.begin and _rank(fact, task) == _START]
        for wait in (task.limit_ms, task.limit_ms + RECOVERY_MS) if task.name == CART else (task.limit_ms,):
            due.extend([at + wait for at in starts if at + wait > as_of])
    return min(due, default=None)
