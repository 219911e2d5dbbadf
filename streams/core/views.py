"""What a journey shows of itself to the cells: its trees, its person's life, its site facts by strand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.core.cases import chains, contacts, life, messages, orders, referrals, site, surveys, worth
from streams.core.cases.people import ACTIVE
from streams.core.cells import Notebook
from streams.core.families import (
    CHAIN_PREFIXES,
    LOCAL_ACCOUNT,
    LOCAL_REVIEWS,
    ORDER_KINDS,
    ORDER_PREFIXES,
    SUBSCRIPTION_PREFIXES,
    SURVEY_KINDS,
    kind_of,
)
from streams.core.journey import Case, Fact, Journey, by_instant
from streams.core.model import Identifier
from streams.core.policy import DAY, Policy
from streams.core.trees import about_of, root_of, tree_of
from streams.core.windows import LocalDays

BOOKED_KINDS = ORDER_KINDS | SURVEY_KINDS | {"contact_id", "message_id", "referral_id", LOCAL_REVIEWS}
"""Kinds of references whose cases feed cells of their own."""


def book_tree(cases: dict[Identifier, Case], tree: Sequence[Identifier], as_of: int, book: Notebook) -> None:
    """C of one case tree."""
    kind = kind_of(tree[0])
    if kind == "contact_id":
        contacts.book_contact({reference: cases[reference].facts for reference in tree}, as_of, book)
    elif kind in ORDER_KINDS:
        facts = facts_of(cases, tree)
        if any(fact.code in orders.ORDER_CODES for fact in facts):
            orders.book_order([fact for fact in facts if fact.code in orders.ORDER_CODES], as_of, book)
    elif kind in SURVEY_KINDS:
        surveys.book_survey(facts_of(cases, tree), as_of, book)
    elif kind == "message_id":
        messages.book_message(cases[tree[0]].facts, as_of, book)
    elif kind == "referral_id":
        referrals.book_referral(cases[tree[0]].facts, as_of, book)
    elif kind == LOCAL_REVIEWS:
        surveys.book_reviews(cases[tree[0]].facts, book)


def facts_of(cases: dict[Identifier, Case], tree: Iterable[Identifier]) -> list[Fact]:
    """The facts of a tree, sorted."""
    found = [fact for reference in tree for fact in cases[reference].facts]
    found.sort(key=by_instant)
    return found


def _subscriptions_in(journey: Journey) -> list[list[Fact]]:
    """The facts of each of a person's subscriptions."""
    return [
        [fact for fact in case.facts if life.is_subscription(fact)]
        for reference, case in journey.cases.items()
        if case.facts and reference.startswith(SUBSCRIPTION_PREFIXES)
    ]


def _by_root(cases: Mapping[Identifier, Case], prefixes: tuple[str, ...]) -> dict[Identifier, list[Identifier]]:
    """The references of these kinds that have facts, by the root of their tree."""
    trees: dict[Identifier, list[Identifier]] = {}
    for reference, case in cases.items():
        if case.facts and reference.startswith(prefixes):
            trees.setdefault(root_of(cases, reference), []).append(reference)
    return trees


def life_in(journey: Journey, customer: Journey, as_of: int, policy: Policy, local: LocalDays) -> life.Lived:
    """The life of a customer: an account, or a person without one; and the person's requests to cancel. None for who is none.

    customer: `accounts.customer_in` of the journey.
    """
    life_found, cancelled = _life_in(customer, as_of, policy, local)
    if journey.shares:
        return life_found, []
    return (life_found, cancelled) if journey.member is None else (None, cancelled)


