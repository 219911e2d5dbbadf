"""Decoding ahead: while Redis works on one chunk, or a sweep has its turn, the next chunks are decoded, a slice at a time.

What decoding gives depends on the records and on the position before them alone, and it needs nothing that a commit
changes. So a chunk may be decoded before that position is committed. It is used only if the position has become what was
assumed; else it is decoded again from what is true by then. At most `CHUNKS_AHEAD` chunks are ahead.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import msgspec

from streams.core.content import LATEST_MS
from streams.core.model import Advance, Partition, Position, Record
from streams.core.pipeline import Chunk
from streams.registry_access import FrameReader
from streams.worker.owner import Owner
from streams.worker.transport import Fetched

CHUNKS_AHEAD = 2
"""One is not always enough: what a sweep leaves of it is too little for the wait of the commit that follows."""
SLICE_RECORDS = 100
"""Decoded in one go, which takes a few milliseconds: for so long an answer that has come waits to be seen."""
COMMIT_RECORDS = 1_000
"""In one commit, at most. Of twice as many some have more writes than one call may have, and are folded again in halves; and
the fewer they are, the more of the store's work is done while the next ones are folded."""
SLICE_TURNS = 8
"""Of the event loop between two slices. To send a request, or to take in its answer, needs several; what waits for them
would wait for as many slices otherwise."""
LOOK_SECONDS = 0.005
NO_TIME = -1

Upcoming = Callable[[int], Fetched | None]
"""The chunk that the loop is given next (0), after that (1), and so on, if it is there already."""

log = logging.getLogger("journey.worker")


def nothing(_: int) -> Fetched | None:
    """Nobody knows what comes next."""
    return None


class Decoding:
    """One fetched chunk on its way through the decoder, after a position that is true or assumed."""

    def __init__(self, owner: Owner, fetched: Fetched, records: Sequence[Record], before: Position) -> None:
        """`records`: those of the fetched ones that the position has not passed."""
        self._owner = owner
        self._fetched = fetched
        self._records = records
        self._before = before
        self._parts: list[Chunk] = []
        self._seconds = 0.0

    def fits(self, fetched: Fetched, position: Position) -> bool:
        """Whether it is this chunk after this position, of which the offset and the record clock matter."""
        before = self._before
        return self._fetched is fetched and (before.offset, before.clock) == (position.offset, position.clock)

    @property
    def reached(self) -> Position:
        """The position after what is decoded so far."""
        return self._parts[-1].advance.position if self._parts else self._before

    @property
    def complete(self) -> bool:
        """Whether nothing is left to decode."""
        return self.reached.offset >= self._fetched.end

    def go_on(self) -> None:
        """Decodes the next slice."""
        started = time.perf_counter()
        before, done = self.reached, SLICE_RECORDS * len(self._parts)
        part = self._records[done : done + SLICE_RECORDS]
        last = done + len(part) == len(self._records)
        end = self._fetched.end if last else part[-1].offset + 1
        self._parts.append(self._owner.pipeline.decode(self._fetched.partition, before.offset, end, part, before))
        self._seconds += time.perf_counter() - started
        if last:
            self._owner.metrics.decode_seconds.observe(self._seconds)

    def chunks(self) -> list[Chunk]:
        """All of it, as chunks of at most `COMMIT_RECORDS`; what is left is decoded now."""
        while not self.complete:
            self.go_on()
        slices = max(1, COMMIT_RECORDS // SLICE_RECORDS)
        return [joined(self._parts[first : first + slices]) for first in range(0, len(self._parts), slices)]


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Chunks that follow each other, as one."""
    outcomes: dict[str, int] = {}
    for part in parts:
        for name, n in part.outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + n
    first, last = parts[0].advance, parts[-1].advance
    return Chunk(
        parts[0].before,
        Advance(first.partition, first.start, last.position),
        [record for part in parts for record in part.records],
        [touchpoint for part in parts for touchpoint in part.touchpoints],
        [rejected for part in parts for rejected in part.rejected],
        outcomes,
    )


class Ahead:
    """What the chunk loop has decoded: the chunk that it works on, and those that come next."""

    def __init__(self, owner: Owner, schemas: FrameReader | None = None) -> None:
        self._owner = owner
        self._schemas = schemas
        self._begun: list[Decoding] = []
        self._warned_of_create_time = False

    async def prepare(self, fetched: Fetched) -> None:
        """Asks for the schemas that the records name, if any, so that decoding needs nothing else. Raises RegistryError."""
        if self._schemas is not None:
            await self._schemas.prepare(record.value for record in fetched.records)

    def chunks(self, fetched: Fetched, position: Position) -> list[Chunk]:
        """What was fetched, after the position that the store has; decoded now where something else, or nothing, was assumed."""
        return self._decoding(fetched, position).chunks()

    async def work(self, fetched: Fetched, upcoming: Upcoming) -> None:
        """Decodes this chunk and then those upcoming while the event loop has nothing else to do; then it ends."""
        assumed: dict[Partition, Position] = {}
        try:
            await self._decode(fetched, assumed)
            for number in range(CHUNKS_AHEAD):
                while (after := upcoming(number)) is None:  # noqa: ASYNC110 -- a queue that is only looked into has no event
                    await asyncio.sleep(LOOK_SECONDS)
                await self._decode(after, assumed)
        except Exception as error:  # noqa: BLE001 -- the chunk loop meets it again, where it is told and tried again
            log.debug("Decoding ahead: %r", error)

    async def _decode(self, fetched: Fetched, assumed: dict[Partition, Position]) -> None:
        """Decodes a chunk after the position that its partition is assumed to have by then, else the one it has; not if the
        chunk is not what comes next there.
        """
        position = assumed.get(fetched.partition) or self._owner.known.get(fetched.partition)
        if position is None or position.offset != fetched.start or not self._owner.active(fetched.generation):
            return
        await self.prepare(fetched)
        decoding = self._decoding(fetched, position)
        while not decoding.complete:
            for _ in range(SLICE_TURNS):
                await asyncio.sleep(0)
            if not decoding.complete:  # the chunk loop may have done it meanwhile
                decoding.go_on()
        assumed[fetched.partition] = decoding.reached

    def _decoding(self, fetched: Fetched, position: Position) -> Decoding:
        for one in self._begun:
            if one.fits(fetched, position):
                return one
        records = [record for record in self._timed(fetched) if record.offset >= position.offset]
        decoding = Decoding(self._owner, fetched, records, position)
        self._begun = [*self._begun[-CHUNKS_AHEAD:], decoding]
        return decoding

    def _timed(self, fetched: Fetched) -> list[Record]:
        """Records whose timestamps may move a clock: what a producer says is bounded, what the log says is not doubted."""
        if not fetched.create_time:
            return list(fetched.records)
        most = LATEST_MS
        if self._owner.pipeline.policy.clock == "live":
            most = self._owner.now_ms()
            if not self._warned_of_create_time and self._owner.holds(fetched.partition.topic):
                self._warned_of_create_time = True
                log.warning(
                    "%s is stamped by its producers; set message.timestamp.type=LogAppendTime for a live namespace",
                    fetched.partition.topic,
                )
        return [record if 0 <= record.timestamp <= most else _bounded(record, most) for record in fetched.records]


def _bounded(record: Record, most: int) -> Record:
    """A timestamp before 1970 or after 2099 says nothing; one ahead of the wall clock is cut to it where time is live."""
    stamp = record.timestamp
    return msgspec.structs.replace(record, timestamp=NO_TIME if stamp < 0 or stamp > LATEST_MS else most)
