"""The oracle's UX: every strand's visits and attempts, from all of its facts and marks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streams.core.model import Touchpoint
from streams.core.policy import Policy, TaskPolicy
from tests.oracle.book import DAY_MS, Book, tags_of
from tests.oracle.identity import People, References, named

DIMENSIONS = ("channel", "device", "market", "segment", "acquisition")
NO_INTERACTION = ("page.viewed", "page.left", "error.shown")
ERRORS = ("error.shown", "payment.failed")


@dataclass
class Strand:
    """What one person did on the web, as far as it is known in time that it was one person."""

    facts: list[Touchpoint] = field(default_factory=list)
    marks: list[Touchpoint] = field(default_factory=list)


@dataclass
class Visit:
    """Consecutive web facts; `close` is when it is booked."""

    facts: list[Touchpoint]
    close: int
    joined: list[Touchpoint] = field(default_factory=list)

    @property
    def first(self) -> int:
        return self.facts[0].at

    @property
    def last(self) -> int:
        return self.facts[-1].at


def strand_of(person: str, at: int, people: People, policy: Policy) -> str:
    """A strand is called by the least identifier that is known to be the same person in time for a fact at `at`."""
    return min(people.reached(person, at + policy.join_ms))  # type: ignore[arg-type]


def family_of(fact: Touchpoint) -> str:
    """The case that says whose an event without a person is: an order's own, a visit's, else a cart's; empty for none."""
    if fact.type == "order.placed":
        return "order"
    if named(fact, "visit_id"):
        return "visit"
    return "order" if named(fact, "cart_token") else ""


def strands(events: list[Touchpoint], people: People, references: References, policy: Policy) -> dict[str, Strand]:
    """Web facts and marks of every strand, quarantined days included."""
    found: dict[str, Strand] = {}
    for event in events:
        on_web = event.dimensions.channel in ("web", "app")
        ordered = event.type == "order.placed"
        if event.persons:
            who = event.persons[0]
        else:
            family = family_of(event)
            first = references.first(event, family, event.at + policy.join_ms) if family else None
            if first is None:
                continue
            who = first.persons[0]
        is_fact = on_web and (bool(event.persons) or not ordered)
        if is_fact or ordered:
            strand = found.setdefault(strand_of(who, event.at, people, policy), Strand())
            (strand.facts if is_fact else strand.marks).append(event)
    return found


