"""Site facts without a person: they wait in a case, and count in the visits of whoever is learnt in time.

A page view that names only its visit, a cart item of a cart token, an order from a back end: `Case.loose` keeps them,
each with the person that it counts for now (`who`, empty while nobody is known), and the site list of that person's
journey keeps the same fact. Whose it is follows from events of live topics earlier than fact.at + `join_ms` alone, so it
is settled when the fact is sealed, and whatever is learnt later moves the case and never the fact.
"""

from __future__ import annotations

from bisect import insort

import msgspec

from streams.core.batch import Batch
from streams.core.cases.site import NAMELESS, ORDER_PLACED, SITE_CHANNELS
from streams.core.families import kind_of
from streams.core.journey import Case, Fact, by_instant
from streams.core.model import Identifier
from streams.core.opened import Opened
from streams.core.trees import named_in_time, root_of, tree_of

_NOBODY = Identifier("")


def is_loose(reference: Identifier, fact: Fact) -> bool:
    """Whether a fact of a case, without a person of its own, may count in somebody's visits and tasks."""
    if fact.who or fact.fields.get("batch"):
        return False
    if fact.code == ORDER_PLACED:
        return True
    return fact.dimensions.channel in SITE_CHANNELS and kind_of(reference) in ("visit_id", "cart_token")


def put(batch: Batch, opened: Opened, reference: Identifier, fact: Fact) -> None:
    """Keeps a fact without a person under its reference, and with the person it counts for."""
    journey = opened.journey
    journey.loose = True
    who = _who(batch, journey.cases, reference, fact)
    fact = msgspec.structs.replace(fact.with_fields({NAMELESS: True}), who=who)
    insort(journey.cases[reference].loose, fact, key=by_instant)
    _give(batch, fact)


def take(batch: Batch, opened: Opened, reference: Identifier, fact: Fact) -> None:
    """Takes such a fact out again, because another payload of its event counts."""
    opened.journey.cases[reference].loose.remove(fact)
    _take_back(batch, fact)


def reconsider(batch: Batch, reference: Identifier) -> None:
    """Gives the facts that wait in a reference's tree to those whom its claims and parents, as they are now, say."""
    home = batch.home_of(reference)
    if home is None:
        return
    journey = batch.open(home).journey
    if not journey.loose or reference not in journey.cases:
        return
    cases = journey.cases
    tree = {member: cases[member] for member in tree_of(cases, root_of(cases, reference))}
    for member, case in tree.items():
        loose = case.loose
        for index, fact in enumerate(loose):
            who = _who(batch, tree, member, fact)
            if who != fact.who:
                _take_back(batch, fact)
                loose[index] = msgspec.structs.replace(fact, who=who)
                _give(batch, loose[index])


def _who(batch: Batch, cases: dict[Identifier, Case], reference: Identifier, fact: Fact) -> Identifier:
    first = named_in_time(cases, reference, fact.at + batch.policy.join_ms)
    # A person whose journey somebody deleted by hand is nobody.
    return _NOBODY if first is None or batch.home_of(first.target) is None else first.target


def _give(batch: Batch, fact: Fact) -> None:
    home = batch.home_of(fact.who) if fact.who else None
    if home is not None:
        opened = batch.open(home)
        opened.touch_site(fact.at, fact.at)
        insort(opened.journey.site, fact, key=by_instant)


def _take_back(batch: Batch, fact: Fact) -> None:
    home = batch.home_of(fact.who) if fact.who else None
    if home is not None:
        opened = batch.open(home)
        if fact in opened.journey.site:
            opened.touch_site(fact.at, fact.at)
            opened.journey.site.remove(fact)
