"""Contacts with the company's people, and surveys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streams.core.policy import DAY, MINUTE, SECOND
from streams.simulate.world import Customer, World

SCORES = {
    ("csat", True): (4, 5),
    ("csat", False): (1, 4),
    ("nps", True): (7, 10),
    ("nps", False): (0, 8),
    ("ces2", True): (4, 7),
    ("ces2", False): (1, 5),
}
REASONS = ("delivery", "payment", "product", "account")


def get_in_touch(world: World, customer: Customer, at: int, order_id: Mapping[str, str] | None = None) -> None:
    """A phone call, a chat or an email, mostly from the customer."""
    medium = world.chance.choice(("phone", "phone", "chat", "email"))
    reason = "delivery" if order_id else world.chance.choice(REASONS)
    contact = {"contact_id": world.name("contact")}
    about = {"medium": medium, "reason": reason}
    refers = order_id if order_id and world.happens(0.7) else {}
    if world.happens(0.05):
        who = customer.identifiers("phone")
        world.tell(customer, at, "contact.opened", "phone", {**who, **contact}, direction="outbound", **about)
        return
    world.truth.contacts += 1
    if medium == "email":
        write(world, customer, at, {**contact, **refers}, about)
    else:
        talk(world, customer, at, medium, contact, refers, about)


def write(world: World, customer: Customer, at: int, references: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """An email and its answer."""
    references = {**customer.identifiers("email"), **references}
    world.tell(customer, at, "contact.opened", "email", references, direction="inbound", **about)
    answer = at + world.seconds(600, 86_400)
    world.tell(customer, answer, "contact.replied", "email", references, by="agent", **about)
    world.tell(customer, answer + MINUTE, "contact.resolved", "email", references, by="agent", **about)


def talk(
    world: World,
    customer: Customer,
    at: int,
    medium: str,
    contact: Mapping[str, str],
    refers: Mapping[str, str],
    about: Mapping[str, Any],
) -> None:
    """A call or a chat: waiting, talking, perhaps on hold, perhaps passed on."""
    # A caller is a phone number until somebody answers and asks for the name.
    caller = {"phone": customer.phone} if medium == "phone" else customer.identifiers()
    world.tell(customer, at, "contact.opened", medium, {**caller, **contact, **refers}, direction="inbound", **about)
    now = at + world.seconds(5, 90)
    if medium == "phone":
        world.tell(customer, now, "contact.menu_navigated", medium, {**caller, **contact}, menu_steps=world.chance.randint(1, 6))
    world.tell(customer, now, "contact.queued", medium, {**caller, **contact})
    if world.happens(0.1):
        world.tell(customer, now + world.seconds(60, 900), "contact.abandoned", medium, {**caller, **contact})
        return
    named = {**caller, **customer.identifiers()} if world.happens(0.7) else caller
    now = answer(world, customer, now, medium, {**named, **contact})
    if world.happens(0.12):
        world.tell(customer, now, "contact.transferred", medium, {**named, **contact})
        contact = {"contact_id": world.name("contact"), "root_contact_id": contact["contact_id"]}
        world.tell(customer, now, "contact.queued", medium, {**named, **contact})
        now = answer(world, customer, now, medium, {**named, **contact})
    hang_up(world, customer, now, medium, {**named, **contact})


def answer(world: World, customer: Customer, queued: int, medium: str, identifiers: Mapping[str, str]) -> int:
    """Somebody answers; returns when they have talked."""
    at = queued + world.seconds(0, 600)
    wait, fields = at - queued, {}
    if world.happens(0.2):  # some telephone systems say how long, which may differ from the difference of times
        wait = world.seconds(0, 600)
        fields = {"queue_seconds": wait // SECOND}
    world.truth.queue_waits += 1
    world.truth.queue_wait_ms += wait
    world.tell(customer, at, "contact.answered", medium, identifiers, **fields)
    return at + world.seconds(30, 900)


def hang_up(world: World, customer: Customer, at: int, medium: str, identifiers: Mapping[str, str]) -> None:
    """The end of a conversation, with how long it was on hold."""
    held = 0
    for _ in range(world.chance.choice((0, 0, 1, 2))):
        hold = world.seconds(10, 300)
        world.tell(customer, at, "contact.held", medium, identifiers, hold_seconds=hold // SECOND)
        held += hold
        at += hold + world.seconds(10, 200)
    fields = {"talk_seconds": world.chance.randint(30, 900)}
    if world.happens(0.5):
        fields["hold_seconds"] = held // SECOND
    world.truth.holds += 1
    world.truth.hold_ms += held
    world.tell(customer, at, "contact.ended", medium, identifiers, **fields)


def ask_how_it_was(world: World, customer: Customer, at: int, *, pleased: bool) -> None:
    """An invitation, and mostly an answer; sometimes a second one that replaces it."""
    instrument = world.chance.choice(("csat", "csat", "nps", "nps", "ces2", "sus"))
    invitation = {"invitation_id": world.name("invitation")}
    who = customer.identifiers("email")
    world.tell(customer, at, "survey.sent", "email", {**who, **invitation}, instrument=instrument)
    if world.happens(0.3):
        return
    response = {**who, **invitation, "response_id": world.name("response")}
    score, answers = 0, [0]
    for _ in range(2 if world.happens(0.1) else 1):
        at += world.seconds(60, DAY // SECOND)
        if instrument == "sus":
            # Odd statements praise, even ones complain.
            answers = [
                world.chance.randint(3, 5) if pleased == (number % 2 == 0) else world.chance.randint(1, 3) for number in range(10)
            ]
            world.tell(customer, at, "survey.answered", "email", response, instrument=instrument, answers=answers)
            continue
        score = world.chance.randint(*SCORES[instrument, pleased])
        world.tell(customer, at, "survey.answered", "email", response, instrument=instrument, score=score)
    remember(world, instrument, score, answers)


def remember(world: World, instrument: str, score: int, answers: Sequence[int]) -> None:
    """Writes an answer down."""
    truth = world.truth
    if instrument == "csat":
        truth.csat += 1
        truth.csat_top += score >= 4
    elif instrument == "nps":
        truth.nps += 1
        truth.nps_promoters += score >= 9
        truth.nps_detractors += score <= 6
    elif instrument == "ces2":
        truth.ces += 1
        truth.ces_sum += score
        truth.ces_easy += score >= 5
    else:
        truth.sus += 1
        truth.sus_points += sum(answers[0::2]) - 5 + 25 - sum(answers[1::2])


def review(world: World, customer: Customer, at: int, *, pleased: bool) -> None:
    """A public review, of five stars at most."""
    rating = world.chance.randint(3, 5) if pleased else world.chance.randint(1, 3)
    world.tell(customer, at, "review.posted", "social", customer.identifiers("email"), rating=rating)
    world.truth.reviews += 1
    world.truth.review_points += rating
