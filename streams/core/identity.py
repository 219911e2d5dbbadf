"""Who a touchpoint belongs to: person identifiers link and merge, references attach and wait.

Every rule here is a minimum or a union over events, so that the result does not depend on the order in which they
come. The exception is an identity limit: where one bites, arrival decides, and the refused link is kept as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.core.accounts import account_of, is_room
from streams.core.batch import Batch
from streams.core.cases.people import add_days
from streams.core.families import (
    ANONYMOUS_CASES,
    CASE_KINDS,
    CREATING,
    FAMILIES,
    LOCAL_TIMELINE,
    ORDER_CHAIN,
    ORDER_PREFIXES,
    Family,
    kind_of,
)
from streams.core.journey import Case, Claim, add_spell, merge_facts, pair
from streams.core.model import Identifier, JourneyId, Touchpoint
from streams.core.nameless import reconsider
from streams.core.opened import Opened
from streams.core.trees import PART_OF, about_of, dependents_of, owner_of, path_of, root_of, tree_of
from streams.core.workspace import journey_id

_OTHER_PERSON_LIMIT = 10
_REFUSED_KEPT = 20
_NEVER_EARLY = 1 << 61
_PART_OF_PARCEL = PART_OF + 2  # each one more where a batch topic says so

_RELEVANT = {
    family: (
        ("contact_id", "root_contact_id", "order_id", "visit_id", "subscription_id")
        if family is Family.CONTACT
        else tuple(dict.fromkeys((*CASE_KINDS.get(family, ()), *ORDER_CHAIN, "visit_id", "subscription_id")))
    )
    for family in Family
}
"""The references of a family's events that get a case; the others are only shown in the timeline."""


def person_of(batch: Batch, touchpoint: Touchpoint) -> Opened | None:
    """The journey of the touchpoint's person, with its identifiers linked to it; None where it names no person."""
    persons = touchpoint.persons
    if not persons:
        return None
    home = batch.home_of(persons[0])
    if home is not None:  # mostly they are all known, and one person
        opened = batch.open(home)
        if all(_is_known(opened, identifier, touchpoint.at) for identifier in persons):
            _link(opened, persons, touchpoint)
            return opened
    homes = [batch.home_of(identifier) for identifier in persons]
    opened = _base(batch, persons, homes)
    joined = []
    for identifier in persons:
        merged = _join(batch, opened, identifier, touchpoint.at)
        if merged is not None:
            opened = merged
            joined.append(identifier)
    _link(opened, joined, touchpoint)
    return opened


def _is_known(opened: Opened, identifier: Identifier, at: int) -> bool:
    """Whether an identifier is this person's already; it may turn out to have been so earlier."""
    known = opened.journey.persons.get(identifier)
    if known is None:
        return False
    if at < known:
        opened.journey.persons[identifier] = at
    return True


def _base(batch: Batch, persons: Sequence[Identifier], homes: Sequence[JourneyId | None]) -> Opened:
    """The journey that the identifiers join: the known one of the highest priority, where new ones of a higher
    priority than its own may join it, else a new one.
    """
    index = next((index for index, home in enumerate(homes) if home is not None), None)
    if index is not None:
        home = homes[index]
        assert home is not None  # noqa: S101 (for the type checker: the index was chosen so)
        opened = batch.open(home)
        if index == 0 or _within_limits(batch, [*opened.journey.persons, *persons[:index]]):
            return opened
    return batch.create(journey_id(persons[0]))


def _join(batch: Batch, opened: Opened, identifier: Identifier, at: int) -> Opened | None:
    """Links one identifier to a journey, merging the one it had; None where a limit refuses that."""
    journey = opened.journey
    if _is_known(opened, identifier, at):
        return opened
    home = batch.home_of(identifier)
    if home == opened.id:  # linked to a journey that was gone
        journey.persons[identifier] = at
        return opened
    arriving = [identifier] if home is None else list(batch.open(home).journey.persons)
    if not _within_limits(batch, [*journey.persons, *arriving]):
        if len(journey.refused) < _REFUSED_KEPT:
            journey.refused.setdefault(pair(min(journey.persons, default=identifier), identifier), at)
        batch.note("identity|refused")
        return None
    if home is not None:
        opened = merge(batch, opened, batch.open(home))
    else:
        batch.link(identifier, opened.id)
    persons = opened.journey.persons
    persons[identifier] = min(at, persons.get(identifier, at))
    return opened


