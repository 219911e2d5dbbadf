"""When the cells of a journey change by time alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.core.cases import messages, orders, referrals, surveys
from streams.core.families import ORDER_KINDS, TIMED_PREFIXES, kind_of
from streams.core.journey import Case, Fact
from streams.core.model import Identifier


def deadlines_of(reference: Identifier, facts: Sequence[Fact]) -> Iterable[int]:
    """When cells of a case enter by waiting; some may come to nothing."""
    kind = kind_of(reference)
    if kind in ORDER_KINDS:
        return orders.deadlines(facts)
    if kind == "referral_id":
        return referrals.deadlines(facts)
    return messages.deadlines(facts) if kind == "message_id" else surveys.deadlines(facts)


def due_cases(cases: Mapping[Identifier, Case], since: int, as_of: int) -> list[Identifier]:
    """The cases with a deadline that passed after `since` and by as_of."""
    return [
        reference
        for reference, case in cases.items()
        if reference.startswith(TIMED_PREFIXES) and any(since < due <= as_of for due in deadlines_of(reference, case.facts))
    ]


def next_due(cases: Mapping[Identifier, Case], among: Iterable[Identifier], as_of: int) -> int | None:
    """The earliest deadline after as_of of some cases."""
    timed = (reference for reference in among if reference.startswith(TIMED_PREFIXES))
    dues = (due for reference in timed for due in deadlines_of(reference, cases[reference].facts) if due > as_of)
    return min(dues, default=None)


def passed(due: int | None, as_of: int) -> bool:
    """Whether there is a deadline and it has passed."""
    return due is not None and due <= as_of


def least(*dues: int | None) -> int | None:
    """The earliest of those that there are."""
    known = [due for due in dues if due is not None]
    return min(known) if known else None
