"""What one worker owns and knows: its partitions, the positions that the store holds for them, the watermark.

The chunk loop, the sweeper and the health checks share this. Everything that folds or commits holds `turn`, because the
workspace of the pipeline holds journeys as the last commit left them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aiokafka.errors import OffsetOutOfRangeError
from faust.types import TP

from streams.core.model import Answer, Partition, Position, Verdict
from streams.core.pipeline import Pipeline
from streams.core.policy import TopicPolicy
from streams.reaching import first_line, refusal
from streams.store.base import DUE_SHARDS, Store
from streams.worker.metrics import Halt, WorkerMetrics
from streams.worker.retry import Backoff, Outages, end, is_redis

if TYPE_CHECKING:
    from streams.worker.transport import ChunkConsumer

POSITION_SECONDS = 10.0
REDIS = "Redis"
KAFKA = "Kafka"
FETCHING = "Fetching from Kafka"

OnLoss = Literal["halt", "continue"]
"""What to do when Kafka has removed records that were never read."""

log = logging.getLogger("journey.worker")


class TopicMissingError(Exception):
    """A topic that the settings name is not there yet."""


class Owner:
    """See the module. `app` is the Faust app; `definitions` the namespace's digest.

    busy_since: since when the chunk loop has its chunk, in seconds of the monotonic clock; None while it has none.
    behind: whether another one was waiting when it was done with the last one.
    """

    def __init__(
        self,
        app: Any,
        store: Store,
        pipeline: Pipeline,
        definitions: str,
        topics: Sequence[TopicPolicy],
        metrics: WorkerMetrics,
        now_ms: Callable[[], int],
        on_loss: OnLoss = "halt",
    ) -> None:
        self.app = app
        self.store = store
        self.pipeline = pipeline
        self.metrics = metrics
        self.now_ms = now_ms
        self.outages = Outages()
        self.turn = asyncio.Lock()
        self.known: dict[Partition, Position] = {}
        self.watermark = -1
        self.lost: dict[Partition, int] = {}
        self.failure: str | None = None
        self.busy_since: float | None = None
        self.behind = False
        self._definitions = definitions
        self._topics = topics
        self._on_loss = on_loss
        self._counts: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def consumer(self) -> ChunkConsumer:
        """The app's consumer."""
        consumer: ChunkConsumer = self.app.consumer
        return consumer

    @property
    def generation(self) -> int:
        """Kafka's number of the current assignment."""
        return int(self.app.consumer_generation_id)

    def chunk_seconds(self) -> float:
        """For how long the chunk loop has had its chunk; 0 without one. From any thread."""
        since = self.busy_since
        return 0.0 if since is None else time.monotonic() - since

    def active(self, generation: int) -> bool:
        """Whether work that was begun under this assignment is still ours to do."""
        return self.failure is None and not self.app.should_stop and not self.app.rebalancing and self.generation == generation

    @property
    def shards(self) -> list[int]:
        """This worker's share of the deadlines: one part per partition of the first topic, in turn."""
        first = self._topics[0].name
        count = self._counts.get(first, 0)
        return [shard for shard in range(DUE_SHARDS) if count and Partition(first, shard % count) in self.known]

    def holds(self, topic: str) -> bool:
        """Whether the watermark waits for this topic; for a batch topic it does only where all time is that of the records."""
        return self.pipeline.topics[topic].cadence == "live" or self.pipeline.policy.clock == "history"

    def fail(self, why: Halt, sentence: str) -> None:
        """Ends the worker: nothing is fetched or committed any more, and whoever runs it says the sentence."""
        if self.failure is None:
            self.failure = sentence
            self.metrics.halted.labels(str(why)).set(1)
            log.error("%s", sentence)

    # -- positions -----------------------------------------------------------------------------------------------

    async def positions(self, tps: set[TP]) -> Mapping[TP, int]:
        """Where the store is, for the transport, after every rebalance.

        Empty while that cannot be read: the partitions are positioned later then, and not fetched before.
        """
        self.known = {}
        self.behind = False
        generation = self.generation
        owned = {Partition(tp.topic, tp.partition) for tp in tps}
        try:
            await asyncio.wait_for(self._position(owned), POSITION_SECONDS)
        except Exception as error:  # noqa: BLE001 -- whatever it is, a rebalance must not fail of it
            self._missed(error)
            self._spawn(self._position_later(owned, generation))
            return {}
        return self._offsets()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends what still runs beside the loop."""
        await end(self._tasks)

    def _offsets(self) -> dict[TP, int]:
        return {TP(partition.topic, partition.number): position.offset for partition, position in self.known.items()}

    async def _position_later(self, owned: set[Partition], generation: int) -> None:
        wanted = self._same(generation)
        backoff = Backoff(wanted)
        while wanted():
            await backoff.wait()
            if not wanted():
                return
            try:
                await self._position(owned)
                await self.consumer.seek_to(self._offsets())
            except Exception as error:  # noqa: BLE001 -- as above
                self._missed(error)
            else:
                return

    def _same(self, generation: int) -> Callable[[], bool]:
        """As `active`, but also while the rebalance that asked is still being finished."""
        return lambda: self.failure is None and not self.app.should_stop and self.generation == generation

    def _missed(self, error: BaseException) -> None:
        if isinstance(error, TopicMissingError):
            self.outages.begin(KAFKA, error)
        elif is_redis(error):
            self.outages.begin(REDIS, error)
        else:
            self.outages.begin("Positioning", f"{type(error).__name__}: {first_line(error)}")

    async def _position(self, owned: set[Partition]) -> None:
        """Lists what is not listed yet, and reads positions and watermark."""
        starts = await self._log_starts()
        holding = [topic.name for topic in self._topics if self.holds(topic.name)]
        answer = await self.store.open(self._definitions, starts, holding, self.pipeline.policy.disorder_ms)
        if answer.verdict is not Verdict.OK:
            self.refused(answer)
            return
        self.watermark, positions = await self.store.positions()
        self.known = {partition: positions[partition] for partition in owned if partition in positions}
        for name in (REDIS, KAFKA, "Positioning"):
            self.outages.end(name)

    async def _log_starts(self) -> dict[Partition, int]:
        """Where the log of every partition of every topic starts, ours or not: all of them hold the watermark."""
        numbers = await self.consumer.partitions_of([topic.name for topic in self._topics])
        for topic, found in numbers.items():
            if not found:
                raise TopicMissingError(f"topic {topic} is not there; `journey topics create` makes it")
        self._counts = {topic: len(found) for topic, found in numbers.items()}
        tps = [TP(topic, number) for topic, found in numbers.items() for number in found]
        starts = await self.consumer.earliest_offsets(*tps)
        return {Partition(tp.topic, tp.partition): start for tp, start in starts.items()}

    async def refresh(self) -> None:
        """Reads positions and watermark again, in a turn; goes back where the store did (a failover that lost writes).

        Positions ahead of ours are another worker's doing, and taken over.
        """
        self.watermark, positions = await self.store.positions()
        for partition, known in list(self.known.items()):
            if partition not in positions:
                self.refused(Answer(Verdict.UNLISTED))
                return
            held = self.known[partition] = positions[partition]
            if held.offset < known.offset:
                self.metrics.rollbacks.inc()
                log.warning("The store went back: %s from %d to %d; reading on from there", partition, known.offset, held.offset)
                await self.go_back(partition, held.offset)

    async def go_back(self, partition: Partition, offset: int) -> None:
        """Fetches a partition from here again."""
        await self.consumer.go_back(TP(partition.topic, partition.number), offset)

    async def forget(self) -> None:
        """Empties the workspace, in its turn.

        After a fold that raised, nothing in it is believed: journeys may be half changed, or have been stale and at odds
        with each other because another worker wrote in between.
        """
        async with self.turn:
            self.pipeline.workspace.clear()

    # -- answers -------------------------------------------------------------------------------------------------

    def refused(self, answer: Answer) -> bool:
        """Whether an answer ends the worker; says why."""
        if answer.verdict is Verdict.FENCED:
            self.fail(
                Halt.DEFINITIONS,
                "The namespace was filled with other definitions (settings, metrics or libraries) than this worker has: "
                "run the version and settings that filled it, or `journey rebuild` into a new namespace; where only topics or their "
                "formats differ, `journey topics adopt` lets the namespace go on with these.",
            )
        elif answer.verdict is Verdict.UNLISTED:
            self.fail(
                Halt.POSITION_MISSING,
                "The store has lost the position of a partition that it had listed, so nobody knows what was counted: "
                "restore a snapshot, or `journey rebuild` into a new namespace.",
            )
        else:
            return False
        return True

    # -- trouble of the consumer ---------------------------------------------------------------------------------

    def trouble(self, error: BaseException, lost: Mapping[TP, int]) -> None:
        """From the consumer's thread: a fetch failed."""
        self.app.loop.call_soon_threadsafe(self._in_trouble, error, dict(lost))

    def _in_trouble(self, error: BaseException, lost: Mapping[TP, int]) -> None:
        if isinstance(error, OffsetOutOfRangeError):
            self._spawn(self._lost(lost))
        else:
            self.outages.begin(FETCHING, refusal(error) or f"{type(error).__name__}: {first_line(error)}")

    async def _lost(self, lost: Mapping[TP, int]) -> None:
        """Kafka no longer has (or does not have yet) what comes next: halt, or go on where its log starts now."""
        starts = await self.consumer.earliest_offsets(*lost)
        for tp, offset in lost.items():
            partition, start = Partition(tp.topic, tp.partition), starts[tp]
            gone = start - offset
            if gone <= 0 or self._on_loss != "continue":
                what = f"{gone} records were removed before they were read" if gone > 0 else "its log ends before that"
                sentence = f"Kafka cannot go on with {partition} at offset {offset}: {what}. Restore the log, or `journey rebuild` into a new namespace."
                self.fail(Halt.RECORDS_LOST, sentence)
                return
            log.error("%s: %d records from offset %d on are lost; going on, as the settings say", partition, gone, offset)
            self.metrics.lost.inc(gone)
            self.lost[partition] = gone
            await self.consumer.go_on_at(tp, start)

    def partitions(self) -> Iterable[TP]:
        """The owned partitions whose position is known."""
        return [TP(partition.topic, partition.number) for partition in self.known]
