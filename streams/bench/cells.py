"""A namespace full of cells: every kind, every listed value of every dimension, in all grains, without journeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.envelope import CHANNELS
from streams.core.cells import Notebook, Where
from streams.core.content import dimension_values
from streams.core.definitions import definitions_digest
from streams.core.fields import CELLS, Cell
from streams.core.model import Advance, Bucket, Commit, Partition, Position, Verdict
from streams.core.policy import DAY, DEFAULT_DIMENSIONS, HOUR, MINUTE, Policy
from streams.core.windows import LocalDays
from streams.store.base import Store
from streams.store.checks import MAX_WRITES

NOW = 1_715_000_000_000
DEFINITIONS = definitions_digest(Policy(), [])
PARTITION = Partition("bench", 0)
PER_DAY = 60
"""Bookings of each kind in a day long closed, and in each of the last hours."""
HOURS = 26
SEGMENTS, REASONS = 20, 10
CURRENCIES = ("EUR", "GBP", "USD")


def policy_of(markets: int) -> Policy:
    """A policy with dimensions large enough for a full series budget."""
    named = {"market": markets, "segment": SEGMENTS, "reason": REASONS}
    dimensions = {name: frozenset(f"{name}-{number:03}" for number in range(size)) for name, size in named.items()}
    return Policy(dimensions={**DEFAULT_DIMENSIONS, **dimensions})


class Filler:
    """Books into a store; the watermark stands at NOW once it is filled."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._local = LocalDays(policy.timezone)
        self._values = {**dimension_values(policy), "channel": CHANNELS, "currency": CURRENCIES}
        self._booked = 0

    async def fill(self, days: int) -> None:
        """So many days, the last of them by hours and minutes, too."""
        await self._store.open(DEFINITIONS, {PARTITION: 0}, [PARTITION.topic])
        for day in range(days - 1, 0, -1):
            await self.book(NOW - day * DAY - number * 10 * MINUTE for number in range(PER_DAY))
        for hour in range(HOURS):
            await self.book(NOW - hour * HOUR - number * MINUTE for number in range(PER_DAY))
        move = Advance(PARTITION, 0, Position(1, NOW))
        await self._commit(Commit(DEFINITIONS, -1, move, {}, set(), {}, {}, {}, {}, {}))

    async def book(self, moments: Iterable[int]) -> None:
        """One of each kind at each of these moments."""
        book = Notebook(self._local)
        for at in moments:
            self._booked += 1
            self._book(book, at)
        rows = [(bucket, row, slots) for bucket, table in book.buckets(NOW).items() for row, slots in table.items()]
        watermark, _ = await self._store.positions()
        for first in range(0, len(rows), MAX_WRITES):
            cells: dict[Bucket, dict[str, Mapping[int, int]]] = {}
            for bucket, row, slots in rows[first : first + MAX_WRITES]:
                cells.setdefault(bucket, {})[row] = slots
            await self._commit(Commit(DEFINITIONS, watermark, None, {}, set(), {}, {}, {}, dict(cells), {}))

    def _book(self, book: Notebook, at: int) -> None:
        for cell in CELLS.values():
            where = self._where(cell)
            if cell.parts:
                book.measure(cell.name, at, where, 1_000 * (1 + self._booked * 7_919 % 100_000), geometric=True)
            elif cell.since:
                book.count_since(cell.name, at, at)
            elif cell.daily:
                book.count_day(cell.name, self._local.day_of(at), where)
            else:
                book.count(cell.name, at, where)

    def _where(self, cell: Cell) -> Where:
        """The listed values take turns."""
        always = f"|{cell.always}={self._turn(cell.always)}" if cell.always else ""
        return Where((always, *(f"{always}|{name}={self._turn(name)}" for name in cell.dimensions)))

    def _turn(self, dimension: str) -> str:
        values = self._values[dimension]
        return values[self._booked % len(values)]

    async def _commit(self, commit: Commit) -> None:
        answer = await self._store.commit(commit)
        if answer.verdict is not Verdict.OK:
            raise AssertionError(answer)  # nobody else writes to this namespace
