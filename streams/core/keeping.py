"""Where a touchpoint's fact is kept, once per event id.

An event may leave its fact in its person's site list, under one of the references that it names, or in one of the
person's local cases. Of two payloads under one id the one with the least (at, digest) counts, so before a fact is
kept, the same id is looked for in all of these places.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator

from streams.core import nameless
from streams.core.batch import Batch
from streams.core.cases.site import NAMELESS, ORDER_PLACED, SITE_CHANNELS, is_mark
from streams.core.families import (
    ANONYMOUS_CASES,
    FAMILIES,
    LOCAL_ACCOUNT,
    LOCAL_REVIEWS,
    LOCAL_SUBSCRIPTION,
    LOCAL_TIMELINE,
    MAYBE_ANONYMOUS,
    Family,
)
from streams.core.journey import CODES, Case, Fact, by_instant
from streams.core.model import Identifier, Touchpoint
from streams.core.opened import Opened
from streams.core.policy import DAY
from streams.core.workspace import Workspace

_LOCAL = (LOCAL_SUBSCRIPTION, LOCAL_ACCOUNT, LOCAL_REVIEWS, LOCAL_TIMELINE)
_LOCAL_OF = {"account.closed": LOCAL_ACCOUNT, "review.posted": LOCAL_REVIEWS}

_QUIET_ORDER = frozenset(CODES[name] for name in ("order.refunded", "shipment.dispatched", "delivery.attempted"))
_LIFE = frozenset(
    {ORDER_PLACED, CODES["account.closed"], CODES["order.cancelled"], CODES["order.refunded"]}
    | {code for name, code in CODES.items() if FAMILIES[name] is Family.SUBSCRIPTION}
)

KEPT_OF_BOTS = 10
"""Site facts of one identifier and day beyond this many times the limit are not stored: their person's day does not
count anyway, however links cut it."""


class Place:
    """A list of facts: a person's site facts (reference None), the facts of a case, or those that wait there for a person."""

    __slots__ = ("batch", "loose", "on_site", "opened", "reference")

    def __init__(self, batch: Batch, opened: Opened, reference: Identifier | None, *, loose: bool = False) -> None:
        self.batch = batch
        self.opened = opened
        self.reference = reference
        self.loose = loose
        self.on_site = loose or reference is None

    def remove(self, fact: Fact) -> None:
        """Takes a fact out, because another payload of its event counts."""
        if self.loose and self.reference is not None:
            nameless.take(self.batch, self.opened, self.reference, fact)
            return
        facts = self._changes(fact)
        facts.remove(fact)
        if not facts and self.reference is not None and self.reference.startswith("~"):
            del self.opened.journey.cases[self.reference]

    def add(self, fact: Fact) -> None:
        """Keeps a fact, within limits."""
        limits = self.batch.policy.limits
        if self.loose and self.reference is not None:
            if len(self.opened.journey.cases[self.reference].loose) >= limits.facts_per_case:
                self.batch.note("limits|facts_per_case")
            else:
                nameless.put(self.batch, self.opened, self.reference, fact)
            return
        facts = self._changes(fact)
        if self.reference is None and len(facts) > limits.facts_per_day and _is_bot(facts, fact, limits.facts_per_day):
            self.batch.note("touchpoints|quarantined")
            return
        if self.reference == LOCAL_TIMELINE:
            insort(facts, fact, key=by_instant)
            del facts[: -limits.timeline_facts]
        elif self.reference is not None and len(facts) >= limits.facts_per_case:
            self.batch.note("limits|facts_per_case")
        elif not facts or (fact.at, fact.eid) > (facts[-1].at, facts[-1].eid):
            facts.append(fact)
        else:
            insort(facts, fact, key=by_instant)

    def _changes(self, fact: Fact) -> list[Fact]:
        if self.reference is None:
            self.opened.touch_site(fact.at, fact.at)
            return self.opened.journey.site
        journey = self.opened.journey
        facts = journey.cases.setdefault(self.reference, Case()).facts
        if not _is_quiet(facts, fact):
            self.batch.soil(self.opened, self.reference)
        if fact.code in _LIFE:
            self.batch.soil_life(self.opened)
        return facts


def _is_quiet(facts: list[Fact], fact: Fact) -> bool:
    """Whether a fact changes no cell of its case, which then need not be computed again."""
    return fact.code in _QUIET_ORDER and any(known.code == ORDER_PLACED for known in facts)


def _is_bot(facts: list[Fact], fact: Fact, limit: int) -> bool:
    if is_mark(fact):
        return False
    day = fact.at // DAY
    same = (
        known
        for known in facts
        if known.at // DAY == day and known.who == fact.who and NAMELESS not in known.fields and not is_mark(known)
    )
    return sum(1 for _ in same) > KEPT_OF_BOTS * limit


