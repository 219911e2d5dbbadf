"""A simulation: customers live their journeys, then what they left is told in order of arrival.

Deterministic: the same options give the same bytes, on any machine. Journeys are whole; whatever is left of the number
of events is filled with people who look at one page and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from schemas.envelope import iso
from streams.core.policy import DAY, HOUR, MINUTE
from streams.simulate import life
from streams.simulate.options import Options
from streams.simulate.rubbish import spoil
from streams.simulate.site import visit_site
from streams.simulate.support import get_in_touch
from streams.simulate.truth import Truth
from streams.simulate.world import PERSON_KINDS, Customer, Draft, World

RESERVE = 80
"""Journeys end before fewer events than this are left: more than the longest round of one customer takes."""


class Simulated(msgspec.Struct, frozen=True):
    """One payload as it arrives.

    value: the bytes that a producer would send: a CloudEvent as JSON, or rubbish. payload: the CloudEvent, None for
    rubbish. key: the best person identifier, else a reference. at_ms: when it happened; arrival_ms: when it arrives,
    never before that. again: whether this is a second delivery.
    """

    payload: dict[str, Any] | None
    at_ms: int
    arrival_ms: int
    key: bytes
    again: bool = False
    raw: bytes = b""

    @property
    def value(self) -> bytes:
        """The payload's bytes."""
        return self.raw or orjson.dumps(self.payload)


class Simulation:
    """Iterable once or more; `truth` is complete from the start."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._world = World(options)
        _live(self._world)
        self._drafts = self._world.drafts
        self._drafts.sort(key=lambda draft: draft.at)
        self._arrivals = self._deliver()
        self.truth: Truth = self._world.truth

    def _deliver(self) -> list[tuple[int, int, bool]]:
        """(arrival, index of the draft, whether again), by arrival; negative indices are rubbish made of that draft."""
        options, chance, truth = self.options, self._world.chance, self._world.truth
        arrivals: list[tuple[int, int, bool]] = []
        for index, draft in enumerate(self._drafts):
            arrival = draft.at
            if options.late and chance.random() < options.late:
                arrival += chance.randint(HOUR, options.late_ms)
                truth.late += 1
            elif options.disorder and chance.random() < options.disorder:
                arrival += chance.randint(1, options.disorder_ms)
            arrivals.append((arrival, index, False))
            if options.duplicates and chance.random() < options.duplicates:
                arrivals.append((arrival + chance.randint(1, 10 * MINUTE), index, True))
                truth.duplicates += 1
            if options.rubbish and chance.random() < options.rubbish:
                _, reason = self._spoilt(index)
                arrivals.append((arrival, ~index, False))
                truth.rejected[reason] = truth.rejected.get(reason, 0) + 1
        truth.events = len(self._drafts)
        truth.last_ms = self._drafts[-1].at
        truth.settled_ms = self._world.settled + DAY
        arrivals.sort()
        return arrivals

    def _spoilt(self, index: int) -> tuple[bytes, str]:
        # A chance of its own, so that telling the story twice tells the same one.
        chance = type(self._world.chance)(f"{self.options.seed} {index}")
        return spoil(self._event(index), chance)

    def _event(self, index: int) -> dict[str, Any]:
        draft = self._drafts[index]
        return {
            "specversion": "1.0",
            "id": f"{self.options.seed}-{index}",
            "source": f"simulate/{draft.channel}",
            "type": draft.type,
            "time": iso(draft.at),
            "datacontenttype": "application/json",
            "data": {"identifiers": dict(draft.identifiers), "channel": draft.channel, **draft.about, **draft.fields},
        }

    def __iter__(self) -> Iterator[Simulated]:
        """Everything in order of arrival."""
        for arrival, index, again in self._arrivals:
            draft = self._drafts[max(index, ~index)]
            key = _key(draft)
            if index < 0:
                yield Simulated(None, draft.at, arrival, key, raw=self._spoilt(~index)[0])
            else:
                yield Simulated(self._event(index), draft.at, arrival, key, again)

    def __len__(self) -> int:
        """How many payloads there are, duplicates and rubbish included."""
        return len(self._arrivals)


def _key(draft: Draft) -> bytes:
    """What the producer would partition by."""
    for kind in PERSON_KINDS:
        if kind in draft.identifiers:
            return draft.identifiers[kind].encode()
    return next(iter(draft.identifiers.values())).encode()


def _live(world: World) -> None:
    """Everybody's journeys."""
    budget = world.options.events
    bots = int(budget * world.options.bots)
    customers: list[Customer] = []
    while len(customers) < world.options.customers and len(world.drafts) + RESERVE < budget - bots:
        customer = world.customer()
        customers.append(customer)
        _begin(world, customer)
    tries = 0
    while customers and len(world.drafts) + RESERVE < budget - bots and tries < 3 * len(customers):
        customer = world.chance.choice(customers)
        tries = 0 if not customer.retired and _go_on(world, customer) else tries + 1
    if world.options.wave is not None:
        budget += life.walk_out(world, customers, world.options.wave)
    for customer in customers:
        life.account_for(world, customer)
    _robots(world, bots)
    while len(world.drafts) < budget:
        _pass_by(world)


def _begin(world: World, customer: Customer) -> None:
    """A customer's first journey."""
    _go_on(world, customer)
    if world.happens(world.options.subscribers):
        life.subscribe(world, customer)
    if world.happens(0.2):
        life.send_message(world, customer)
    if customer.orders and not customer.subscribed and world.happens(0.02):
        life.close_account(world, customer)


def _go_on(world: World, customer: Customer) -> bool:
    """Another round of a customer's journey; False if there is no time left for one."""
    at = world.free_moment(customer)
    if at is None:
        return False
    if world.happens(0.03):
        life.buy_in_store(world, customer, at)
    else:
        visit_site(world, customer, at)
    if world.happens(0.08):
        get_in_touch(world, customer, world.moment())
    if world.happens(0.15):
        life.send_message(world, customer)
    if world.happens(0.02):
        life.refer(world, customer)
    return True


def _robots(world: World, events: int) -> None:
    """Pages read by machines that say so; never counted in figures."""
    left = events
    while left > 0:
        robot = world.customer()
        about = {**robot.about, "device": "other"}
        at = world.moment()
        for _ in range(min(left, world.chance.randint(5, 50))):
            world.tell(robot, at, "page.viewed", "web", {"anonymous_id": robot.name}, about, page="/list", traffic="bot")
            at += world.chance.randint(100, 3000)
            left -= 1
    world.truth.bot_events = events


def _pass_by(world: World) -> None:
    """Somebody looks at one page and is never seen again."""
    nobody, at = world.customer(), world.moment()
    about = {**nobody.about, "device": world.chance.choice(("desktop", "mobile", "tablet")), "acquisition": "organic"}
    world.tell(nobody, at, "page.viewed", "web", {"anonymous_id": f"{nobody.name}-b1"}, about, page="/home")
    world.truth.people += 1
    world.truth.visits += 1
    world.truth.visits_bounced += 1
    world.truth.page_views += 1
