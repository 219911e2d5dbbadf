"""Policy: every number and list that the definitions depend on, frozen, with time zones resolved by name.

A policy is data. The settings build it once; its digest, together with the metric catalogue's, is the namespace's
definitions digest, so two workers with different policies never write to one namespace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Clock = Literal["live", "history"]


class TaskPolicy(msgspec.Struct, frozen=True):
    """A task that is derived from touchpoint types, or an explicit one (task.started .. task.completed) by its name."""

    name: str
    limit_ms: int
    start: frozenset[str] = frozenset()
    success: frozenset[str] = frozenset()


class TopicPolicy(msgspec.Struct, frozen=True):
    """How one topic is read. format: `cloudevents`, `segment`, `mapping:FILE`. cadence: `batch` topics hold no clock
    and have no allowance.
    """

    name: str
    format: str = "cloudevents"
    cadence: Literal["live", "batch"] = "live"


IDENTIFIER_LIMITS: Mapping[str, int] = {
    "customer_id": 1,
    "user_id": 1,
    "email": 10,
    "phone": 10,
    "device_id": 50,
    "anonymous_id": 200,
}
"""How many identifiers of a kind one person may have; the order is the priority. Other person kinds: 10, least priority."""


class Limits(msgspec.Struct, frozen=True):
    """What bounds a journey and a record; what a limit does is counted."""

    record_bytes: int = 256 * 1024
    depth: int = 32
    identifier_chars: int = 256
    text_chars: int = 200
    facts_per_day: int = 2_000
    facts_per_case: int = 200
    cases_per_journey: int = 2_000
    timeline_facts: int = 100
    members_per_account: int = 1_000
    identifiers: Mapping[str, int] = msgspec.field(default_factory=lambda: dict(IDENTIFIER_LIMITS))


DEFAULT_TASKS = (
    TaskPolicy("cart", 4 * HOUR, frozenset({"cart.item_added"}), frozenset({"order.placed"})),
    TaskPolicy("checkout", 30 * MINUTE, frozenset({"checkout.started"}), frozenset({"order.placed"})),
)

DEFAULT_DIMENSIONS: Mapping[str, frozenset[str]] = {
    "market": frozenset(),
    "segment": frozenset(),
    "acquisition": frozenset({"direct", "organic", "paid", "email", "social", "referral", "affiliate", "display", "push"}),
    "page_group": frozenset(
        {"home", "catalog", "product", "search", "promo", "review", "account", "cart", "checkout", "payment", "help"}
    ),
    "reason": frozenset(),
}
"""The values a dimension keeps; any other becomes `other` when a touchpoint is decoded. Devices and channels are fixed."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The definitions of one namespace.

    join_ms: how long after a touchpoint an event may still say whose it was (or that two identifiers are one person)
        and change the visits and tasks of that time; older ones stay as they were counted (ARCHITECTURE, "Identity").
    silence_ms: a customer without an active subscription is lost after this long without own activity.
    future_ms: how far ahead of the record clock a touchpoint may be.
    """

    clock: Clock = "live"
    timezone: str = "UTC"
    markets: Mapping[str, str] = {}
    phone_region: str = ""
    tasks: tuple[TaskPolicy, ...] = DEFAULT_TASKS
    other_task_limit_ms: int = 30 * MINUTE
    visit_gap_ms: int = 30 * MINUTE
    visit_limit_ms: int = 24 * HOUR
    join_ms: int = 24 * HOUR
    silence_ms: int = 90 * DAY
    disorder_ms: int = 0
    allowance_ms: int = 7 * DAY
    future_ms: int = 10 * MINUTE
    skew_ms: int = 24 * HOUR
    dimensions: Mapping[str, frozenset[str]] = msgspec.field(default_factory=lambda: dict(DEFAULT_DIMENSIONS))
    limits: Limits = Limits()

    @property
    def island_ms(self) -> int:
        """Facts of one person further apart than this cannot share a visit or an attempt."""
        return max([self.visit_gap_ms, self.other_task_limit_ms, *(task.limit_ms for task in self.tasks)])

    @property
    def keep_ms(self) -> int:
        """How long after its last fact an island is kept: nothing accepted later can change it.

        What is accepted says whose facts are up to join_ms older than it, and these may still be in the island, be an
        order that joins it up to join_ms later, or make its UTC day a bot's.
        """
        return self.island_ms + self.join_ms + max(self.join_ms, DAY) + self.allowance_ms

    @property
    def drain_ms(self) -> int:
        """How long after the last touchpoint everything that closes by waiting on the site has closed."""
        return max(self.island_ms, self.visit_limit_ms)