def keep(batch: Batch, person: Opened | None, primary: Identifier | None, touchpoint: Touchpoint, fact: Fact) -> bool:
    """Keeps the fact of a touchpoint where it belongs; whether its event was not known before.

    Visits and tasks look at the payloads of live topics alone: one of a batch topic may come after the seal.
    """
    known = _known(batch, person, touchpoint)
    places = _belonging(batch, person, primary, touchpoint, fact)
    if not known:
        for place in places:
            place.add(fact)
        return True
    lasting = [(place, old) for place, old in known if not place.on_site]
    if _is_least(fact, lasting if touchpoint.batch else known):
        _replace(fact, lasting, [place for place in places if not place.on_site])
    if not touchpoint.batch and _is_least(fact, [(place, old) for place, old in known if not old.fields.get("batch")]):
        on_site = [(place, old) for place, old in known if place.on_site]
        _replace(fact, on_site, [place for place in places if place.on_site])
    return False


def _is_least(fact: Fact, known: list[tuple[Place, Fact]]) -> bool:
    return all((fact.at, fact.digest) < (old.at, old.digest) for _, old in known)


def _replace(fact: Fact, known: list[tuple[Place, Fact]], places: list[Place]) -> None:
    for place, old in known:
        place.remove(old)
    for place in places:
        place.add(fact)


def references_of(touchpoint: Touchpoint) -> Iterator[Identifier]:
    """Every reference under which a touchpoint may leave something."""
    for reference in touchpoint.references:
        yield reference
        if reference.startswith("root_contact_id:"):
            yield Identifier("contact_id:" + reference.split(":", 1)[1])
    kind = MAYBE_ANONYMOUS.get(touchpoint.type)
    if kind is not None and (not touchpoint.references or touchpoint.type in ANONYMOUS_CASES):
        yield Identifier(f"{kind}:~{touchpoint.eid.hex()}")


def unknown(touchpoints: Iterable[Touchpoint], workspace: Workspace) -> set[Identifier]:
    """Those of the identifiers under which touchpoints may leave something whose link, or whose journey, is not in memory."""
    links, journeys, absent = workspace.links, workspace.held, workspace.absent
    found: set[Identifier] = set()
    for touchpoint in touchpoints:
        accounts = touchpoint.groups if touchpoint.persons else ()
        for identifier in (*touchpoint.persons, *references_of(touchpoint), *accounts):
            if links.get(identifier) not in journeys and identifier not in absent:
                found.add(identifier)
    return found


def _known(batch: Batch, person: Opened | None, touchpoint: Touchpoint) -> list[tuple[Place, Fact]]:
    """The facts that the event has left already, wherever its payloads may have put them."""
    eid = touchpoint.eid
    found: list[tuple[Place, Fact]] = []
    if person is not None:
        cases = person.journey.cases
        if (old := _find(person.journey.site, eid)) is not None:
            found.append((Place(batch, person, None), old))
        if cases:
            found += [
                (Place(batch, person, local), old)
                for local in _LOCAL
                if local in cases and (old := _find(cases[local].facts, eid)) is not None
            ]
    if not touchpoint.references and touchpoint.type not in MAYBE_ANONYMOUS:
        return found
    for reference in dict.fromkeys(references_of(touchpoint)):
        home = batch.home_of(reference)
        case = batch.open(home).journey.cases.get(reference) if home is not None else None
        if home is None or case is None:
            continue
        if (old := _find(case.facts, eid)) is not None:
            found.append((Place(batch, batch.open(home), reference), old))
        if person is None and (old := _find(case.loose, eid)) is not None:
            found.append((Place(batch, batch.open(home), reference, loose=True), old))
    return found


def _find(facts: list[Fact], eid: bytes) -> Fact | None:
    for fact in facts:
        if fact.eid == eid:
            return fact
    return None


def _belonging(
    batch: Batch, person: Opened | None, primary: Identifier | None, touchpoint: Touchpoint, fact: Fact
) -> list[Place]:
    """Where a fact is kept: among its person's site facts, in a case, or both."""
    places: list[Place] = []
    on_site = person is not None and _on_site(touchpoint)
    if person is not None and on_site:
        places.append(Place(batch, person, None))
    family = FAMILIES[touchpoint.type]
    home = batch.home_of(primary) if primary is not None else None
    if primary is not None and home is not None:
        loose = person is None and nameless.is_loose(primary, fact)
        if not loose or family is not Family.SITE:
            places.append(Place(batch, batch.open(home), primary))
        if loose:
            places.append(Place(batch, batch.open(home), primary, loose=True))
    elif person is not None and (family is not Family.SITE or not on_site):
        places.append(Place(batch, person, _local(touchpoint, family)))
    return places


def _on_site(touchpoint: Touchpoint) -> bool:
    """Whether a fact of one's own belongs to visits and tasks; batch topics carry only what stays open after the seal."""
    return (touchpoint.dimensions.channel in SITE_CHANNELS or touchpoint.type == "order.placed") and not touchpoint.batch


def _local(touchpoint: Touchpoint, family: Family) -> Identifier:
    if family is Family.SUBSCRIPTION:
        return LOCAL_SUBSCRIPTION
    return _LOCAL_OF.get(touchpoint.type, LOCAL_TIMELINE)
