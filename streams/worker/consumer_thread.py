"""aiokafka's consumer in a thread of its own, with the cursors that say where the next chunk of each partition starts.

Fetches and seeks are ordered here, in one event loop, so the cursors need no lock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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
from faust.types import TP
from mode.threads import WorkerThread

from streams.worker import lenient

if TYPE_CHECKING:
    from streams.worker.transport import ChunkConsumer

FETCH_RETRY_SECONDS = 1.0
FETCH_WAIT_MS = 100
"""How long a broker may hold a fetch of idle partitions: as long, others of that broker that have a backlog wait too."""
STOP_SECONDS = 4.0
POSITIONED_BY_STORE = "none"  # aiokafka's auto_offset_reset: an offset that is out of range is an error, never a reset


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
        """Faust reads transactions uncommitted, resets offsets and waits 1.5 s for idle partitions; none has a setting."""
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 -- read when the consumer starts
        consumer._isolation_level = "read_committed"  # noqa: SLF001 -- as above
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