def _life_in(journey: Journey, as_of: int, policy: Policy, local: LocalDays) -> life.Lived:
    if not journey.persons or not journey.cases:
        return None, []
    ordered = [facts_of(journey.cases, tree) for tree in _by_root(journey.cases, ORDER_PREFIXES).values()]
    first = [placed for facts in ordered if (placed := orders.placed_of(facts)) is not None]
    subscriptions = _subscriptions_in(journey)
    if not first and not subscriptions:
        return None, []
    account = journey.cases.get(LOCAL_ACCOUNT)
    closed = [fact.at for fact in account.facts if fact.code == life.CLOSED] if account is not None else []
    found = life.life_of(first, subscriptions, closed, journey.activity, as_of, policy.silence_ms)
    if found is not None:
        days = {day for day, bits in journey.days.items() if bits & ACTIVE}
        days.update([local.day_of(fact.at) for fact in first])
        found.active = sorted(days)
        for facts in ordered:
            found.worth += worth.steps_of_order(facts)
        for facts in subscriptions:
            found.worth += worth.steps_of_payments([fact for fact in facts if life.is_payment(fact)])
    return found, [fact for facts in subscriptions for fact in facts if life.is_cancellation(fact)]


def chains_in(journey: Journey, customer: Journey, as_of: int) -> tuple[list[chains.Booking], int | None]:
    """What follows from what for one customer (an account, or a person without one), and the next deadline.

    customer: as in `life_in`.
    """
    if journey.member is not None:
        return [], None
    cases = customer.cases
    if not cases or not (journey.persons or journey.shares):
        return [], None
    contacts_found: list[chains.Contact] = []
    orders_found: list[chains.Order] = []
    answers: list[Fact] = []
    for root, tree in _by_root(cases, CHAIN_PREFIXES).items():
        kind, facts = kind_of(root), facts_of(cases, tree)
        if kind == "contact_id":
            about = about_of(cases, tree_of(cases, root))
            contact = chains.contact_of(root, facts, about.target if about is not None else Identifier(""))
            if contact is not None:
                contacts_found.append(contact)
        elif kind in ORDER_KINDS:
            facts = [fact for fact in facts if fact.code in orders.ORDER_CODES]
            order = chains.order_of(tree_of(cases, root), facts) if facts else None
            if order is not None:
                orders_found.append(order)
        else:
            answers += facts
    return chains.chains_of(contacts_found, orders_found, answers, as_of)


def single_strand(links: Mapping[str, int], facts: Sequence[Fact], rules: site.Rules) -> bool:
    """Whether all identifiers were one person at the time of every fact."""
    return not links or not facts or max(links.values()) < facts[0].at + rules.join_ms


def strands(links: Mapping[str, int], facts: Sequence[Fact], rules: site.Rules) -> list[list[Fact]]:
    """Facts by person, as identities stood `join_ms` after each: later links do not restate older visits."""
    parents: dict[str, str] = {}
    pending = sorted((at, key) for key, at in links.items())

    def find(identifier: str) -> str:
        while parents.get(identifier, identifier) != identifier:
            identifier = parents[identifier]
        return identifier

    found: dict[str, list[Fact]] = {}
    index = 0
    for fact in facts:
        while index < len(pending) and pending[index][0] < fact.at + rules.join_ms:
            one, other = sorted(find(identifier) for identifier in pending[index][1].split("\n"))
            parents[other] = one
            index += 1
        found.setdefault(find(fact.who), []).append(fact)
    return list(found.values())


def has_tokens(facts: Iterable[Fact]) -> bool:
    """Whether an order among these facts may join a visit of another island, by visit id or cart token."""
    return any(fact.code == site.ORDER_PLACED and fact.references and site.is_mark(fact) for fact in facts)


def without_bots(facts: Sequence[Fact], limit: int) -> Sequence[Fact]:
    """Site facts without those of UTC days that have more than `limit` of them."""
    if len(facts) <= limit:
        return facts
    days: dict[int, int] = {}
    for fact in facts:
        if not site.is_mark(fact):
            days[fact.at // DAY] = days.get(fact.at // DAY, 0) + 1
    return [fact for fact in facts if days.get(fact.at // DAY, 0) <= limit or site.is_mark(fact)]
