"""Accounts: a household or company that several people belong to. They are people each, and one customer together.

A person belongs to the account that the least event (by time, then id) names with them. The account's journey holds a copy of
whatever a customer is judged by of each member, so that a change at one member needs no other; a person in an account is no customer
of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.core.cases.people import ACTIVE
from streams.core.families import CHAIN_PREFIXES, LOCAL_ACCOUNT, LOCAL_SUBSCRIPTION, SUBSCRIPTION_PREFIXES
from streams.core.journey import Case, Journey, Share, add_spell, merge_facts
from streams.core.model import Identifier, JourneyId

_ACCOUNTS = "account_id:"
_SHARED = (*CHAIN_PREFIXES, *SUBSCRIPTION_PREFIXES, LOCAL_ACCOUNT)


def account_of(journey: Journey) -> Identifier | None:
    """The account that a person belongs to."""
    return None if journey.member is None else journey.member.target


def is_account(journey: Journey) -> bool:
    """Whether the journey is an account's, even one that everybody has left."""
    return any(reference.startswith(_ACCOUNTS) for reference in journey.cases)


def share_of(journey: Journey) -> Share:
    """What a member has in an account."""
    cases = {
        reference: Case(case.facts, case.owner, case.parent, case.about)
        for reference, case in journey.cases.items()
        if reference.startswith(_SHARED)
    }
    days = sorted([day for day, bits in journey.days.items() if bits & ACTIVE])
    return Share(min(journey.persons), cases, journey.activity, days)


def customer_in(journey: Journey, silence_ms: int) -> Journey:
    """An account's members as if they were one person; a person's journey as it is.

    Subscriptions without a reference stay apart: each is its member's.
    """
    if not journey.shares:
        return journey
    whole = Journey(as_of=journey.as_of, persons=dict.fromkeys([share.who for share in journey.shares.values()], 0))
    for member, share in journey.shares.items():
        _add(whole, member, share, silence_ms)
    return whole


def _add(whole: Journey, member: JourneyId, share: Share, silence_ms: int) -> None:
    for reference, case in share.cases.items():
        known = whole.cases.get(reference)
        if reference == LOCAL_SUBSCRIPTION:
            whole.cases[Identifier(f"{reference}:{member.hex()}")] = case
        elif known is None:
            whole.cases[reference] = case
        else:  # accounts are closed once, whoever says so
            facts = list(known.facts)
            merge_facts(facts, case.facts)
            whole.cases[reference] = Case(facts, known.owner, known.parent, known.about)
    for spell in share.activity:
        add_spell(whole.activity, spell, silence_ms)
    for day in share.days:
        whole.days[day] = ACTIVE


def is_room(shares: Mapping[JourneyId, Share], member: JourneyId, limit: int) -> bool:
    """Whether an account may have this member."""
    return member in shares or len(shares) < limit
