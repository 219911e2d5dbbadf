"""What a simulation is asked for: frozen numbers, checked once."""

from __future__ import annotations

import msgspec

from streams.core.policy import DAY, HOUR, MINUTE

DEFAULT_START_MS = 1_704_067_200_000
"""2024-01-01T00:00Z, a Monday. A simulation never asks what time it is."""

EVENTS_PER_CUSTOMER = 15

MAX_DAYS = 35
"""Within this, nobody is lost by silence before everything has settled, so the truth needs no model of silence."""


class Spike(msgspec.Struct, frozen=True):
    """A time in which people give up: orders become `factor` times rarer among checkouts begun from `start_ms` to `end_ms`."""

    start_ms: int
    end_ms: int
    factor: float = 4.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation. Shares are between 0 and 1.

    customers: how many people at most act more than once. events: distinct valid touchpoints, exactly; duplicates and
        rubbish come on top. days: journeys begin within so many days from start_ms; deliveries and endings follow.
    duplicates, late, disorder: shares of events that are sent again (within 10 minutes), arrive up to late_ms late, or
        arrive up to disorder_ms late. rubbish: share of payloads added that must be rejected.
    bots: share of the events that are flagged as a bot's.
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
    spike: Spike | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, in a sentence, for numbers that make no simulation."""
        if self.customers < 1 or self.events < 1:
            raise ValueError("a simulation needs at least one customer and one event")
        if not 1 <= self.days <= MAX_DAYS:
            raise ValueError(f"days should be between 1 and {MAX_DAYS}")
        for name in ("duplicates", "late", "disorder", "rubbish", "bots"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share: it should be between 0 and 1")
        if self.late_ms < HOUR or self.disorder_ms < 1:
            raise ValueError("late_ms should be at least an hour, disorder_ms at least 1")

    @property
    def end_ms(self) -> int:
        """When the last journeys begin."""
        return self.start_ms + self.days * DAY
