"""A chunk loop on a log and a store in memory, both of which somebody may meddle with while it works."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka.errors import KafkaConnectionError
from faust.types import TP
from prometheus_client import CollectorRegistry

from streams.core.model import Answer, Commit, Partition, Record, Rejected
from streams.core.policy import Policy, TopicPolicy
from streams.drive import run_sweep
from streams.store.dump import canonical_dump
from streams.store.memory import MemoryStore
from streams.worker.agents import ChunkLoop
from streams.worker.dead_letters import DeadLetters
from streams.worker.metrics import CountedPipeline, WorkerMetrics
from streams.worker.owner import Owner
from streams.worker.transport import Fetched

DEFINITIONS = "test"
TOPIC = TopicPolicy("touchpoints")
POLICY = Policy(clock="history")
PARTITIONS = [Partition(TOPIC.name, number) for number in range(3)]

Log = Mapping[Partition, Sequence[Record]]
Meddling = Callable[[Commit], Awaitable[None]]


async def nobody(_: Commit) -> None:
    """Nobody meddles."""


class Reader:
    """What Faust's consumer is to the worker: fetches runs of the partitions in turn, goes back when told."""

    def __init__(self, log: Log, size: int) -> None:
        self.log, self.size = log, size
        self.cursors = dict.fromkeys(log, 0)
        self.waiting: deque[Fetched] = deque()
        self.generation = 1

    def fetch(self) -> None:
        """One run of each partition, as a fetch brings them."""
        for partition, records in self.log.items():
            start = self.cursors[partition]
            if run := records[start : start + self.size]:
                self.cursors[partition] = start + len(run)
                self.waiting.append(Fetched(partition, start, start + len(run), tuple(run), self.generation))

    def upcoming(self, number: int = 0) -> Fetched | None:
        """The next chunk, or a later one, which stays where it is."""
        if len(self.waiting) < 2 + number:
            self.fetch()
        return self.waiting[number] if number < len(self.waiting) else None

    async def go_back(self, tp: TP, offset: int) -> None:
        """Fetches from here again; what is on its way still comes."""
        self.cursors[Partition(tp.topic, tp.partition)] = offset

    async def caught_up(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Those of which everything was fetched, with their cursors."""
        cursors = {tp: self.cursors[Partition(tp.topic, tp.partition)] for tp in tps}
        return {tp: at for tp, at in cursors.items() if at == len(self.log[Partition(tp.topic, tp.partition)])}

    async def log_ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """How long the log is."""
        return {tp: len(self.log[Partition(tp.topic, tp.partition)]) for tp in tps}


class Meddled(MemoryStore):
    """A store whose commits take a while; `meddling` comes before them and may do, or raise, whatever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.meddling: Meddling = nobody
        self.pause = 30
        self.answers: list[Answer] = []

    async def commit(self, commit: Commit) -> Answer:
        for _ in range(self.pause):
            await asyncio.sleep(0)
        await self.meddling(commit)
        answer = await super().commit(commit)
        self.answers.append(answer)
        for _ in range(self.pause):
            await asyncio.sleep(0)
        return answer


class Letters(DeadLetters):
    """A dead-letter topic that takes a while, and notes where the store was when a letter was sent. failures: as many to come."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.failures = 0
        self.sent: dict[tuple[Partition, int], str] = {}
        self.at: list[tuple[int, int]] = []

    async def send(self, partition: Partition, rejected: Sequence[tuple[Record, Rejected]]) -> int:
        _, positions = await self.store.positions()
        self.at += [(positions[partition].offset, record.offset) for record, _ in rejected]
        for _ in range(50):
            await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("gone")
        self.sent.update({(partition, record.offset): str(why.reason) for record, why in rejected})
        return len({record.offset for record, _ in rejected})


class Reading:
    """One worker on a log. decoded: how many records the decoder has seen, again and again counted."""

    def __init__(self, log: Log, size: int = 40, store: Meddled | None = None) -> None:
        self.log = log
        self.store = store or Meddled()
        self.reader = Reader(log, size)
        self.letters = Letters(self.store)
        self.decoded = 0
        self.now_ms = 0
        reader = self.reader

        class App(SimpleNamespace):
            consumer = reader
            should_stop = rebalancing = False

            @property
            def consumer_generation_id(self) -> int:
                return reader.generation

        pipeline = CountedPipeline(POLICY, DEFINITIONS, [TOPIC])
        self.registry = CollectorRegistry()
        pipeline.metrics = WorkerMetrics(self.registry)
        decode = pipeline.decode

        def counted(*arguments: Any) -> Any:
            self.decoded += len(arguments[3])
            return decode(*arguments)

        pipeline.decode = counted  # type: ignore[method-assign, assignment] # to be counted
        self.owner = Owner(App(), self.store, pipeline, DEFINITIONS, [TOPIC], pipeline.metrics, lambda: self.now_ms)
        self.owner._counts = {TOPIC.name: len(log)}  # what the broker says when a worker is positioned
        self.loop = ChunkLoop(self.owner, self.letters)

    async def assigned(self) -> None:
        """A rebalance that gives this worker every partition: it starts where the store is."""
        await self.store.open(DEFINITIONS, dict.fromkeys(self.log, 0), [TOPIC.name])
        self.owner.watermark, self.owner.known = await self.store.positions()
        self.reader.generation += 1
        self.reader.cursors = {partition: position.offset for partition, position in self.owner.known.items()}

    async def read(self) -> None:
        """Until the store has everything; where chunks were dropped at the log's end, they are fetched again."""
        ends = {partition: len(records) for partition, records in self.log.items()}
        while {partition: position.offset for partition, position in (await self.store.positions())[1].items()} != ends:
            if self.reader.upcoming() is None:
                await self.owner.refresh()
                for partition, position in self.owner.known.items():
                    self.reader.cursors[partition] = position.offset
            else:
                await self.take()

    async def take(self) -> None:
        """The chunk that comes next, which must be there."""
        assert self.reader.upcoming() is not None
        await self.loop.take(self.reader.waiting.popleft(), self.reader.upcoming)

    async def dump(self) -> str:
        """After a complete sweep."""
        watermark, _ = await self.store.positions()
        await run_sweep(self.owner.pipeline, self.store, watermark)
        return await canonical_dump(self.store, POLICY)
