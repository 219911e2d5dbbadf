"""Deadlines in memory, the earliest found without looking at all of them."""

from __future__ import annotations

import heapq
from collections.abc import Collection

from streams.core.model import JourneyId
from streams.store.base import DUE_SHARDS

_SLACK = 64


class Deadlines:
    """journey -> ms, in a heap per shard. A deadline that was moved leaves a stale entry in its heap, which is skipped
    when it comes up; a heap that is mostly stale is built anew.
    """

    __slots__ = ("_at", "_heaps")

    def __init__(self) -> None:
        self._at: list[dict[JourneyId, int]] = [{} for _ in range(DUE_SHARDS)]
        self._heaps: list[list[tuple[int, JourneyId]]] = [[] for _ in range(DUE_SHARDS)]

    def put(self, journey: JourneyId, at: int | None) -> None:
        """Sets or removes a journey's deadline."""
        shard = shard_of(journey)
        known, heap = self._at[shard], self._heaps[shard]
        if at is None:
            known.pop(journey, None)
        elif known.get(journey) != at:
            known[journey] = at
            heapq.heappush(heap, (at, journey))
        if len(heap) > 2 * len(known) + _SLACK:
            heap[:] = [(known_at, key) for key, known_at in known.items()]
            heapq.heapify(heap)

    def earliest(self, until: int, limit: int, shards: Collection[int]) -> list[tuple[JourneyId, int]]:
        """Up to `limit` journeys with a deadline <= until, by (deadline, id)."""
        found: list[tuple[int, JourneyId]] = []
        for shard in set(shards):
            found += self._earliest_of(shard, until, limit)
        return [(journey, at) for at, journey in sorted(found)[:limit]]

    def _earliest_of(self, shard: int, until: int, limit: int) -> list[tuple[int, JourneyId]]:
        known, heap = self._at[shard], self._heaps[shard]
        found: list[tuple[int, JourneyId]] = []
        while heap and heap[0][0] <= until and len(found) < limit:
            entry = heapq.heappop(heap)
            at, journey = entry
            # A deadline that was moved away and back is in the heap twice.
            if known.get(journey) == at and (not found or found[-1] != entry):
                found.append(entry)
        for entry in found:
            heapq.heappush(heap, entry)
        return found


def shard_of(journey: JourneyId) -> int:
    """The shard that a journey's deadline is in."""
    return journey[0] % DUE_SHARDS
