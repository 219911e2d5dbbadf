"""The world of a simulation: its chance, its customers, and the touchpoints they have left so far."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from streams.core.policy import DAY, HOUR
from streams.simulate.options import Options
from streams.simulate.truth import Truth

MARKETS = (("nl", "EUR"), ("de", "EUR"), ("uk", "GBP"), ("us", "USD"))
SEGMENTS = ("consumer", "consumer", "consumer", "business")
ACQUISITIONS = ("direct", "organic", "organic", "paid", "email", "social", "referral")

APART_MS = 6 * HOUR
"""Visits of one person are at least this far apart: further than any task's limit and the longest visit together."""

PERSON_KINDS = ("customer_id", "email", "phone", "device_id", "anonymous_id")


class Draft(msgspec.Struct, gc=False):
    """A touchpoint before it is written down as a CloudEvent; identifiers and `about` may be shared, and are only read."""

    at: int
    type: str
    channel: str
    identifiers: Mapping[str, str]
    about: Mapping[str, str]
    fields: Mapping[str, Any]


class Customer(msgspec.Struct):
    """Somebody with a journey.

    name: what identifiers are made of. main: the identifier that the company knows them by, customer_id or (a guest) email.
    known: identifiers that were linked with it; loose: those seen without it. visits: when they were busy, in ms.
    about: market and segment. plan: the id of their subscription, if any. orders, subscribed, unsubscribed: when life changed, ms; retired: nothing more comes.
    """

    name: str
    main: str
    about: dict[str, str]
    currency: str
    phone: str
    known: set[str] = msgspec.field(default_factory=set)
    plan: str = ""
    loose: set[str] = msgspec.field(default_factory=set)
    visits: list[int] = msgspec.field(default_factory=list)
    orders: list[int] = msgspec.field(default_factory=list)
    subscribed: list[int] = msgspec.field(default_factory=list)
    unsubscribed: int | None = None
    retired: bool = False
    last: int = 0

    @property
    def registered(self) -> bool:
        """Whether they have an account; the others are guests."""
        return self.main == "customer_id"

    def identifiers(self, *kinds: str) -> dict[str, str]:
        """Their identifiers of these kinds, and always the main one."""
        values = {"customer_id": self.name, "email": f"{self.name}@example.com", "phone": self.phone}
        return {kind: values[kind] for kind in dict.fromkeys((self.main, *kinds)) if self.registered or kind != "customer_id"}


class World:
    """What the parts of a simulation share."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.chance = random.Random(options.seed)  # noqa: S311  # synthetic data, not secrets
        self.truth = Truth(seed=options.seed, start_ms=options.start_ms)
        self.drafts: list[Draft] = []
        self.settled = options.start_ms
        self._numbers = 0

    def number(self) -> int:
        """The next number for an id of this simulation."""
        self._numbers += 1
        return self._numbers

    def name(self, kind: str) -> str:
        """A new id, such as `order-7-0000012`: kind, seed, number."""
        return f"{kind}-{self.options.seed}-{self.number():07d}"

    def happens(self, share: float) -> bool:
        """True in this share of cases."""
        return self.chance.random() < share

    def seconds(self, least: int, most: int) -> int:
        """A whole number of seconds between two, as ms."""
        return self.chance.randint(least, most) * 1000

    def moment(self) -> int:
        """A time within the simulation's days, more likely at busy hours, in ms."""
        day, hour = self.chance.randrange(self.options.days), self.chance.choice(self.options.hours)
        return self.options.start_ms + day * DAY + hour * HOUR + self.chance.randrange(HOUR)

    def free_moment(self, customer: Customer) -> int | None:
        """A time at which this customer may be busy on the site: far enough from their other visits.

        Not a day from another one either: a login says whose the last 24 hours were, and would cut through that visit.
        """
        for _ in range(20):
            at = self.moment()
            gaps = [abs(at - other) for other in customer.visits]
            if all(gap >= APART_MS and abs(gap - DAY) > 2 * HOUR for gap in gaps):
                customer.visits.append(at)
                return at
        return None

    def customer(self) -> Customer:
        """A new customer, without any touchpoint yet."""
        market, currency = self.chance.choice(MARKETS)
        number = self.number()
        return Customer(
            name=f"c{self.options.seed}-{number:07d}",
            main="customer_id" if self.happens(0.7) else "email",
            about={"market": market, "segment": self.chance.choice(SEGMENTS)},
            currency=currency,
            phone=f"+3120{number % 10_000_000:07d}",
        )

    def tell(
        self,
        customer: Customer,
        at: int,
        kind: str,
        channel: str,
        identifiers: Mapping[str, str],
        about: Mapping[str, str] | None = None,
        /,
        **fields: Any,
    ) -> None:
        """Adds a touchpoint, and remembers whose it turned out to be."""
        self.drafts.append(Draft(at, kind, channel, identifiers, customer.about if about is None else about, fields))
        customer.last = max(customer.last, at)
        self.settle(at)
        persons = {f"{name}:{identifiers[name]}" for name in PERSON_KINDS if name in identifiers}
        if customer.main in identifiers:
            customer.known |= persons
            customer.loose -= persons
        else:
            customer.loose |= persons - customer.known

    def settle(self, at: int) -> None:
        """The truth holds only when this time has passed."""
        self.settled = max(self.settled, at)


def step_ms(world: World) -> int:
    """How long somebody looks before they go on: seconds to a few minutes."""
    return world.chance.randint(3, 150) * 1000 + world.chance.randrange(1000)