def without_robots(facts: list[Touchpoint], limit: int) -> list[Touchpoint]:
    """The facts of all UTC days that have no more than `limit` of them."""
    return [fact for fact in facts if sum(1 for other in facts if other.at // DAY_MS == fact.at // DAY_MS) <= limit]


def visits_of(facts: list[Touchpoint], policy: Policy) -> list[Visit]:
    """Cuts facts into visits at idle gaps and at the longest duration."""
    visits: list[Visit] = []
    for fact in sorted(facts, key=lambda t: (t.at, t.eid)):
        now = visits[-1] if visits else None
        if now is None or fact.at - now.last >= policy.visit_gap_ms or fact.at - now.first >= policy.visit_limit_ms:
            visits.append(Visit([fact], 0))
        else:
            now.facts.append(fact)
    for visit in visits:
        visit.close = min(visit.last + policy.visit_gap_ms, visit.first + policy.visit_limit_ms)
    return visits


def visit_of_mark(mark: Touchpoint, visits: list[Visit], policy: Policy) -> Visit | None:
    """The visit that an order without a web fact of its own belongs to: by visit_id, cart_token, else by time."""
    recent = [v for v in visits if mark.at - policy.join_ms < v.last and v.first <= mark.at]
    for kind in ("visit_id", "cart_token"):
        wanted = set(named(mark, kind))
        sharing = [v for v in recent if any(wanted & set(named(fact, kind)) for fact in v.facts)]
        if sharing:
            return max(sharing, key=lambda v: v.first)
    for visit in visits:
        if visit.first <= mark.at < visit.close:
            return visit
    return None


def book_visits(visits: list[Visit], as_of: int, book: Book) -> None:
    """Books the visits that have closed."""
    for visit in visits:
        if visit.close > as_of:
            continue
        tags = tags_of(visit.facts[0].dimensions, *DIMENSIONS)
        types = [fact.type for fact in visit.facts]
        pages = types.count("page.viewed")
        interactions = [name for name in types if name not in NO_INTERACTION]
        book.add(visit.close, "visits", 1, tags)
        book.add(visit.close, "visits_converted", int(bool(visit.joined) or "order.placed" in types), tags)
        book.add(visit.close, "visits_bounced", int(pages == 1 and not interactions), tags)
        book.add(visit.close, "visit_pages", pages, tags)
        refused = types.count("payment.failed")
        book.add(visit.close, "payments_refused", refused, tags)
        placed = [fact for fact in visit.facts if fact.type == "order.placed"] + visit.joined
        orders = {tuple(named(fact, "order_id")[:1]) or fact.eid for fact in placed}
        book.add(visit.close, "payment_attempts", refused + len(orders), tags)
        book.spread(visit.close, "visit_duration", visit.last - visit.first, tags)
        book.add(visit.close, "visit_errors", types.count("error.shown") + refused, tags)
        for group, spent in times_on_pages(visit.facts):
            book.spread(visit.close, "time_on_page", spent, {"page_group": group})
        searches = [fact for fact in visit.facts if fact.type == "search.performed"]
        book.add(visit.close, "visit_searches", len(searches), tags)
        book.add(visit.close, "visit_zero_results", sum(fact.fields.get("results") == 0 for fact in searches), tags)
        clicks = [fact for fact in visit.facts if fact.type == "element.clicked"]
        within = sum(bool(fact.fields.get("nav_region")) for fact in clicks)
        book.add(visit.close, "visit_navigations", types.count("navigation.used") + within, tags)
        book.add(visit.close, "visit_dead_clicks", sum(fact.fields.get("dead") is True for fact in clicks), tags)
        book.add(visit.close, "visit_rage_clicks", rages(clicks), tags)


def times_on_pages(facts: list[Touchpoint]) -> list[tuple[str, int]]:
    """(page group, ms) of every page of a visit of which it is known; `facts` by time, then event id."""
    views = [fact for fact in facts if fact.type == "page.viewed"]
    found = []
    for number, view in enumerate(views):
        engaged = []
        for left in facts:
            spent, name = left.fields.get("engaged_ms"), left.fields.get("view_id")
            if left.type == "page.left" and isinstance(spent, int):
                same = [one for one in views if (one.fields.get("view_id") == name if name else one.at <= left.at)]
                if same and same[-1] is view:
                    engaged.append(spent)
        if not engaged and number + 1 < len(views):
            engaged.append(views[number + 1].at - view.at)
        if engaged:
            found.append((str(view.fields.get("page_group") or ""), min(max(engaged), 30 * 60_000)))
    return found


def rages(clicks: list[Touchpoint]) -> int:
    """How often somebody began to click on one thing again and again: three times within a second."""
    begun = 0
    for element in {click.fields["element"] for click in clicks if click.fields.get("element")}:
        times = [click.at for click in clicks if click.fields.get("element") == element]
        angry = [i >= 2 and times[i] - times[i - 2] <= 1_000 for i in range(len(times))]
        begun += sum(now and not before for before, now in zip([False, *angry], angry, strict=False))
    return begun


@dataclass
class Attempt:
    """One try at a task."""

    start: Touchpoint
    success: Touchpoint | None = None
    failed: bool = False


class Walk:
    """The attempts of one strand at one task."""

    def __init__(self, task: TaskPolicy, configured: frozenset[str], strand: Strand) -> None:
        self.task = task
        self.configured = configured
        self.marks = {mark.eid for mark in strand.marks}
        self.steps = sorted(strand.facts + strand.marks, key=lambda t: (t.at, self._rank(t), t.eid))

    def _explicit(self, step: Touchpoint, kind: str) -> bool:
        name = step.fields.get("task")
        return step.type == f"task.{kind}" and (name if name in self.configured else "other") == self.task.name

    def _starts(self, step: Touchpoint) -> bool:
        return step.eid not in self.marks and (step.type in self.task.start or self._explicit(step, "started"))

    def succeeds(self, step: Touchpoint) -> bool:
        """Whether a step completes an attempt."""
        return step.type in self.task.success or self._explicit(step, "completed")

    def _rank(self, step: Touchpoint) -> int:
        return 0 if self._starts(step) else 2 if self.succeeds(step) else 1

    def attempts(self) -> list[Attempt]:
        """All attempts, in time order."""
        tried: list[Attempt] = []
        for step in self.steps:
            now = tried[-1] if tried else None
            if now and (now.success or step.at > now.start.at + self.task.limit_ms):
                now = None
            if self._starts(step):
                if now is None:
                    tried.append(Attempt(step))
            elif now and self.succeeds(step):
                now.success = step
            elif now and self._explicit(step, "failed"):
                now.failed = True
        return tried


def book_attempts(
    task: TaskPolicy, attempts: list[Attempt], facts: list[Touchpoint], visits: list[Visit], as_of: int, book: Book
) -> None:
    """Books the attempts whose limit has passed."""
    fixed = f"|task={task.name}"
    for attempt in attempts:
        due = attempt.start.at + task.limit_ms
        if due > as_of:
            continue
        until = attempt.success.at if attempt.success else due
        visit = next(v for v in visits if any(fact.eid == attempt.start.eid for fact in v.facts))
        errored = any(f.type in ERRORS and attempt.start.at <= f.at <= until for f in visit.facts)
        tags = tags_of(attempt.start.dimensions, *DIMENSIONS)
        book.add(due, "attempts", 1, tags, fixed)
        book.add(due, "attempts_completed", int(attempt.success is not None), tags, fixed)
        book.add(due, "attempts_failed", int(attempt.failed and attempt.success is None), tags, fixed)
        book.add(due, "attempts_errored", int(errored), tags, fixed)
        if attempt.success:
            taken = attempt.success.at - attempt.start.at
            book.spread(due, "time_to_complete", taken, tags, fixed)
            clicks = any(fact.type == "element.clicked" for fact in visit.facts)
            kind = "element.clicked" if clicks else "page.viewed"
            steps = [f for f in facts if f.type == kind and attempt.start.at <= f.at <= attempt.success.at]
            book.add(due, "clicks_to_complete.n", 1, tags, fixed)
            book.add(due, "clicks_to_complete.sum", 1_000 * len(steps), tags, fixed)
            book.add(due, f"clicks_to_complete.c{min(len(steps), 31)}", 1, tags, fixed)
            if taken > 0:
                book.add(due, "time_to_complete.ln", round(1e6 * math.log(taken / 1000)), tags, fixed)


def book_carts(walk: Walk, as_of: int, book: Book) -> None:
    """Books the carts given up, a day after their limit, and whether anything was bought in that day."""
    for attempt in walk.attempts():
        given_up = attempt.start.at + walk.task.limit_ms
        settled = given_up + DAY_MS
        if attempt.success or attempt.failed or settled > as_of:
            continue
        tags = tags_of(attempt.start.dimensions, *DIMENSIONS)
        bought = [step for step in walk.steps if given_up < step.at <= settled and walk.succeeds(step)]
        book.add(settled, "carts_abandoned", 1, tags)
        book.add(settled, "carts_recovered", int(bool(bought)), tags)


def book_ux(events: list[Touchpoint], people: People, references: References, policy: Policy, as_of: int, book: Book) -> None:
    """Books visits and attempts of everybody."""
    configured = frozenset(task.name for task in policy.tasks)
    tasks = [*policy.tasks, TaskPolicy("other", policy.other_task_limit_ms)]
    for strand in strands(events, people, references, policy).values():
        strand.facts = without_robots(strand.facts, policy.limits.facts_per_day)
        visits = visits_of(strand.facts, policy)
        for mark in strand.marks:
            joined = visit_of_mark(mark, visits, policy)
            if joined:
                joined.joined.append(mark)
        book_visits(visits, as_of, book)
        for task in tasks:
            walk = Walk(task, configured, strand)
            book_attempts(task, walk.attempts(), strand.facts, visits, as_of, book)
            if task.name == "cart":
                book_carts(walk, as_of, book)
