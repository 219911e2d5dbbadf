"""What a simulation is asked for: frozen numbers, checked once."""

from __future__ import annotations

import msgspec

from streams.core.policy import DAY, HOUR, MINUTE

DEFAULT_START_MS = 1_704_067_200_000
"""2024-01-01T00:00Z, a Monday. A simulation never asks what time it is."""

EVENTS_PER_CUSTOMER = 15

MAX_DAYS = 35
"""Within this, nobody is lost by silence before everything has settled, so the truth needs no model of silence."""


BUSY_HOURS = (7, 8, 9, 10, 10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 20, 20, 21, 21, 22, 23, 2)
"""Hours of the day as often as a shop's customers are active in them."""


class Spike(msgspec.Struct, frozen=True):
    """A time in which people give up: orders become `factor` times rarer among checkouts begun from `start_ms` to `end_ms`."""

    start_ms: int
    end_ms: int
    factor: float = 4.0


class Wave(msgspec.Struct, frozen=True):
    """A time in which customers walk out: this share of those with a running subscription cancels it, and it ends at once."""

    start_ms: int
    end_ms: int
    share: float = 0.5


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation. Shares are between 0 and 1.

    customers: how many people at most act more than once. events: distinct valid touchpoints, exactly; duplicates and
        rubbish come on top. days: journeys begin within so many days from start_ms; deliveries and endings follow.
    duplicates, late, disorder: shares of events that are sent again (within 10 minutes), arrive up to late_ms late, or
        arrive up to disorder_ms late. rubbish: share of payloads added that must be rejected.
    bots: share of the events that are flagged as a bot's.
    hours: hours of the day, UTC, as often as people are active in them. subscribers: share of customers who subscribe.
    reviews: share of the deliveries about which nobody is asked that are reviewed in public.
    wave: its events come on top; without it the same options tell the same story until it starts.
    """

    customers: int
    events: int
    seed: int
    start_ms: int = DEFAULT_START_MS
    days: int = 14
    duplicates: float = 0.0
    late: float = 0.0
    disorder: float = 0.0
    rubbish: float = 0.0
    bots: float = 0.01
    late_ms: int = 2 * DAY
    disorder_ms: int = MINUTE
    hours: tuple[int, ...] = BUSY_HOURS
    subscribers: float = 0.15
    reviews: float = 0.0
    spike: Spike | None = None
    wave: Wave | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, in a sentence, for numbers that make no simulation."""
        if self.customers < 1 or self.events < 1:
            raise ValueError("a simulation needs at least one customer and one event")
        if not 1 <= self.days <= MAX_DAYS:
            raise ValueError(f"days should be between 1 and {MAX_DAYS}")
        for name in ("duplicates", "late", "disorder", "rubbish", "bots", "subscribers", "reviews"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share: it should be between 0 and 1")
        if not self.hours or not all(0 <= hour < 24 for hour in self.hours):
            raise ValueError("hours should be some of 0 to 23")
        if self.late_ms < HOUR or self.disorder_ms < 1:
            raise ValueError("late_ms should be at least an hour, disorder_ms at least 1")

    @property
    def end_ms(self) -> int:
        """When the last journeys begin."""
        return self.start_ms + self.days * DAY
