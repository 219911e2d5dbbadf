"""Case trees: references of one order, contact, or survey invitation, and whose they are.

A reference has one parent, by the least claim. All references of a tree live in one journey. Within a journey a tree
is found by walking parents; journeys have few cases, so nothing is indexed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.core.journey import Case, Claim
from streams.core.model import Identifier

PART_OF = 0
"""Rank of a parent that an event of a live topic names directly: the claim's time says since when it is known."""


def root_of(cases: Mapping[Identifier, Case], reference: Identifier) -> Identifier:
    """The topmost reference that is here; of a cycle (bad data), its least member."""
    case = cases.get(reference)
    parent = case.parent if case is not None else None
    if parent is None:
        return reference
    seen = [reference]
    while parent is not None and parent.target in cases:
        reference = parent.target
        if reference in seen:
            return min(seen[seen.index(reference) :])
        seen.append(reference)
        parent = cases[reference].parent
    return reference


def path_of(cases: dict[Identifier, Case], reference: Identifier) -> list[Identifier]:
    """The reference and everything above it that is here."""
    path = [reference]
    case = cases.get(reference)
    while case is not None and case.parent is not None and case.parent.target not in path:
        path.append(case.parent.target)
        case = cases.get(case.parent.target)
    return path


def tree_of(cases: Mapping[Identifier, Case], root: Identifier) -> list[Identifier]:
    """The root, then every other reference below it, sorted."""
    parts = [reference for reference, case in cases.items() if case.parent is not None and reference != root]
    return [root, *sorted([reference for reference in parts if root_of(cases, reference) == root])]


def roots_of(cases: Mapping[Identifier, Case]) -> list[Identifier]:
    """Every tree's root."""
    return sorted({root_of(cases, reference) if case.parent is not None else reference for reference, case in cases.items()})


def owner_of(cases: Mapping[Identifier, Case], tree: Iterable[Identifier]) -> Claim | None:
    """The least owner claim of a tree."""
    return min((claim for reference in tree if (claim := cases[reference].owner) is not None), default=None)


def named_in_time(cases: Mapping[Identifier, Case], reference: Identifier, before: int) -> Claim | None:
    """The earliest claim of a live topic on what events of live topics earlier than `before` (ms) tell to be one with
    the reference: its order, and whatever else is part of that. None where that claim is not earlier than `before`.
    """
    order = _order_in_time(cases[reference], before) or reference
    claims = [cases[order].named] if order in cases else []
    if order.startswith("order_id:"):  # nothing else has parts
        claims += [case.named for case in cases.values() if _order_in_time(case, before) == order]
    first = min((claim for claim in claims if claim is not None), default=None)
    return first if first is not None and first.at < before else None


def _order_in_time(case: Case, before: int) -> Identifier | None:
    parent = case.parent
    return parent.target if parent is not None and parent.rank == PART_OF and parent.at < before else None


def about_of(cases: Mapping[Identifier, Case], tree: Iterable[Identifier]) -> Claim | None:
    """The order that a tree of contacts is about, by the least event that names one."""
    return min((claim for reference in tree if (claim := cases[reference].about) is not None), default=None)


def dependents_of(cases: Mapping[Identifier, Case], tree: Sequence[Identifier]) -> list[Identifier]:
    """Contact trees without a person of their own that are about this order: they go where it goes."""
    found: list[Identifier] = []
    for root in roots_of(cases):
        if root in tree or not root.startswith("contact_id:"):
            continue
        contacts = tree_of(cases, root)
        about = about_of(cases, contacts)
        if about is not None and about.target in tree and owner_of(cases, contacts) is None:
            found.extend(contacts)
    return found
