"""The known truth of a simulation: what its author decided, counted where it was decided.

Nothing here is measured on the events that come out, so a pipeline (or the oracle) that agrees has read them right.
Durations are in ms, money in 1/100 of the currency's unit until it is written.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec


class Tasks(msgspec.Struct):
    """Attempts at one task."""

    attempts: int = 0
    completed: int = 0
    failed: int = 0
    errored: int = 0
    time_to_complete_ms: int = 0


class Truth(msgspec.Struct):
    """Counts as they stand at `settled_ms`, when every deadline of the simulation has passed and nobody fell silent yet.

    events: distinct, valid ones, by whom traffic says; people: persons of human traffic, as far as identifiers were ever
        linked. sums of time go with the counts before them.
    """

    seed: int = 0
    start_ms: int = 0
    last_ms: int = 0
    settled_ms: int = 0
    events: int = 0
    bot_events: int = 0
    duplicates: int = 0
    late: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=Counter)
    people: int = 0
    visits: int = 0
    visits_converted: int = 0
    visits_bounced: int = 0
    page_views: int = 0
    visit_duration_ms: int = 0
    tasks: dict[str, Tasks] = msgspec.field(default_factory=lambda: {"cart": Tasks(), "checkout": Tasks(), "other": Tasks()})
    orders: int = 0
    revenue: dict[str, int] = msgspec.field(default_factory=Counter)
    orders_due: int = 0
    orders_kept: int = 0
    orders_due_latest: int = 0
    orders_kept_latest: int = 0
    orders_overdue: int = 0
    deliveries: int = 0
    delivery_delay_ms: int = 0
    delivery_delay_latest_ms: int = 0
    contacts: int = 0
    queue_waits: int = 0
    queue_wait_ms: int = 0
    holds: int = 0
    hold_ms: int = 0
    csat: int = 0
    csat_top: int = 0
    nps: int = 0
    nps_promoters: int = 0
    nps_detractors: int = 0
    ces: int = 0
    ces_sum: int = 0
    ces_easy: int = 0
    sus: int = 0
    sus_points: int = 0
    reviews: int = 0
    review_points: int = 0
    customers: int = 0
    new_customers: int = 0
    reactivated_customers: int = 0
    cancellation_requests: int = 0

    def document(self) -> dict[str, Any]:
        """The truth as a JSON document; revenue in the currency's unit, as text."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        found["revenue"] = {currency: str(Decimal(cents) / 100) for currency, cents in sorted(self.revenue.items())}
        return found
