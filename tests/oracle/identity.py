"""The oracle's identity: people, strands, reference trees and who owns them, by brute force over all events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.model import Identifier, Touchpoint

ORDER_KINDS = ("order_id", "shipment_id", "tracking_number", "cart_token")
"""Kinds that make up an order's tree; an event belongs to the tree of the first kind it has."""

NEVER = 1 << 60

CREATING = {"order": "order.placed", "subscription": "subscription.started"}
"""The type whose event decides first who owns a case of that family."""


def payloads(touchpoints: Iterable[Touchpoint]) -> list[Touchpoint]:
    """Everything that humans' touchpoints say, by time, then event id, then content."""
    human = [touchpoint for touchpoint in touchpoints if touchpoint.traffic == "human"]
    return sorted(human, key=lambda t: (t.at, t.eid, t.digest))


def accepted(touchpoints: Iterable[Touchpoint]) -> list[Touchpoint]:
    """Human touchpoints, one per event id (the least by time, then digest), by time, then event id."""
    chosen: dict[bytes, Touchpoint] = {}
    for touchpoint in sorted(touchpoints, key=lambda t: (t.at, t.digest), reverse=True):
        if touchpoint.traffic == "human":
            chosen[touchpoint.eid] = touchpoint
    return sorted(chosen.values(), key=lambda t: (t.at, t.eid))


def named(touchpoint: Touchpoint, kind: str) -> list[str]:
    """The touchpoint's references of one kind, the least first."""
    return sorted(reference for reference in touchpoint.references if reference.split(":", 1)[0] == kind)


FAMILY_KINDS = {
    "order": ORDER_KINDS,
    "subscription": ("subscription_id",),
    "visit": ("visit_id",),
    "survey": ("response_id", "invitation_id"),
}


def reference_of(touchpoint: Touchpoint, family: str) -> str:
    """The reference that a touchpoint belongs to in a family; empty where it names none of it."""
    return next((reference for kind in FAMILY_KINDS[family] for reference in named(touchpoint, kind)), "")


def customers(said: Iterable[Touchpoint], people: Iterable[frozenset[Identifier]]) -> dict[Identifier, frozenset[Identifier]]:
    """Each identifier's customer: everybody whose first account is the same, or the person alone."""
    events = sorted(said, key=lambda event: (event.at, event.eid))
    members: dict[str, set[Identifier]] = {}
    for person in people:
        of = next((event.groups[0] for event in events if event.groups and person.intersection(event.persons)), min(person))
        members.setdefault(of, set()).update(person)
    return {identifier: frozenset(one) for one in members.values() for identifier in one}


class People:
    """Who is who: identifiers as nodes, events as edges with a time."""

    def __init__(self, events: Iterable[Touchpoint]) -> None:
        self.neighbours: dict[Identifier, list[tuple[Identifier, int]]] = {}
        for event in events:
            for one in event.persons:
                self.neighbours.setdefault(one, [])
                for other in event.persons:
                    if one != other:  # what a batch topic links was never known in time
                        self.neighbours[one].append((other, NEVER if event.batch else event.at))

    def reached(self, start: Identifier, before: int | None) -> frozenset[Identifier]:
        """All identifiers connected with `start` by events earlier than `before` (None: by any event)."""
        seen = {start}
        queue = [start]
        while queue:
            for other, at in self.neighbours.get(queue.pop(0), []):
                if other not in seen and (before is None or at < before):
                    seen.add(other)
                    queue.append(other)
        return frozenset(seen)

    def everyone(self) -> set[frozenset[Identifier]]:
        """The connected components, whatever the time."""
        return {self.reached(identifier, None) for identifier in self.neighbours}


class Claim(NamedTuple):
    """A person's claim on a case; the least one wins. rank: 0 for an event of the creating type."""

    rank: int
    at: int
    eid: bytes
    persons: tuple[Identifier, ...]


class References:
    """Reference trees, and the owner of each."""

    def __init__(self, events: list[Touchpoint]) -> None:
        self.parents: dict[str, str] = {}
        live = [event for event in events if not event.batch]
        events = live + [event for event in events if event.batch]  # what a live topic says of parents comes first
        for kind in ("shipment_id", "tracking_number", "cart_token"):
            self._adopt(events, kind, "order_id")
        self._adopt(events, "tracking_number", "shipment_id")
        self._adopt(events, "response_id", "invitation_id")
        for event in events:
            for child in named(event, "contact_id"):
                for root in named(event, "root_contact_id"):
                    parent = "contact_id:" + root.split(":", 1)[1]
                    if parent != child:
                        self.parents.setdefault(child, parent)
        self.owners: dict[tuple[str, str], Claim] = {}
        for event in events:
            if event.persons:
                self._claim(event)
        self.live = live

    def _adopt(self, events: list[Touchpoint], child_kind: str, parent_kind: str) -> None:
        """Gives each child the parent on the least event that names both, unless it has one of a higher kind."""
        for event in events:
            for child in named(event, child_kind):
                for parent in named(event, parent_kind):
                    self.parents.setdefault(child, parent)

    def _claim(self, event: Touchpoint) -> None:
        cases = {family: case for family in ("order", "subscription", "visit") if (case := self.case(event, family))}
        if event.type.startswith("contact."):
            cases.pop("order", None)  # a contact's order_id only refers
        for family, case in cases.items():
            rank = 0 if event.type == CREATING.get(family) else 1
            claim = Claim(rank, event.at, event.eid, event.persons)
            self.owners[family, case] = min(claim, self.owners.get((family, case), claim))

    def root(self, reference: str) -> str:
        """The topmost reference above this one; of a circle, its least member."""
        path = [reference]
        while (above := self.parents.get(path[-1])) is not None:
            if above in path:
                return min(path[path.index(above) :])
            path.append(above)
        return path[-1]

    def contact(self, event: Touchpoint) -> str:
        """The contact (not the tree) that an event belongs to; the event itself where it names none."""
        for reference in named(event, "contact_id") + named(event, "root_contact_id"):
            return "contact_id:" + reference.split(":", 1)[1]
        return f"event:{event.eid.hex()}"

    def case(self, event: Touchpoint, family: str) -> str:
        """The root of the tree that an event belongs to in a family; empty where it names no reference of it."""
        reference = reference_of(event, family)
        return self.root(reference) if reference else ""

    def owner(self, event: Touchpoint, family: str) -> Claim | None:
        """The claim that owns the case an event belongs to in a family, if any."""
        case = self.case(event, family)
        return self.owners.get((family, case)) if case else None

    def first(self, event: Touchpoint, family: str, before: int) -> Touchpoint | None:
        """The earliest event of a live topic that names a person and what an event belongs to in a family, as far as
        events earlier than `before` tell: its reference, the order this was part of, and what else was part of that.
        """
        reference = reference_of(event, family)
        if not reference:
            return None
        told = [one for one in self.live if one.at < before]
        orders: dict[str, str] = {}
        for one in told:
            for kind in ORDER_KINDS[1:]:
                for child in named(one, kind):
                    for order in named(one, "order_id"):
                        orders.setdefault(child, order)
        order = orders.get(reference, reference)
        group = {order} | {child for child in orders if orders[child] == order}
        for one in told:
            about = "" if family == "order" and one.type.startswith("contact.") else reference_of(one, family)
            if one.persons and about in group:
                return one
        return None