def _within_limits(batch: Batch, identifiers: list[Identifier]) -> bool:
    limits = batch.policy.limits.identifiers
    counts: dict[str, int] = {}
    for identifier in set(identifiers):
        kind = kind_of(identifier)
        counts[kind] = counts.get(kind, 0) + 1
    return all(n <= limits.get(kind, _OTHER_PERSON_LIMIT) for kind, n in counts.items())


def _link(opened: Opened, identifiers: Sequence[Identifier], touchpoint: Touchpoint) -> None:
    """An event makes its identifiers one person: the least of them is linked with each other one.

    A batch topic has no allowance: what it links is one person, and never restates visits.
    """
    if len(identifiers) < 2:
        return
    at = _NEVER_EARLY if touchpoint.batch else touchpoint.at
    links = opened.journey.links
    least = min(identifiers)
    for identifier in identifiers:
        if identifier != least:
            key = pair(least, identifier)
            known = links.get(key)
            if known is None or at < known:
                opened.touch_links()
                links[key] = at


def join_account(batch: Batch, touchpoint: Touchpoint, person: Opened) -> None:
    """A person belongs to the account that the least event names, unless that has very many members already."""
    account, journey = touchpoint.groups[0], person.journey
    claim = Claim(0, touchpoint.at, touchpoint.eid, account)
    if journey.member is not None and journey.member <= claim:
        return
    if account != account_of(journey):
        if not is_room(batch.open_account(account).journey.shares, person.id, batch.policy.limits.members_per_account):
            batch.note("limits|members_per_account")
            return
        batch.soil_life(person)
        batch.soil_chains(person)
    journey.member = claim


def merge(batch: Batch, one: Opened, other: Opened) -> Opened:
    """Two profiles are one person: everything of the smaller goes to the larger, and the smaller is deleted."""
    if len(other.journey.persons) + len(other.journey.cases) > len(one.journey.persons) + len(one.journey.cases):
        one, other = other, one
    for opened in (one, other):
        batch.soil_all(opened)
    into, rest = one.journey, other.journey
    for identifier, at in rest.persons.items():
        into.persons[identifier] = min(at, into.persons.get(identifier, at))
        batch.link(identifier, one.id)
    for key, at in rest.links.items():
        into.links[key] = min(at, into.links.get(key, at))
    into.refused = dict([*into.refused.items(), *rest.refused.items()][:_REFUSED_KEPT])
    merge_facts(into.site, rest.site)
    for spell in rest.activity:
        add_spell(into.activity, spell, batch.policy.silence_ms)
    for reference, case in rest.cases.items():
        if reference in into.cases:
            merge_facts(into.cases[reference].facts, case.facts)
            if reference == LOCAL_TIMELINE:
                del into.cases[reference].facts[: -batch.policy.limits.timeline_facts]
        else:
            into.cases[reference] = case
            if not reference.startswith("~"):
                batch.link(reference, one.id)
    one.soiled |= other.soiled
    into.as_of = max(into.as_of, rest.as_of)
    into.loose = into.loose or rest.loose
    add_days(into.days, rest.days)
    into.member, rest.member = min([one for one in (into.member, rest.member) if one is not None], default=None), None
    rest.persons, rest.links, rest.site, rest.cases, rest.activity, rest.days = {}, {}, [], {}, [], {}
    other.soiled = set()
    batch.delete(other)
    batch.note("identity|merged")
    return one


