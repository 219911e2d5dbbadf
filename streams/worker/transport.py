"""The chunk transport: Faust's aiokafka driver, handing over runs of records instead of single messages.

Faust spends most of its time per message; one message per fetch and partition, whose value is the whole run, makes
that time disappear. Registered as `kafka+chunks` in the entry point group `faust.transports`.

Invariants:
- Every chunk says where it starts: `start` is the end of the chunk fetched before it, or where the last seek led. A gap
  between `start` and the first record's offset is one that Kafka made (transaction markers, compaction, aborted
  records), never one that we made.
- The cursors that say so live in the consumer's own thread, where fetches and seeks are ordered; no lock is needed.
- A partition without a cursor (nobody has positioned it since it was assigned) is not fetched from.
- Positions come from the store (`positions`). What Faust commits to Kafka is for lag tools only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

import faust
import faust.streams
import msgspec
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as base
from faust.types import TP, ConsumerMessage

from streams.core.model import Partition, Record
from streams.worker.consumer_thread import ChunkThread

FULL_SECONDS = 0.02
CREATE_TIME = 0  # Kafka's timestamp type 0; 1 is the log's own time


class Fetched(msgspec.Struct, frozen=True):
    """A run of records of one partition, as one fetch brought it.

    start: the expected position. end: the offset after the last record. generation: Kafka's number of the assignment
    that the run was fetched under. create_time: whether a producer, not the log, has stamped some record. Never empty.
    """

    partition: Partition
    start: int
    end: int
    records: tuple[Record, ...]
    generation: int
    create_time: bool = False


Positions = Callable[[set[TP]], Awaitable[Mapping[TP, int]]]
"""What the store holds for these topic-partitions. It may leave some out: they are not fetched until they are sought."""

Trouble = Callable[[BaseException, Mapping[TP, int]], None]
"""Told of what a fetch raised, and of the cursors at that time; called in the consumer's thread."""


class _NoReadOffsets(dict[TP, int | None]):
    """Faust drops messages below the offset it read last, which a seek back makes wrong. The cursors do that better."""

    def __getitem__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass

    def update(self, *_: Any, **__: Any) -> None:
        pass


