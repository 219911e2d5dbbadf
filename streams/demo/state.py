"""What a moment of the demo looks like, and what shows it: a screen on a terminal, lines elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import msgspec

from streams.core.policy import HOUR, MINUTE
from streams.demo.content import CAPTIONS, END, START
from streams.demo.figures import Values

MARK_MS = 30 * MINUTE
"""How far apart the points of the curve are, in event time."""
LINE_MS = 2 * HOUR
"""How far apart plain lines are, in event time."""


class Mark(msgspec.Struct, frozen=True):
    """A point of the curve: checkout abandonment of the hour before `at` (ms), None without an attempt, and its sample."""

    at: int
    abandoned: float | None
    n: int


class State(msgspec.Struct):
    """Where the demo is.

    moment: event time that the values stand for, ms. values: at that moment. marks: the curve so far.
    sent, done: records of the broker and of the namespace, clock records included. rate: other records done a second.
    """

    moment: int = -1
    values: Values = msgspec.field(default_factory=dict)
    marks: list[Mark] = msgspec.field(default_factory=list)
    sent: int = 0
    done: int = 0
    rate: float = 0.0
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def lag(self) -> int:
        """Records sent and not committed yet."""
        return max(0, self.sent - self.done)

    @property
    def duplicates(self) -> int:
        """Touchpoints that had been counted before."""
        return self.outcomes.get("touchpoints|duplicate", 0)

    @property
    def dead_letters(self) -> int:
        """Records, and touchpoints of good records, that were refused."""
        return self.outcomes.get("rejected", 0) + self.outcomes.get("touchpoints|rejected", 0)

    @property
    def played(self) -> float:
        """The share of the thirty hours that is over."""
        return min(1.0, max(0.0, (self.moment - START) / (END - START)))

    @property
    def caption(self) -> str:
        """What is going on, empty before the first event worth telling."""
        past = [text for at, text in CAPTIONS if at <= self.moment]
        return past[-1] if past else ""


class View(Protocol):
    """Shows the demo."""

    live: bool
    """Whether it is shown the state all the time, or only at moments that are multiples of LINE_MS."""

    def note(self, label: str, text: str) -> None:
        """Something to read once."""

    def loading(self, done: int, total: int, doing: str) -> None:
        """Before the playing: records of history in the namespace, of so many."""

    def show(self, state: State) -> None:
        """A moment of the playing."""

    def end(self) -> None:
        """The last moment stays; notes may follow."""


def spoken(at: int) -> str:
    """A moment as people say it: Sat 29 Jun 08:30."""
    return f"{datetime.fromtimestamp(at / 1_000, UTC):%a %d %b %H:%M}"