def attach(batch: Batch, touchpoint: Touchpoint, person: Opened | None) -> Identifier | None:
    """Records what a touchpoint says about its references; returns the one that its fact is kept under, if any."""
    family = FAMILIES[touchpoint.type]
    if not touchpoint.references and touchpoint.type not in ANONYMOUS_CASES:
        return None
    named = {kind_of(reference): reference for reference in touchpoint.references}
    if "root_contact_id" in named:
        named = _with_root_contact(named)
    if person is not None and len(person.journey.cases) >= batch.policy.limits.cases_per_journey:
        named = _without_new_tokens(batch, named)
    primary = _primary(touchpoint, family, named, owned=person is not None)
    relevant = [named[kind] for kind in _RELEVANT[family] if kind in named]
    touched = _created(batch, relevant if primary is None else [*relevant, primary], person)
    if person is not None:
        touched += _claims(batch, touchpoint, family, named, primary)
    touched += _parents(batch, touchpoint, family, named)
    if family is Family.CONTACT and primary is not None and "order_id" in named:
        case = _case(batch, primary)
        claim = Claim(0, touchpoint.at, touchpoint.eid, named["order_id"])
        if case.about is None or claim < case.about:
            _soil(batch, primary)
            case.about = claim
            touched.append(primary)
    touched = list(dict.fromkeys(touched))
    for reference in touched:
        settle(batch, reference)
    for reference in touched:
        reconsider(batch, reference)
    return primary


def _claims(
    batch: Batch,
    touchpoint: Touchpoint,
    family: Family,
    named: dict[str, Identifier],
    primary: Identifier | None,
) -> list[Identifier]:
    """A touchpoint with a person claims the cases that it names (a contact only refers to its order); returns those
    for which that has changed anything.
    """
    claimed = [named[kind] for kind in ("visit_id", "subscription_id") if kind in named]
    if primary is not None:
        claimed.append(primary)
    if family is not Family.CONTACT:
        claimed += [named[kind] for kind in ORDER_CHAIN if kind in named][:1]
    touched = []
    for reference in claimed:
        case = _case(batch, reference)
        rank = 0 if touchpoint.type in CREATING and reference == primary else 1
        claim = Claim(rank, touchpoint.at, touchpoint.eid, touchpoint.persons[0])
        named_by = Claim(0, touchpoint.at, touchpoint.eid, touchpoint.persons[0])
        earlier = not touchpoint.batch and (case.named is None or named_by < case.named)
        if earlier:
            case.named = named_by
        less = case.owner is None or claim < case.owner
        if less:
            _soil(batch, reference)
            case.owner = claim
        if earlier or less:
            touched.append(reference)
    return touched


def _without_new_tokens(batch: Batch, named: dict[str, Identifier]) -> dict[str, Identifier]:
    """A journey with very many cases takes no further visit ids and cart tokens; orders and contacts it always takes."""
    kept = {
        kind: reference
        for kind, reference in named.items()
        if kind not in ("visit_id", "cart_token") or batch.home_of(reference) is not None
    }
    if len(kept) < len(named):
        batch.note("limits|cases_per_journey")
    return kept


def _with_root_contact(named: dict[str, Identifier]) -> dict[str, Identifier]:
    """A root contact is a contact: `root_contact_id:7` and `contact_id:7` are one reference."""
    root = Identifier("contact_id:" + named["root_contact_id"].split(":", 1)[1])
    return {**named, "contact_id": named.get("contact_id", root), "root_contact_id": root}


def _primary(touchpoint: Touchpoint, family: Family, named: dict[str, Identifier], *, owned: bool) -> Identifier | None:
    for kind in CASE_KINDS.get(family, ()):
        if kind in named:
            return None if family is Family.SITE and owned else named[kind]
    if touchpoint.type in ANONYMOUS_CASES:
        return Identifier(f"{ANONYMOUS_CASES[touchpoint.type]}:~{touchpoint.eid.hex()}")
    if not owned and named:
        return min(named.values())
    return None


