"""A journey for people and for scripts: identifiers and how each was linked, cases, timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from schemas.identifiers import GROUP_KINDS, PERSON_KINDS, REFERENCE_KINDS
from streams.core.accounts import account_of, customer_in
from streams.core.content import LATEST_MS
from streams.core.families import best_known
from streams.core.journey import Case, Fact, Journey, by_instant
from streams.core.metrics import timestamp
from streams.core.model import Identifier, JourneyId, Touchpoint, Value
from streams.core.normalise import normalise
from streams.core.policy import Policy

LOCAL = "~"
"""Cases that belong to the person, without a reference of their own, begin with this."""


def candidates(text: str, policy: Policy) -> list[Identifier]:
    """The identifiers that a text may mean: one for `kind:value`, else the value under every kind, persons first."""
    kind, colon, value = text.partition(":")
    kinds = (*PERSON_KINDS, *REFERENCE_KINDS, *GROUP_KINDS)
    pairs = [(kind, value)] if colon and kind in kinds else [(each, text) for each in kinds]
    found = (normalise(each, raw, policy.phone_region, policy.limits.identifier_chars)[0] for each, raw in pairs)
    return [identifier for identifier in found if identifier is not None]


def touchpoint_document(touchpoint: Touchpoint) -> dict[str, Any]:
    """One touchpoint as JSON."""
    return {
        "type": touchpoint.type,
        "time": timestamp(touchpoint.at),
        "event": touchpoint.eid.hex(),
        "persons": touchpoint.persons,
        "references": touchpoint.references,
        "groups": touchpoint.groups,
        "traffic": touchpoint.traffic,
        **_dimensions(touchpoint.dimensions),
        "fields": _fields(touchpoint.fields),
    }


def journey_document(journey: Journey, members: Mapping[JourneyId, Journey]) -> dict[str, Any]:
    """A whole journey as JSON; `as_of` is the watermark that its figures stand for, None before any. Of an account it is what its
    members have that one customer is judged by. members: their journeys, as far as they are there.
    """
    facts = {(fact.at, fact.eid): fact for fact in journey.site}
    cases = customer_in(journey, 0).cases
    for case in cases.values():
        facts |= {(fact.at, fact.eid): fact for fact in (*case.facts, *case.loose)}
    return {
        "as_of": None if journey.as_of < 0 else timestamp(journey.as_of),
        "identifiers": [
            {"identifier": person, "first_seen": timestamp(at)}
            for person, at in sorted(journey.persons.items(), key=lambda entry: (entry[1], entry[0]))
        ],
        "account": account_of(journey),
        "members": sorted(
            best_known(members[member].persons) if member in members else share.who for member, share in journey.shares.items()
        ),
        "links": _pairs(journey.links),
        "refused_links": _pairs(journey.refused),
        "cases": [
            _case_document(reference, case) for reference, case in sorted(cases.items()) if not reference.startswith(LOCAL)
        ],
        "timeline": [_fact_document(fact) for fact in sorted(facts.values(), key=by_instant)],
    }


def _case_document(reference: Identifier, case: Case) -> dict[str, Any]:
    instants = sorted({(fact.at, fact.eid) for fact in (*case.facts, *case.loose)})
    return {
        "reference": reference,
        "owner": case.owner.target if case.owner else None,
        "parent": case.parent.target if case.parent else None,
        "about": case.about.target if case.about else None,
        "first": timestamp(instants[0][0]) if instants else None,
        "last": timestamp(instants[-1][0]) if instants else None,
        "facts": len(instants),
    }


def _fact_document(fact: Fact) -> dict[str, Any]:
    return {
        "time": timestamp(fact.at),
        "type": fact.type,
        "event": fact.eid.hex(),
        "person": fact.who or None,
        "references": fact.references,
        **_dimensions(fact.dimensions),
        "fields": _fields(fact.fields),
    }


def _dimensions(dimensions: Any) -> dict[str, str]:
    return {name: value for name in dimensions.__struct_fields__ if (value := getattr(dimensions, name))}


def _fields(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Fields in the order of their names, times and money as people write them, other units in the names."""
    return {name: _shown(name, value) for name, value in sorted(fields.items())}


def _shown(name: str, value: Value) -> Value:
    if isinstance(value, int) and name in ("promised_at", "ends_at"):
        return timestamp(value)
    if isinstance(value, int) and name == "value":
        return f"{Decimal(value).scaleb(-4):.2f}"
    return value


def _pairs(links: Mapping[str, int]) -> list[dict[str, Any]]:
    """Pairs of identifiers that events named together, and when first."""
    rows: Iterable[tuple[str, int]] = sorted(links.items(), key=lambda entry: (entry[1], entry[0]))
    return [
        # What a batch topic links has no time of its own: it never restates visits.
        {"identifiers": pair.split("\n"), "at": timestamp(at) if at < LATEST_MS else None}
        for pair, at in rows
    ]
