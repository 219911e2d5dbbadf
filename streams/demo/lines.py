"""The demo without a terminal: notes, and a line of key figures for every two hours of event time."""

from __future__ import annotations

import sys

from streams.demo.content import CAPTIONS
from streams.demo.figures import ABANDONED, CX, RELATIONSHIP, UX, Row, cells, share
from streams.demo.state import State, spoken

TIME, BAR, COLUMN = 16, 12, 10
LABEL = 13
HEAD_EVERY = 15
DAY: tuple[tuple[str, Row], ...] = (
    ("abandoned", ABANDONED),
    ("converted", UX[1]),
    ("orders", CX[0]),
    ("kept", CX[2]),
    ("overdue", CX[3]),
    ("wait p90", CX[5]),
)
MONTH: tuple[tuple[str, Row], ...] = (("csat", RELATIONSHIP[2]), ("nps", RELATIONSHIP[3]))
"""Heading and row of what is shown of the last 24 hours and of the last 28 days."""


class Lines:
    """A `View` that prints plain text and no control character."""

    live = False

    def __init__(self) -> None:
        self._rows = 0
        self._told = -1
        self._loaded = -1.0

    def note(self, label: str, text: str) -> None:
        """A label and what belongs to it."""
        _say(f"{label:<{LABEL}}{text}" if label else text)

    def loading(self, done: int, total: int, doing: str) -> None:
        """Every fifth of the way, and whenever something else is done."""
        reached = done * 5 // total / 5 if total else 0.0
        if reached > self._loaded:
            self._loaded = reached
            self.note("history", f"{doing}: {done:,} of {total:,} records")

    def show(self, state: State) -> None:
        """What happened since the last line, then a line."""
        for at, text in CAPTIONS:
            if self._told < at <= state.moment:
                _say(f"{spoken(at)}  {text}")
        self._told = state.moment
        if self._rows % HEAD_EVERY == 0:
            _say(_head())
        self._rows += 1
        _say(_line(state))

    def end(self) -> None:
        """An empty line before what follows."""
        _say("")


def _head() -> str:
    names = "".join(f"{name:>{COLUMN}}" for name, _ in (*DAY, *MONTH))
    hour = f"{'abandoned':>{10}} {'':<{BAR}}"
    spans = (
        f"{'':<{TIME}}{'last hour':>10} {'':<{BAR}}{'last 24 hours':>{COLUMN * len(DAY)}}{'last 28 days':>{COLUMN * len(MONTH)}}"
    )
    return f"\n{spans}\n{'event time':<{TIME}}{hour}{names}{'lag':>7}"


def _line(state: State) -> str:
    abandoned, n = share(state.values, ABANDONED, "1h")
    rate = "-" if abandoned is None else f"{abandoned:.0%} of {n:>2}"
    figures = [cells(state.values, row, window)[0] for part, window in ((DAY, "24h"), (MONTH, "28d")) for _, row in part]
    texts = "".join(f"{text:>{COLUMN}}" for text in figures)
    return f"{spoken(state.moment):<{TIME}}{rate:>10} {'#' * round(BAR * (abandoned or 0.0)):<{BAR}}{texts}{state.lag:>7,}"


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()