def _parents(batch: Batch, touchpoint: Touchpoint, family: Family, named: dict[str, Identifier]) -> list[Identifier]:
    """Child references get their parent; returns the references whose trees have changed."""
    pairs: list[tuple[int, Identifier, Identifier]] = []
    if family in (Family.SITE, Family.ORDER):
        order, shipment = named.get("order_id"), named.get("shipment_id")
        for kind in ORDER_CHAIN[1:]:
            if kind in named and order is not None:
                pairs.append((PART_OF, named[kind], order))
            elif kind == "tracking_number" and kind in named and shipment is not None:
                pairs.append((_PART_OF_PARCEL, named[kind], shipment))
    elif family is Family.CONTACT and "root_contact_id" in named and named["root_contact_id"] != named["contact_id"]:
        pairs.append((PART_OF, named["contact_id"], named["root_contact_id"]))
    elif family is Family.SURVEY and "response_id" in named and "invitation_id" in named:
        pairs.append((PART_OF, named["response_id"], named["invitation_id"]))
    touched: list[Identifier] = []
    for rank, child, parent in pairs:
        case = _case(batch, child)
        claim = Claim(rank + touchpoint.batch, touchpoint.at, touchpoint.eid, parent)
        if case.parent is None or claim < case.parent:
            for reference in (child, parent):
                _soil(batch, reference, life=child.startswith(ORDER_PREFIXES))
            former = case.parent
            case.parent = claim
            _bring_together(batch, child, parent)
            touched += [parent, child] if former is None else [parent, child, former.target]
    return touched


def _created(batch: Batch, references: Iterable[Identifier], person: Opened | None) -> list[Identifier]:
    """Makes a case, with its link, for each reference that is new: with the event's person, or on its own."""
    found = []
    for reference in dict.fromkeys(references):
        home = batch.home_of(reference)
        if home is not None:
            opened = batch.open(home)
            if reference in opened.journey.cases:
                continue  # otherwise it is linked to a journey that was gone
        else:
            opened = person if person is not None else batch.create(journey_id(reference))
        found.append(reference)
        batch.soil(opened, reference)
        opened.journey.cases[reference] = Case()
        batch.link(reference, opened.id)
    return found


def _case(batch: Batch, reference: Identifier) -> Case:
    home = batch.home_of(reference)
    if home is None:
        raise KeyError(reference)  # every reference of an event has its case by now
    return batch.open(home).journey.cases[reference]


def _soil(batch: Batch, reference: Identifier, *, life: bool = False) -> None:
    home = batch.home_of(reference)
    if home is not None:
        batch.soil(batch.open(home), reference)
        if life:
            batch.soil_life(batch.open(home))


def _bring_together(batch: Batch, child: Identifier, parent: Identifier) -> None:
    """A tree lives in one journey: the child's part goes to where the parent is."""
    source, target = batch.home_of(child), batch.home_of(parent)
    if source is not None and target is not None and source != target:
        cases = batch.open(source).journey.cases
        below = [reference for reference in cases if child in path_of(cases, reference)]
        move(batch, below + dependents_of(cases, below), batch.open(source), batch.open(target))


def settle(batch: Batch, reference: Identifier) -> None:
    """Moves a reference's tree to its owner, if it is not there."""
    home = batch.home_of(reference)
    if home is None:
        return
    source = batch.open(home)
    cases = source.journey.cases
    tree = tree_of(cases, root_of(cases, reference))
    claim = owner_of(cases, tree)
    about = about_of(cases, tree) if claim is None else None
    if claim is not None:
        target = batch.home_of(claim.target)
    elif about is not None:
        target = batch.home_of(about.target)
    else:
        target = journey_id(tree[0])
    if target is not None and target != home:
        moving = tree + dependents_of(cases, tree)
        move(batch, moving, source, batch.create(target))


def move(batch: Batch, references: list[Identifier], source: Opened, target: Opened) -> None:
    """Moves cases between journeys; a journey that is left empty is deleted."""
    for reference in references:
        batch.soil(source, reference)
    for opened in (source, target):
        batch.soil_life(opened)
        batch.soil_chains(opened)
    target.journey.loose = target.journey.loose or source.journey.loose
    for reference in references:
        target.journey.cases[reference] = source.journey.cases.pop(reference)
        source.soiled.discard(reference)
        target.soiled.add(reference)
        batch.link(reference, target.id)
    if not source.journey.persons and not source.journey.cases:
        batch.delete(source)
