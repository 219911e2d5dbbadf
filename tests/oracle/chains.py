"""The oracle's chains: for each person, which contacts were followed by another one, and what broken promises led to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from streams.core.model import Identifier, Touchpoint
from tests.oracle.book import DAY_MS, Book, tags_of
from tests.oracle.identity import People, References, customers, named
from tests.oracle.orders import DIMENSIONS, first, order_cases, promised, promises_of
from tests.oracle.support import milliseconds, stated, top_boxes


@dataclass
class Story:
    """What counts of one customer: inbound contacts with the order that each is about, orders with their references, answers."""

    contacts: list[tuple[list[Touchpoint], str]] = field(default_factory=list)
    orders: list[tuple[str, list[Touchpoint]]] = field(default_factory=list)
    answers: list[Touchpoint] = field(default_factory=list)


def is_low(answer: Touchpoint) -> bool:
    """Whether an answer is one of somebody who was not served well."""
    score, low, high = (milliseconds(answer, name) for name in ("score", "scale_min", "scale_max"))
    instrument = answer.fields.get("instrument")
    usual = {"csat": (1, 5), "nps": (0, 10), "ces2": (1, 7)}.get(str(instrument))
    if score is None or usual is None:
        return False
    scale = (low, high) if low is not None and high is not None else usual
    if instrument == "csat":
        return top_boxes(*scale) > 0 and scale[0] <= score <= scale[1] - top_boxes(*scale)
    return scale == usual and usual[0] <= score <= (6 if instrument == "nps" else 4)


def handled_until(facts: list[Touchpoint]) -> int | None:
    """When a contact that somebody took care of was over; None where nobody did, or it is not."""
    cared = [f for f in facts if f.type == "contact.answered" or (f.type == "contact.replied" and f.fields.get("by") == "agent")]
    ends = [fact.at for fact in facts if fact.type in ("contact.resolved", "contact.ended")]
    return max(ends) if cared and ends else None


def opened_at(facts: list[Touchpoint]) -> int:
    """When a contact began."""
    return (first(facts, "contact.opened") or facts[0]).at


def came_again(story: Story, number: int, over: int) -> bool:
    """Whether the person came again within 7 days after contact `number`, for the same thing as far as is known."""
    facts, about = story.contacts[number]
    reopened = [fact.at for fact in facts if fact.type == "contact.reopened"]
    if reopened and over < max(reopened) <= over + 7 * DAY_MS:
        return True
    for other, (others, other_about) in enumerate(story.contacts):
        if other != number and over < opened_at(others) <= over + 7 * DAY_MS:
            reasons = {stated(facts, "reason"), stated(others, "reason")}
            if "" in reasons or len(reasons) == 1 or (about and about == other_about):
                return True
    return False


def book_contacts_of(story: Story, as_of: int, book: Book) -> None:
    """Books which contacts solved the problem at once."""
    for number, (facts, _) in enumerate(story.contacts):
        over = handled_until(facts)
        if over is None or over + 7 * DAY_MS > as_of:
            continue
        opening = first(facts, "contact.opened") or facts[0]
        tags = tags_of(opening.dimensions, "channel", "market", "segment")
        tags |= {"medium": stated(facts, "medium"), "reason": stated(facts, "reason")}
        book.add(over + 7 * DAY_MS, "contacts_handled", 1, tags)
        book.add(over + 7 * DAY_MS, "contacts_resolved_first", int(not came_again(story, number, over)), tags)


def waited_on_hold(facts: list[Touchpoint]) -> bool:
    """Whether somebody was put on hold."""
    return any((milliseconds(fact, "hold_ms") or 0) > 0 for fact in facts if fact.type in ("contact.held", "contact.ended"))


def book_orders_of(story: Story, references: References, as_of: int, book: Book) -> None:
    """Books the orders whose first promise was broken, and those of them that led to trouble."""
    for root, facts in story.orders:
        promises = promises_of(facts)
        if not promises:
            continue
        due = promised(promises[0])
        until = due + 28 * DAY_MS
        came = [f.at for f in facts if f.type == "delivery.delivered" and f.fields.get("complete") is not False]
        off = [fact.at for fact in facts if fact.type == "order.cancelled"]
        if until > as_of or (came and came[0] <= due) or (off and off[0] < due):
            continue
        tags = tags_of((first(facts, "order.placed") or facts[0]).dimensions, *DIMENSIONS)
        chained = False
        for contact, about in story.contacts:
            began = opened_at(contact)
            if due <= began <= until and (not about or references.root(about) == root):
                low = [answer for answer in story.answers if is_low(answer) and began < answer.at <= until]
                chained = chained or waited_on_hold(contact) or bool(low)
        book.add(until, "orders_broken", 1, tags)
        book.add(until, "orders_chained", int(chained), tags)


class Owners:
    """Whose contacts and answers are, and which order a contact is about, from everything that was said."""

    def __init__(self, said: list[Touchpoint], references: References) -> None:
        self.references = references
        self.claims: dict[str, tuple[int, int, bytes, Identifier]] = {}
        self.abouts: dict[str, tuple[int, bytes, str]] = {}
        for event in said:
            if event.type.startswith("contact."):
                case = references.root(references.contact(event))
                self._claim(case, event, int(event.type != "contact.opened"))
                for order in named(event, "order_id"):
                    mine = (event.at, event.eid, order)
                    self.abouts[case] = min(mine, self.abouts.get(case, mine))
            elif event.type.startswith("survey."):
                self._claim(self.survey(event), event, 1)

    def survey(self, event: Touchpoint) -> str:
        """The case of an answer, the event itself where it names none."""
        return self.references.case(event, "survey") or f"event:{event.eid.hex()}"

    def _claim(self, case: str, event: Touchpoint, rank: int) -> None:
        if event.persons:
            mine = (rank, event.at, event.eid, event.persons[0])
            self.claims[case] = min(mine, self.claims.get(case, mine))

    def about(self, case: str) -> str:
        """The order that a contact is about, empty for none."""
        return self.abouts[case][-1] if case in self.abouts else ""

    def of(self, case: str) -> Identifier | None:
        """Who has claimed a case, else whose the order is that it is about."""
        if case in self.claims:
            return self.claims[case][-1]
        about = self.about(case)
        ordered = self.references.owners.get(("order", self.references.root(about))) if about else None
        return ordered.persons[0] if ordered else None


def stories(events: list[Touchpoint], said: list[Touchpoint], people: People, references: References) -> list[Story]:
    """Everybody's; what belongs to nobody is in none."""
    who = customers(said, people.everyone())
    found: dict[frozenset[Identifier], Story] = defaultdict(Story)
    owners = Owners(said, references)
    trees: dict[str, list[Touchpoint]] = defaultdict(list)
    for event in events:
        if event.type.startswith("contact."):
            trees[references.root(references.contact(event))].append(event)
        owner = owners.of(owners.survey(event)) if event.type == "survey.answered" else None
        if owner is not None:
            found[who[owner]].answers.append(event)
    for case, facts in trees.items():
        person = owners.of(case)
        if person is not None and stated(facts, "direction") != "outbound":
            found[who[person]].contacts.append((facts, owners.about(case)))
    for case, facts in order_cases(events, references).items():
        owned = references.owners.get(("order", case))
        persons = owned.persons if owned else facts[0].persons if case.startswith("event:") else ()
        if persons:
            found[who[persons[0]]].orders.append((case, facts))
    return list(found.values())


def book_chains(
    events: list[Touchpoint], said: list[Touchpoint], people: People, references: References, as_of: int, book: Book
) -> None:
    """Books what follows from what."""
    for story in stories(events, said, people, references):
        book_contacts_of(story, as_of, book)
        book_orders_of(story, references, as_of, book)
