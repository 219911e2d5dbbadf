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
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

import faust
import faust.streams
import msgspec
from aiokafka.errors import (
    ConsumerStoppedError,
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as base
from faust.types import TP, ConsumerMessage
from mode.threads import WorkerThread

from streams.core.model import Partition, Record
from streams.worker import lenient

FETCH_RETRY_SECONDS = 1.0
STOP_SECONDS = 4.0
CREATE_TIME = 0  # Kafka's timestamp type 0; 1 is the log's own time
POSITIONED_BY_STORE = "none"  # aiokafka's auto_offset_reset: an offset that is out of range is an error, never a reset


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


class _Thread(WorkerThread):
    """Mode's thread, without the wait that blocks the event loop: the thread may be waiting for that very loop."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True

    def stop(self) -> None:
        """Waiting is `ChunkThread.stop`'s business."""


class ChunkThread(base.AIOKafkaConsumerThread):
    """aiokafka's consumer in its thread, with the cursors."""

    Worker = _Thread
    shutdown_timeout = STOP_SECONDS
    consumer: ChunkConsumer

    def __init__(self, consumer: ChunkConsumer, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._cursors: dict[TP, int] = {}

    async def stop(self) -> None:
        """Ends the thread; leaves it behind when it does not end in time (it dies with the process)."""
        try:
            await super().stop()
        except TimeoutError:
            self.log.warning("The consumer's thread does not end; leaving it")
            return
        deadline = time.monotonic() + STOP_SECONDS
        ended = self._thread.is_stopped if self._thread is not None else None
        while ended is not None and not ended.is_set() and time.monotonic() < deadline:  # noqa: ASYNC110 -- a thread's event
            await asyncio.sleep(0.02)  # the thread may need this loop to end

    def close(self) -> None:
        """Faust closes the consumer from the wrong loop when a rebalance meets the end; `stop` closes it anyway."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust reads transactions uncommitted and resets offsets; neither has a setting of its own."""
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 -- read when the consumer starts
        consumer._auto_offset_reset = POSITIONED_BY_STORE  # noqa: SLF001 -- as above
        return consumer

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forgets every cursor: with the next assignment all partitions are positioned anew."""
        self._cursors.clear()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """As above; a revocation is not always announced."""
        self._cursors.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 -- Faust's signature
        max_records: int | None = None,
    ) -> Any:
        """Runs in the consumer's thread: what was fetched, each run with its start. Faust passes it on untouched."""
        positioned = {tp for tp in active_partitions if tp in self._cursors}
        if not positioned or not self.consumer.flow_active:
            await asyncio.sleep(0.05)  # an empty set would mean "all partitions" to aiokafka
            return {}
        try:
            records = await super()._fetch_records(consumer, positioned, timeout=timeout, max_records=max_records)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001 -- also what a library raises on bytes that it cannot parse: never a crash
            self._seek_to_cursors(consumer)
            if isinstance(error, NoOffsetForPartitionError):  # from before the first seek
                return {}
            if isinstance(error, CorruptRecordException | UnicodeError) and not lenient.in_use():
                lenient.use()
                return {}
            self._tell(error)
            await asyncio.sleep(FETCH_RETRY_SECONDS)
            return {}
        return self._stamped(records)

    def _stamped(self, records: Mapping[Any, list[Any]]) -> dict[TP, tuple[int, int, list[Any]]]:
        runs, generation = {}, self.app.consumer_generation_id
        for kafka_tp, run in records.items():
            tp = ensure_TP(kafka_tp)
            if run and tp in self._cursors:
                runs[tp] = (generation, self._cursors[tp], run)
                self._cursors[tp] = run[-1].offset + 1
        return runs

    def _seek_to_cursors(self, consumer: Any) -> None:
        """After a failed fetch aiokafka may have moved on past records that it never handed over."""
        for tp, offset in self._cursors.items():
            try:
                consumer.seek(tp, offset)
            except IllegalStateError:  # no longer ours; the rebalance that says so is on its way
                continue

    def _tell(self, error: BaseException) -> None:
        """Errors from before a seek say nothing any more."""
        if isinstance(error, OffsetOutOfRangeError):
            offsets = {ensure_TP(tp): offset for tp, offset in error.args[0].items()}
            lost = {tp: offset for tp, offset in offsets.items() if self._cursors.get(tp) == offset}
            if lost:
                self.consumer.trouble(error, lost)
            return
        self.consumer.trouble(error, dict(self._cursors))

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        """Seeks, and sets the cursors in the same step of this thread's loop."""
        for tp, offset in partitions.items():
            consumer.seek(tp, offset)
            self._cursors[ensure_TP(tp)] = offset

    async def go_on_at(self, tp: TP, offset: int) -> None:
        """Fetches on from `offset` without moving the cursor: the records between are known to be lost."""
        consumer = self._ensure_consumer()

        async def seek() -> None:
            if tp in self._cursors:
                consumer.seek(tp, offset)

        await self.call_thread(seek)

    async def log_ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """The last stable offsets: what a reader of committed transactions can reach."""
        ends = await self.call_thread(self._ensure_consumer().end_offsets, list(tps))
        return {ensure_TP(tp): end for tp, end in ends.items()}

    async def cursors_at_end(self, ends: Mapping[TP, int]) -> dict[TP, int]:
        """Cursors of those partitions that were read up to these ends, with nothing left in aiokafka's buffers.

        `position` skips transaction markers, which never become records; the cursor does not.
        """
        consumer = self._ensure_consumer()

        async def look() -> dict[TP, int]:
            fetcher, at_end = consumer._fetcher, {}  # noqa: SLF001 -- aiokafka does not say what it has buffered
            for tp, end in ends.items():
                if tp in self._cursors and tp not in fetcher._records:  # noqa: SLF001 -- as above
                    state = fetcher._subscriptions.subscription.assignment.state_value(tp)  # noqa: SLF001 -- position() would wait
                    if state is not None and state.has_valid_position and state.position >= end:
                        at_end[tp] = self._cursors[tp]
            return at_end

        found: dict[TP, int] = await self.call_thread(look)
        return found

    async def partitions_of(self, topics: Iterable[str]) -> dict[str, set[int]]:
        """The partition numbers of each topic, as the broker says now; empty where it does not know the topic."""
        client = self._ensure_consumer()._client  # noqa: SLF001 -- aiokafka gives the numbers of assigned topics only

        async def look() -> dict[str, set[int]]:
            metadata = await client.fetch_all_metadata()
            return {topic: set(metadata.partitions_for_topic(topic) or ()) for topic in topics}

        found: dict[str, set[int]] = await self.call_thread(look)
        return found

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Faust crashes the app when Kafka refuses a commit; ours is a courtesy to lag tools and may fail."""
        try:
            await self._ensure_consumer().commit(
                {
                    base.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
                    for tp, offset in offsets.items()
                    if tp in self.assignment()
                }
            )
        except (KafkaError, IllegalStateError) as error:
            self.log.debug("Kafka did not take the offsets: %r", error)
            return False
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock warnings are about single messages; ours are about chunks (health.py)."""


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

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 -- Faust's signature
        """With a copy of the set, which this loop changes while the consumer's thread reads it."""
        return await super()._getmany(set(active_partitions or ()), timeout)

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


def require_stream_extension() -> None:
    """RuntimeError where Faust runs without its compiled streams: slower, and with acknowledgements of its own."""
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise RuntimeError(
            "Faust's compiled stream extension is missing: install faust-streaming from a wheel and unset NO_CYTHON"
        )
