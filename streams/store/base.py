"""The store's protocol: what a namespace keeps, and the one way it changes.

Two implementations, one contract suite (`tests/contracts`): `MemoryStore` and `RedisStore`. Calls are coroutines.
A store never interprets a journey's blob; it only compares its version (`streams.core.model.version_of`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from streams.core.model import Answer, Bucket, Commit, Identifier, JourneyId, Partition, Position, Rows

DUE_SHARDS = 16
"""Journeys' deadlines are kept in this many parts, by the first byte of the journey's id, so that workers share a sweep."""


class Loaded(msgspec.Struct):
    """What a load found: every identifier asked for, and the blob of every journey linked or asked for (None = absent)."""

    links: dict[Identifier, JourneyId | None]
    blobs: dict[JourneyId, bytes | None]


class Changed(msgspec.Struct, frozen=True):
    """What changed since a caller looked: the watermark, and version and rows of every bucket whose version is another one.

    The version is None, and the rows are empty, where a bucket has no cells or is expired; these are always named.
    """

    watermark: int
    buckets: dict[Bucket, tuple[bytes | None, Rows]]


class Store(Protocol):
    """One namespace's state."""

    async def load(self, identifiers: Collection[Identifier], journeys: Collection[JourneyId] = ()) -> Loaded:
        """Links of the identifiers, and the blobs of the journeys that they lead to and of those named."""

    async def commit(self, commit: Commit) -> Answer:
        """Compares everything that was read, then writes everything or nothing (01-architecture 2.2).

        Raises ValueError for a commit that breaks `streams.store.checks.check` (over MAX_WRITES: split the chunk).
        """

    async def open(
        self, definitions: str, partitions: Mapping[Partition, int], holding: Collection[str], disorder_ms: int = 0
    ) -> Answer:
        """Lists partitions that are not listed yet at the given log starts; `holding` are the topics whose clocks hold
        the watermark, `disorder_ms` how far it stays behind them: the last call decides both. OK, FENCED (the
        namespace has other definitions), or UNLISTED (a listed one has no row); only OK wrote anything.
        """

    async def definitions(self) -> str | None:
        """The digest of the namespace's definitions; None while nobody has opened it."""

    async def adopt(self, definitions: str, kept: int) -> Answer:
        """Gives the namespace other definitions, of which the first `kept` characters are those that it has: OK. FENCED where
        they are not, UNLISTED where it has none. Commits with the former ones are FENCED from then on.
        """

    async def positions(self) -> tuple[int, dict[Partition, Position]]:
        """The watermark (-1 before any) and all positions, read at one moment."""

    async def due(self, until: int, limit: int, shards: Collection[int]) -> list[tuple[JourneyId, int]]:
        """Up to `limit` journeys with a deadline <= until in these shards, the earliest first."""

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        """The watermark and the rows of these buckets, read at one moment. Those without cells are left out, and
        those expired at that watermark too, whether they were deleted yet or not.
        """

    async def read_changed(self, known: Mapping[Bucket, bytes | None]) -> Changed:
        """As `read`, of the buckets named, but only those whose version is not the one that the caller knows (or None).

        Every commit gives the buckets that it writes a version that was never there before, also where a store that
        went back is written to again: equal versions mean equal cells. Together with what the caller has of the others,
        all is of one moment.
        """

    async def outcomes(self) -> dict[str, int]:
        """The operational counters."""

    def journeys(self) -> AsyncIterator[tuple[JourneyId, bytes]]:
        """Every journey, in no order; each once as long as nobody writes."""

    async def buckets(self) -> list[Bucket]:
        """Every bucket that has cells, the expired ones that were not deleted yet included."""

    async def expire(self, limit: int) -> int:
        """Deletes up to `limit` buckets that are expired at the stored watermark; returns how many."""

    async def close(self) -> None:
        """Releases connections."""
