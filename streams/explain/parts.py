"""A journey in parts: the smallest things that feed cells of their own, each with what it feeds.

A part is a visit, an attempt at a task, an order with its parcels, a contact with its transfers, a survey, a message, a referral,
a person's reviews, a person's days, or a life as a customer. The parts of a journey feed exactly the cells that the journey has
booked, as long as nothing of it is sealed: visits and attempts leave the journey then, and their cells stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from streams.core.accounts import customer_in
from streams.core.cases import life, people, recovery, site
from streams.core.cells import Notebook
from streams.core.families import best_known, kind_of
from streams.core.fields import kind_of as row_of
from streams.core.journey import CODES, Fact, Journey, by_instant
from streams.core.model import Identifier
from streams.core.policy import Policy
from streams.core.trees import roots_of, tree_of
from streams.core.views import (
    BOOKED_KINDS,
    book_tree,
    chains_in,
    facts_of,
    life_in,
    single_strand,
    strands,
    without_bots,
)
from streams.core.windows import LocalDays

_NEVER = -(1 << 62)
_SITE_ROWS = frozenset({"visit", "attempt", "page", "cart"})
_LIFE_ROWS = frozenset({"customer", "cancellation", "worth", "cohort"})
_CHAIN_ROWS = frozenset({"contact", "order"})
_PEOPLE_ROWS = frozenset({"user"})
_ERRORS = frozenset({CODES["error.shown"], CODES["payment.failed"]})
_TELLING = ("step", "page_group", "element", "code", "page", "reason", "medium", "task", "instrument")
"""Fields that say what a touchpoint was about, the most telling first."""


class Part(msgspec.Struct, frozen=True):
    """One thing that a journey did.

    journey: a name that `journey show` finds it by. case: a task's name, or the reference of an order, contact, .. facts:
    sorted; those of a person may all be sealed. outcome: how an attempt ended. book: the cells that it feeds.
    """

    journey: Identifier
    kind: str
    case: str
    facts: Sequence[Fact]
    outcome: str
    book: Notebook

    @property
    def last_step(self) -> str:
        """The last touchpoint that was no error."""
        return next((told(fact) for fact in reversed(self.facts) if fact.code not in _ERRORS), "")

    @property
    def last_error(self) -> str:
        """The last error, empty where there was none."""
        return next((told(fact) for fact in reversed(self.facts) if fact.code in _ERRORS), "")


def told(fact: Fact) -> str:
    """A touchpoint in few words: `page.viewed checkout`."""
    return " ".join([fact.type, *(str(fact.fields[name]) for name in _TELLING if name in fact.fields)][:2])


class Dissection:
    """Takes journeys apart, as far as they feed cells of certain rows (`streams.core.fields.Cell.row`)."""

    def __init__(self, policy: Policy, rows: frozenset[str]) -> None:
        self._policy = policy
        self._rows = rows
        self._rules = site.rules_of(policy)
        self._local = LocalDays(policy.timezone)

    def parts(self, journey: Journey) -> Iterator[Part]:
        """The parts of a journey that feed any such cell."""
        name = best_known(journey.persons or journey.cases)
        found = [self._cases(journey, name)]
        if self._rows & _SITE_ROWS:
            found.append(self._site(journey, name))
        if self._rows & _CHAIN_ROWS:
            found.append(self._chains(journey, name))
        if self._rows & _LIFE_ROWS:
            found.append(self._life(journey, name))
        if self._rows & _PEOPLE_ROWS:
            found.append(self._person(journey, name))
        yield from (part for parts in found for part in parts if self._feeds(part.book))

    def _feeds(self, book: Notebook) -> bool:
        return any(row_of(row) in self._rows for table in (book.minutes, book.days) for row, _, _ in table)

    def _site(self, journey: Journey, name: Identifier) -> Iterator[Part]:
        links, rules, limit = journey.links, self._rules, self._policy.limits.facts_per_day
        alone = single_strand(links, journey.site, rules)
        for strand in [journey.site] if alone else strands(links, journey.site, rules):
            facts = without_bots(strand, limit)
            if not facts:
                continue
            visits = site.walk_visits(facts, rules)
            for visit in visits:
                book = Notebook(self._local)
                site.book_visits([visit], _NEVER, journey.as_of, rules, book)
                yield Part(name, "visit", "", site.facts_in(visit, facts), "", book)
            for task in site.begun(facts, rules):
                for attempt in site.walk_attempts(facts, task):
                    book = Notebook(self._local)
                    site.book_attempt(attempt, facts, visits, _NEVER, journey.as_of, task, book)
                    if task.name == site.CART:
                        recovery.book_recovery(attempt, facts, _NEVER, journey.as_of, rules, book)
                    end = attempt.start.at + task.limit_ms if attempt.success_at is None else attempt.success_at
                    within = [fact for fact in facts if attempt.start.at <= fact.at <= end]
                    yield Part(name, "attempt", task.name, within, _outcome(attempt), book)

    def _cases(self, journey: Journey, name: Identifier) -> Iterator[Part]:
        cases = journey.cases
        for root in roots_of(cases):
            if kind_of(root) in BOOKED_KINDS:
                tree = tree_of(cases, root)
                book = Notebook(self._local)
                book_tree(cases, tree, journey.as_of, book)
                kind = kind_of(root).lstrip("~").removesuffix("_id")
                yield Part(name, kind, root if not root.startswith("~") else "", facts_of(cases, tree), "", book)

    def _chains(self, journey: Journey, name: Identifier) -> Iterator[Part]:
        """Contacts and orders once more, by what follows from them."""
        books: dict[Identifier, Notebook] = {}
        customer = customer_in(journey, self._policy.silence_ms)
        for cell, at, where, root in chains_in(journey, customer, journey.as_of)[0]:
            books.setdefault(root, Notebook(self._local)).count(cell, at, where)
        for root, book in books.items():
            facts = facts_of(customer.cases, tree_of(customer.cases, root))
            yield Part(name, kind_of(root).removesuffix("_id"), root, facts, "", book)

    def _life(self, journey: Journey, name: Identifier) -> Iterator[Part]:
        customer = customer_in(journey, self._policy.silence_ms)
        told_by = [fact for case in customer.cases.values() for fact in case.facts if life.is_signal(fact)]
        book = Notebook(self._local)
        life.book_life(life_in(journey, customer, journey.as_of, self._policy, self._local), book)
        yield Part(name, "customer", "", sorted(told_by, key=by_instant), "", book)

    def _person(self, journey: Journey, name: Identifier) -> Iterator[Part]:
        book = Notebook(self._local)
        people.book_people(journey.days, book)
        kept = {(fact.at, fact.eid): fact for case in journey.cases.values() for fact in case.facts}
        kept |= {(fact.at, fact.eid): fact for fact in journey.site}
        yield Part(name, "person", "", sorted(kept.values(), key=by_instant), "", book)


def _outcome(attempt: site.Attempt) -> str:
    if attempt.success_at is not None:
        return "completed"
    return "failed" if attempt.failed else "abandoned"