class ChunkConsumer(base.Consumer):
    """Yields one message per partition and fetch; its value is a `Fetched`."""

    _thread: ChunkThread
    positions: Positions
    trouble: Trouble

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _NoReadOffsets()
        self.positions = nowhere
        self.trouble = self._log_trouble

    def _log_trouble(self, error: BaseException, _: Mapping[TP, int]) -> None:
        self.log.error("Kafka: %s", error)

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 -- Faust's signature
        """One message per partition of one fetch.

        Only what was fetched under an assignment that has ended is dropped; the new one starts where the store is.
        """
        runs, _ = await self._wait_next_records(timeout)
        for tp, (generation, start, run) in (runs or {}).items():
            if not self.flow_active:
                await self.wait(self.can_resume_flow.wait())
            if self.should_stop or self.app.consumer_generation_id != generation:
                return
            last = run[-1]
            chunk: Any = as_fetched(tp, start, run, generation)
            at_seconds = (last.timestamp or 0) / 1000
            yield tp, ConsumerMessage(
                tp.topic, tp.partition, last.offset, at_seconds, last.timestamp_type,
                None, None, chunk, None, 0, 0, tp, generation_id=generation,
            )  # fmt: skip

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 -- Faust's signature
        """Looks again soon where the buffers of all partitions are full; Faust would sleep for a second."""
        while self.flow_active and not self.should_stop and self._full() and not self._get_active_partitions():  # noqa: ASYNC110 -- Faust's flags are no events
            await asyncio.sleep(FULL_SECONDS)
        return await super()._wait_next_records(timeout)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 -- Faust's signature
        """With a copy of the set, which this loop changes while the consumer's thread reads it.

        While some partition's buffer is full, it does not wait for records of the others for long: the full one may have
        room again, and would not be fetched from before this fetch is over.
        """
        seconds = min(timeout, FULL_SECONDS) if self._full() else timeout
        return await super()._getmany(set(active_partitions or ()), seconds)

    def _full(self) -> bool:
        """Whether Faust fetches from fewer partitions than are assigned, because it holds enough chunks of the others."""
        return not self.assignment() <= self._get_active_partitions()

    async def _add_gap(self, *_: Any) -> None:
        """Offsets that Kafka skips need no bookkeeping: the store's position is the truth."""

    def _new_offset(self, tp: TP) -> int | None:
        """What Kafka is told: the end of the last chunk acknowledged."""
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return last + 1

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called by Faust after every rebalance: positions the partitions where the store says."""
        held = await self.positions({ensure_TP(tp) for tp in self.assignment()})
        await self._thread.seek_wait(held)
        return held

    async def go_back(self, tp: TP, offset: int) -> None:
        """Fetches this partition from `offset` again. Chunks already on their way say by their start that they are stale."""
        self._committed_offset[tp] = None
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        await self._thread.seek_wait({tp: offset})

    async def seek_to(self, offsets: Mapping[TP, int]) -> None:
        """Positions partitions that `positions` left out; those that were taken away since are passed over."""
        await self._thread.seek_wait({tp: offset for tp, offset in offsets.items() if tp in self.assignment()})

    async def go_on_at(self, tp: TP, offset: int) -> None:
        """Skips records that are lost; the next chunk still starts where the store is, so that the store accepts it."""
        await self._thread.go_on_at(tp, offset)

    async def caught_up(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Those partitions of which everything that was in the log at the time of the call has been fetched.

        Each comes with its cursor: whoever has committed up to that has nothing left to do.
        """
        ends = await self._thread.log_ends(tps)
        return await self._thread.cursors_at_end(ends)

    async def log_ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """The log end of each partition, for a reader of committed transactions."""
        return await self._thread.log_ends(tps)

    async def partitions_of(self, topics: Iterable[str]) -> dict[str, set[int]]:
        """The partition numbers of each topic."""
        return await self._thread.partitions_of(topics)


async def nowhere(_: set[TP]) -> Mapping[TP, int]:
    """The positions before anybody says where they come from: none, so nothing is fetched."""
    return {}


def as_fetched(tp: TP, start: int, run: list[Any], generation: int) -> Fetched:
    """The records as ours; one without a timestamp gets -1."""
    return Fetched(
        partition=Partition(tp.topic, tp.partition),
        start=start,
        end=run[-1].offset + 1,
        records=tuple(
            Record(r.offset, -1 if r.timestamp is None else r.timestamp, r.value, r.key, tuple(r.headers)) for r in run
        ),
        generation=generation,
        create_time=any(r.timestamp_type == CREATE_TIME for r in run),
    )


class Transport(base.Transport):
    """What the entry point names."""

    Consumer: ClassVar[type[ChunkConsumer]] = ChunkConsumer


class Undecoded(faust.Schema):  # type: ignore[type-arg] # no keys and values that Faust would know of
    """Hands a chunk over as it is."""

    def compile(self, app: Any, *, default_propagate: bool = False, **_: Any) -> Any:
        """Faust's hook: the function that makes an event of a message."""

        async def decode(message: Any, *, propagate: bool = default_propagate) -> Any:  # noqa: ARG001 -- Faust's signature
            return app.create_event(None, message.value, message.headers, message)

        return decode


def upcoming(stream: Any, number: int) -> Fetched | None:
    """The chunk that a stream of such events yields next (0), or later, where Faust has it already; it stays there."""
    waiting = stream.channel.queue._queue  # noqa: SLF001 -- asyncio's queue has no way to look without taking
    return waiting[number].value if number < len(waiting) else None


def require_stream_extension() -> None:
    """RuntimeError where Faust runs without its compiled streams: slower, and with acknowledgements of its own."""
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise RuntimeError(
            "Faust's compiled stream extension is missing: install faust-streaming from a wheel and unset NO_CYTHON"
        )
