"""What follows from what in one person's journey: a contact and the next one, a broken promise and what it led to.

Booked when nothing more can follow: a contact 7 days after it was over, an order 28 days after its first promise fell due. Only of people:
of a contact whose person nobody knows it cannot be said whether it was the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from streams.core.cases.contacts import hold_of, is_by_agent, is_inbound, is_over, opened_of, text_of, where_of_contact
from streams.core.cases.orders import Course, course_of, is_kept, placed_of
from streams.core.cases.surveys import is_low
from streams.core.cells import Where, where_of
from streams.core.fields import SITE
from streams.core.journey import CODES, Fact
from streams.core.model import Identifier
from streams.core.policy import DAY

FOLLOW_MS = 7 * DAY
"""A further contact within this after a contact was over means that it had not solved the problem."""
CHAIN_MS = 28 * DAY
"""What happens within this after a promise was broken follows from it."""
_REOPENED = CODES["contact.reopened"]

Booking = tuple[str, int, Where, Identifier]
"""(cell, time in ms, breakdowns, the contact or order that it is of)."""


class Contact(msgspec.Struct):
    """A root contact with its transfers. root: its reference. over: when it was last resolved or ended, None where nobody answered or it is not over.

    about: the order that it is about, empty for none. held: whether somebody waited on hold.
    """

    root: Identifier
    opened: int
    over: int | None
    reopened: int
    reason: str
    about: Identifier
    held: bool
    where: Where


class Order(msgspec.Struct):
    """An order: its references, the root first, and what was promised and kept."""

    references: Sequence[Identifier]
    course: Course
    where: Where


def contact_of(root: Identifier, facts: Sequence[Fact], about: Identifier) -> Contact | None:
    """An inbound contact, facts of its tree sorted; None for one that the company began."""
    if not facts or not is_inbound(facts):
        return None
    opened = opened_of(facts)
    answered = any(is_by_agent(fact) for fact in facts)
    over = [fact.at for fact in facts if is_over(fact)] if answered else []
    return Contact(
        root,
        opened.at,
        over[-1] if over else None,
        max([fact.at for fact in facts if fact.code == _REOPENED], default=-1),
        text_of(facts, "reason"),
        about,
        any(hold_of(fact) for fact in facts),
        where_of_contact(opened, facts),
    )


def order_of(references: Sequence[Identifier], facts: Sequence[Fact]) -> Order | None:
    """An order that something was promised for; facts of its tree sorted."""
    course = course_of(facts)
    if not course[0]:
        return None
    return Order(references, course, where_of((placed_of(facts) or facts[0]).dimensions, SITE))


def chains_of(
    contacts: Sequence[Contact], orders: Iterable[Order], answers: Iterable[Fact], as_of: int
) -> tuple[list[Booking], int | None]:
    """C of what follows from what, and the next deadline."""
    found: list[Booking] = []
    dues: list[int] = []
    for contact in contacts:
        if contact.over is None:
            continue
        end = contact.over + FOLLOW_MS
        if end > as_of:
            dues.append(end)
            continue
        found.append(("contacts_handled", end, contact.where, contact.root))
        if not any(_follows(other, contact, contact.over) for other in contacts):
            found.append(("contacts_resolved_first", end, contact.where, contact.root))
    low = [fact.at for fact in answers if is_low(fact)]
    for order in orders:
        due = order.course[0][0][1]
        end = due + CHAIN_MS
        if end > as_of:
            dues.append(end)
        elif is_kept(due, order.course) is False:
            found.append(("orders_broken", end, order.where, order.references[0]))
            if any(_suffered(contact, order, due, low) for contact in contacts):
                found.append(("orders_chained", end, order.where, order.references[0]))
    return found, min(dues, default=None)


def _follows(other: Contact, contact: Contact, over: int) -> bool:
    """Whether somebody had to come again: the same contact reopened, or another one for the same reason or order."""
    if other is contact:
        return over < contact.reopened <= over + FOLLOW_MS
    if not over < other.opened <= over + FOLLOW_MS:
        return False
    same_order = bool(contact.about) and contact.about == other.about
    return same_order or not contact.reason or not other.reason or contact.reason == other.reason


def _suffered(contact: Contact, order: Order, due: int, low: Iterable[int]) -> bool:
    """Whether a contact after the promise was broken, about the order or about none, was held or ended in a low answer."""
    if not due <= contact.opened <= due + CHAIN_MS or (contact.about and contact.about not in order.references):
        return False
    return contact.held or any(contact.opened < at <= due + CHAIN_MS for at in low)
