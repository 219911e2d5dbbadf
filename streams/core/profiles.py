"""The canonical form of journeys: what two runs must agree on, whatever the order of arrival.

A profile is named by its least identifier, never by its id. Left out: `as_of` and deadlines (they say when somebody
looked), what accounts know of their members (copies), refused links (where a limit bites, arrival decides), and site facts
that are past the seal or belong to a day with more of them than a person makes.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streams.core.cases import site
from streams.core.cases.islands import unsealed
from streams.core.journey import Case, Claim, Fact, Journey, later_than
from streams.core.policy import DAY, Policy


def profile(journey: Journey, watermark: int, policy: Policy) -> dict[str, object]:
    """One journey as plain data, the same for equal sets of facts."""
    rules = site.rules_of(policy)
    seal = watermark - policy.keep_ms
    facts = unsealed(journey.site, seal, rules.island_ms)
    return {
        "journey": min(journey.persons or journey.cases, default=""),
        "persons": dict(sorted(journey.persons.items())),
        "links": {key.replace("\n", " "): at for key, at in sorted(journey.links.items())},
        "activity": journey.activity,
        "days": {str(day): bits for day, bits in sorted(journey.days.items())},
        "site": [_fact(fact) for fact in _countable(facts, policy.limits.facts_per_day)],
        "account": _claim(journey.member),
        "cases": {name: _case(case, seal) for name, case in sorted(journey.cases.items())},
    }


def profiles_text(profiles: Iterator[dict[str, object]]) -> str:
    """JSON Lines, sorted by the profiles' names."""
    found = sorted(profiles, key=lambda one: str(one["journey"]))
    return "".join(msgspec.json.encode(one).decode() + "\n" for one in found)


def _countable(facts: list[Fact], limit: int) -> list[Fact]:
    if len(facts) <= limit:
        return facts
    days: dict[tuple[str, int], int] = {}
    for fact in facts:
        if site.is_mark(fact):
            continue
        days[fact.who, fact.at // DAY] = days.get((fact.who, fact.at // DAY), 0) + 1
    return [fact for fact in facts if site.is_mark(fact) or days[fact.who, fact.at // DAY] <= limit]


def _case(case: Case, seal: int) -> dict[str, object]:
    return {
        "owner": _claim(case.owner),
        "parent": _claim(case.parent),
        "about": _claim(case.about),
        "named": _claim(case.named),
        "facts": [_fact(fact) for fact in case.facts],
        "loose": [_fact(fact) for fact in later_than(case.loose, seal)],
    }


def _claim(claim: Claim | None) -> list[object] | None:
    return None if claim is None else [claim.rank, claim.at, claim.eid.hex(), claim.target]


def _fact(fact: Fact) -> list[object]:
    return [
        fact.at,
        fact.eid.hex(),
        fact.digest.hex(),
        fact.type,
        fact.who,
        [getattr(fact.dimensions, name) for name in fact.dimensions.__struct_fields__],
        dict(sorted(fact.fields.items())),
        list(fact.references),
    ]
