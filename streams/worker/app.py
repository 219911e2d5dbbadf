"""The wiring of one worker: Faust with the chunk transport around the pure pipeline and the store. Nothing runs here yet."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import faust
import msgspec
from prometheus_client import CollectorRegistry

from streams.core.definitions import definitions_digest
from streams.core.policy import Policy, TopicPolicy
from streams.kafka_access import KafkaAccess
from streams.registry_access import FrameReader
from streams.store.base import Store
from streams.worker.agents import ChunkLoop
from streams.worker.dead_letters import DeadLetters
from streams.worker.health import FETCHED_SECONDS, LAG_SECONDS, POSITIONS_SECONDS, Health
from streams.worker.metrics import CountedPipeline, WorkerMetrics
from streams.worker.owner import OnLoss, Owner
from streams.worker.retry import end
from streams.worker.sweep import EXPIRE_SECONDS, SWEEP_SECONDS, TICK_SECONDS, Sweeper, repeat
from streams.worker.transport import Undecoded, require_stream_extension, upcoming

STOP_SECONDS = 8.0
BUFFERED_CHUNKS = 4
"""That Faust may hold ready. It stops fetching at three and goes on at one, so that the next chunk is there to be decoded ahead."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
COLLECTOR_THRESHOLDS = (50_000, 50, 1_000)
"""Of Python's cyclic garbage collector. The journeys in memory are many objects that live long and hold no cycles; with the
defaults a tenth of a busy worker's time goes into looking through them. Cycles that die young are found all the same."""

log = logging.getLogger("journey.worker")


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker is told.

    group: Kafka's consumer group. chunk_records: at most so many records in a chunk. session_seconds: how long Kafka
    waits for a silent worker before its partitions go to another one.
    """

    kafka: KafkaAccess
    group: str
    topics: Sequence[TopicPolicy]
    policy: Policy
    dead_letter_topic: str
    chunk_records: int = 8_000
    session_seconds: float = 10.0
    on_loss: OnLoss = "halt"


class Deps(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker uses from outside; store and schemas are not closed with the worker.

    schemas: reads values in a schema registry's frame; None where there is no registry.
    """

    store: Store
    schemas: FrameReader | None = None
    registry: CollectorRegistry = msgspec.field(default_factory=CollectorRegistry)
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


class App(faust.App):
    """A Faust app that keeps nothing on disk."""

    def _create_directories(self) -> None:
        """Faust makes directories for its tables in the working directory, which may be read-only; we have no tables."""


class Worker:
    """A wired worker: `start`, `wait`, `stop`; started once."""

    def __init__(
        self, app: faust.App, owner: Owner, health: Health, tasks: Sequence[tuple[float, Callable[[], Awaitable[None]]]]
    ) -> None:
        self.app = app
        self.owner = owner
        self.health = health
        self._work = tasks
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connects and joins the group; raises what Kafka's client raises when no broker answers."""
        gc.set_threshold(*COLLECTOR_THRESHOLDS)
        self.owner.consumer.positions = self.owner.positions
        self.owner.consumer.trouble = self.owner.trouble
        await self.app.start()
        self._tasks = [asyncio.create_task(repeat(self.owner, seconds, what)) for seconds, what in self._work]

    async def wait(self) -> str:
        """Returns when the worker has given up (with the sentence that says why) or Faust has stopped (with nothing)."""
        while self.owner.failure is None and not self.app.should_stop:
            self.health.beat()
            await asyncio.sleep(0.1)
        return self.owner.failure or ""

    async def stop(self) -> None:
        """Leaves the group and ends every task, in less than `STOP_SECONDS`."""
        await end(self._tasks)
        await self.owner.close()
        try:
            await asyncio.wait_for(self.app.stop(), STOP_SECONDS)
        except TimeoutError:
            log.warning("Faust did not stop within %.0f s; leaving it", STOP_SECONDS)


def build_app(settings: WorkerSettings, deps: Deps) -> Worker:
    """Wires a worker. Does no I/O; needs a running event loop. RuntimeError without Faust's compiled streams."""
    require_stream_extension()
    definitions = definitions_digest(settings.policy, settings.topics)
    unframe = None if deps.schemas is None else deps.schemas.unframe
    pipeline = CountedPipeline(settings.policy, definitions, settings.topics, unframe=unframe)
    pipeline.metrics = WorkerMetrics(deps.registry)
    app = _faust(settings)
    owner = Owner(
        app, deps.store, pipeline, definitions, settings.topics, pipeline.metrics, deps.now_ms, on_loss=settings.on_loss
    )
    loop = ChunkLoop(owner, DeadLetters(app, settings.dead_letter_topic), deps.schemas)
    topics = app.topic(*(topic.name for topic in settings.topics), schema=Undecoded())

    async def chunks(stream: Any) -> None:
        async for fetched in stream:
            await loop.take(fetched, lambda number: upcoming(stream, number))

    app.agent(topics, name="chunks")(chunks)
    sweeper, health = Sweeper(owner), Health(owner)
    pipeline.metrics.live_clock.set(settings.policy.clock == "live")
    pipeline.metrics.watch(lambda: not health.why_not_ready(), owner.chunk_seconds)
    work: list[tuple[float, Callable[[], Awaitable[None]]]] = [
        (SWEEP_SECONDS, sweeper.sweep),
        (EXPIRE_SECONDS, sweeper.expire),
        (POSITIONS_SECONDS, health.check_positions),
        (FETCHED_SECONDS, health.check_fetched),
        (LAG_SECONDS, health.measure),
    ]
    if settings.policy.clock == "live":
        work.append((TICK_SECONDS, sweeper.tick))
    return Worker(app, owner, health, work)


def _faust(settings: WorkerSettings) -> faust.App:
    access = settings.kafka
    return App(
        settings.group,
        broker=[f"kafka+chunks://{server}" for server in access.servers],
        broker_credentials=_credentials(access),
        broker_max_poll_records=settings.chunk_records,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / 4,
        broker_max_poll_interval=3_600.0,  # a chunk may be tried again for as long as Redis is away
        broker_commit_interval=2.0,
        producer_max_request_size=MAX_MESSAGE_BYTES,
        stream_buffer_maxsize=BUFFERED_CHUNKS,
        stream_wait_empty=False,  # the store refuses what is no longer ours; a retry must not hold up a rebalance
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        store="memory://",
    )


def _credentials(access: KafkaAccess) -> Any:
    context = access.ssl_context()
    if access.security.startswith("sasl"):
        return faust.SASLCredentials(
            username=access.user, password=access.password, ssl_context=context, mechanism=access.mechanism
        )
    return None if context is None else faust.SSLCredentials(context)
