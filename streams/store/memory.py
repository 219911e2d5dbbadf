"""A namespace in memory: for `fold`, for tests, and as the model that the Redis store is compared with.

No call awaits anything, so each is atomic among the tasks of one event loop.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import TypeVar

import msgspec

from streams.core.model import (
    Advance,
    Answer,
    Bucket,
    Commit,
    Identifier,
    JourneyId,
    Partition,
    Position,
    Rows,
    Verdict,
    version_of,
)
from streams.core.windows import is_live
from streams.store.base import Changed, Loaded
from streams.store.checks import Unsafe, check, check_unsafe
from streams.store.deadlines import Deadlines
from streams.store.wire import new_version

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _State(msgspec.Struct):
    """All that a namespace keeps."""

    definitions: str | None = None
    watermark: int = -1
    disorder_ms: int = 0
    holding: frozenset[str] = frozenset()
    listed: set[Partition] = msgspec.field(default_factory=set)
    positions: dict[Partition, Position] = msgspec.field(default_factory=dict)
    journeys: dict[JourneyId, bytes] = msgspec.field(default_factory=dict)
    links: dict[Identifier, JourneyId] = msgspec.field(default_factory=dict)
    due: Deadlines = msgspec.field(default_factory=Deadlines)
    cells: dict[Bucket, dict[str, dict[int, int]]] = msgspec.field(default_factory=dict)
    versions: dict[Bucket, bytes] = msgspec.field(default_factory=dict)
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)


class MemoryStore:
    """A `Store` without I/O. `unsafe` is for tests only (`streams.store.checks.UNSAFE`)."""

    def __init__(self, unsafe: Unsafe = frozenset()) -> None:
        check_unsafe(unsafe)
        self._unsafe = unsafe
        self._state = _State()

    def snapshot(self) -> object:
        """A copy of everything, for `restore`."""
        return copy.deepcopy(self._state)

    def restore(self, snapshot: object) -> None:
        """Goes back to a snapshot, as Redis does when a failover loses acknowledged writes."""
        if not isinstance(snapshot, _State):
            raise TypeError("not a snapshot of a MemoryStore")
        self._state = copy.deepcopy(snapshot)

    async def load(self, identifiers: Collection[Identifier], journeys: Collection[JourneyId] = ()) -> Loaded:
        """See `Store.load`."""
        state = self._state
        links = {identifier: state.links.get(identifier) for identifier in identifiers}
        wanted = {*journeys, *(journey for journey in links.values() if journey is not None)}
        return Loaded(links, {journey: state.journeys.get(journey) for journey in wanted})

    async def commit(self, commit: Commit) -> Answer:
        """See `Store.commit`."""
        check(commit)
        refused = self._compare(commit)
        if refused is not None:
            return refused
        self._write(commit)
        self._raise_watermark()
        return Answer(Verdict.OK, self._state.watermark)

    def _compare(self, commit: Commit) -> Answer | None:
        """The answer to a commit that read something else than what is stored."""
        state = self._state
        if state.definitions is None:
            return Answer(Verdict.UNLISTED, state.watermark)
        if state.definitions != commit.definitions:
            return Answer(Verdict.FENCED, state.watermark)
        if commit.watermark > state.watermark:
            return Answer(Verdict.ROLLBACK, state.watermark)
        if commit.advance is not None and (refused := self._compare_position(commit.advance)) is not None:
            return refused
        conflicts = self._conflicts(commit)
        return Answer(Verdict.CONFLICT, state.watermark, conflicts=tuple(sorted(conflicts))) if conflicts else None

    def _compare_position(self, advance: Advance) -> Answer | None:
        stored = self._state.positions.get(advance.partition)
        if stored is None:
            return Answer(Verdict.UNLISTED, self._state.watermark)
        if stored.offset == advance.start or "position" in self._unsafe:
            return None
        if stored.offset < advance.start:
            verdict = Verdict.ROLLBACK
        elif stored.offset < advance.position.offset:
            verdict = Verdict.PARTIAL
        else:
            verdict = Verdict.DUPLICATE
        return Answer(verdict, self._state.watermark, stored.offset)

    def _conflicts(self, commit: Commit) -> set[JourneyId]:
        state = self._state
        conflicts: set[JourneyId] = set()
        if "journeys" not in self._unsafe:
            for journey, version in commit.read.items():
                blob = state.journeys.get(journey)
                if (None if blob is None else version_of(blob)) != version:
                    conflicts.add(journey)
        if "absence" not in self._unsafe:
            conflicts.update(state.links[identifier] for identifier in commit.absent if identifier in state.links)
        return conflicts

    def _write(self, commit: Commit) -> None:
        state = self._state
        _put(state.journeys, commit.journeys)
        _put(state.links, commit.links)
        for journey, at in commit.due.items():
            state.due.put(journey, at)
        version = new_version()
        for bucket, rows in commit.cells.items():
            if rows and is_live(bucket, state.watermark):
                state.versions[bucket] = version
                table = state.cells.setdefault(bucket, {})
                for row, deltas in rows.items():
                    slots = table.setdefault(row, {})
                    _add(slots, deltas)
                    if not slots:
                        del table[row]
                if not table:
                    del state.cells[bucket], state.versions[bucket]
        _add(state.outcomes, commit.outcomes)
        if commit.advance is not None:
            partition, moved = commit.advance.partition, commit.advance.position
            stored = state.positions[partition]
            if commit.advance.start == moved.offset:
                new = Position(stored.offset, stored.clock, stored.digest, max(stored.ticked, moved.clock))
            else:
                new = Position(moved.offset, max(stored.clock, moved.clock), moved.digest, stored.ticked)
            state.positions[partition] = new

    def _raise_watermark(self) -> None:
        """The least clock of the listed partitions of holding topics, less the disorder; none may be unknown."""
        state = self._state
        unread = Position(0)
        rows = [state.positions.get(partition, unread) for partition in state.listed if partition.topic in state.holding]
        clocks = [max(row.clock, row.ticked) for row in rows]
        if clocks and min(clocks) >= 0:
            state.watermark = max(state.watermark, min(clocks) - state.disorder_ms)

    async def open(
        self, definitions: str, partitions: Mapping[Partition, int], holding: Collection[str], disorder_ms: int = 0
    ) -> Answer:
        """See `Store.open`."""
        state = self._state
        if state.definitions not in {None, definitions}:
            return Answer(Verdict.FENCED, state.watermark)
        if any(partition in state.listed and partition not in state.positions for partition in partitions):
            return Answer(Verdict.UNLISTED, state.watermark)
        state.definitions = definitions
        state.holding = frozenset(holding)
        state.disorder_ms = disorder_ms
        for partition, start in partitions.items():
            if partition not in state.listed:
                state.listed.add(partition)
                state.positions[partition] = Position(start)
        return Answer(Verdict.OK, state.watermark)

    async def definitions(self) -> str | None:
        """See `Store.definitions`."""
        return self._state.definitions

    async def adopt(self, definitions: str, kept: int) -> Answer:
        """See `Store.adopt`."""
        state = self._state
        if state.definitions is None:
            return Answer(Verdict.UNLISTED, state.watermark)
        if state.definitions[:kept] != definitions[:kept]:
            return Answer(Verdict.FENCED, state.watermark)
        state.definitions = definitions
        return Answer(Verdict.OK, state.watermark)

    async def positions(self) -> tuple[int, dict[Partition, Position]]:
        """See `Store.positions`."""
        return self._state.watermark, dict(self._state.positions)

    async def due(self, until: int, limit: int, shards: Collection[int]) -> list[tuple[JourneyId, int]]:
        """See `Store.due`."""
        return self._state.due.earliest(until, limit, shards)

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        """See `Store.read`."""
        state = self._state
        live = (bucket for bucket in buckets if bucket in state.cells and is_live(bucket, state.watermark))
        return state.watermark, {bucket: {row: dict(slots) for row, slots in state.cells[bucket].items()} for bucket in live}

    async def read_changed(self, known: Mapping[Bucket, bytes | None]) -> Changed:
        """See `Store.read_changed`."""
        state = self._state
        versions = {bucket: state.versions.get(bucket) if is_live(bucket, state.watermark) else None for bucket in known}
        changed = [bucket for bucket, version in versions.items() if version is None or version != known[bucket]]
        watermark, rows = await self.read(changed)
        return Changed(watermark, {bucket: (versions[bucket], rows.get(bucket, {})) for bucket in changed})

    async def outcomes(self) -> dict[str, int]:
        """See `Store.outcomes`."""
        return dict(self._state.outcomes)

    async def journeys(self) -> AsyncIterator[tuple[JourneyId, bytes]]:
        """See `Store.journeys`."""
        for item in list(self._state.journeys.items()):
            yield item

    async def buckets(self) -> list[Bucket]:
        """See `Store.buckets`."""
        return sorted(self._state.cells)

    async def expire(self, limit: int) -> int:
        """See `Store.expire`."""
        expired = [bucket for bucket in self._state.cells if not is_live(bucket, self._state.watermark)][:limit]
        for bucket in expired:
            del self._state.cells[bucket], self._state.versions[bucket]
        return len(expired)

    async def close(self) -> None:
        """Nothing to release."""


def _put(table: dict[_Key, _Value], changes: Mapping[_Key, _Value | None]) -> None:
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


def _add(counters: dict[_Key, int], deltas: Mapping[_Key, int]) -> None:
    """Adds, and forgets what has become zero."""
    for name, delta in deltas.items():
        value = counters.get(name, 0) + delta
        if value:
            counters[name] = value
        else:
            counters.pop(name, None)
