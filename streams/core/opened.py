"""Journeys that a batch has at hand: open, with what they were before, and closed again."""

from __future__ import annotations

from streams.core.accounts import account_of, customer_in
from streams.core.cases.chains import Booking
from streams.core.cases.life import Lived
from streams.core.cases.people import ACTIVE
from streams.core.journey import Journey
from streams.core.model import Identifier, JourneyId, Version


class Opened:
    """A journey that this batch may change, and how it was before: `site`, `links` and `days` are copied when they are touched,
    `life`, `chains` and `account` are remembered.

    customer: whom it is the journey of, as a customer: of an account all its members, put together until a share changes.
    """

    __slots__ = (
        "account",
        "as_of",
        "chains",
        "customer",
        "days",
        "dirty",
        "id",
        "journey",
        "life",
        "links",
        "peopled",
        "relinked",
        "site",
        "soiled",
        "version",
    )

    def __init__(self, found: JourneyId, journey: Journey, version: Version | None) -> None:
        """version: what the store holds; None where it holds nothing."""
        self.id = found
        self.journey = journey
        self.version = version
        self.as_of = journey.as_of
        self.site = journey.site
        self.links = journey.links
        self.days = journey.days
        self.dirty: tuple[int, int] | None = None
        self.relinked = False
        self.peopled = False
        self.soiled: set[Identifier] = set()
        self.life: Lived | None = None
        self.chains: list[Booking] | None = None
        self.account = account_of(journey)
        self.customer: Journey | None = None

    def customer_in(self, silence_ms: int) -> Journey:
        """See `customer`."""
        if self.customer is None:
            self.customer = customer_in(self.journey, silence_ms)
        return self.customer

    def touch_site(self, lo: int, hi: int) -> None:
        """Site facts between these times are about to change."""
        if self.dirty is None:
            self.dirty = (lo, hi)
            self.site = list(self.site)
        else:
            self.dirty = (min(lo, self.dirty[0]), max(hi, self.dirty[1]))

    def touch_links(self) -> None:
        """Links are about to change."""
        if not self.relinked:
            self.relinked = True
            self.links = dict(self.links)

    def touch_days(self) -> None:
        """Days of activity are about to change."""
        if not self.peopled:
            self.peopled = True
            self.days = dict(self.days)

    def is_new_day(self, day: int) -> bool:
        """Whether nothing is known yet that the person did on a local day."""
        return not self.journey.days.get(day, 0) & ACTIVE


class Closed:
    """A journey as this batch leaves it, unless it is opened once more. version: what the store holds of it."""

    __slots__ = ("blob", "due", "version")

    def __init__(self, blob: bytes, version: Version | None, due: int | None) -> None:
        self.blob = blob
        self.version = version
        self.due = due
