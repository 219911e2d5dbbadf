"""One namespace on real servers: topics, a store, workers in this process or in processes of their own, and what
`fold` says should come out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis.exceptions import RedisError

from streams.core.policy import Policy, TopicPolicy
from streams.fold import fold_records, in_event_time, read_records
from streams.kafka_access import KafkaAccess
from streams.kafka_produce import Playing, Produced, produce_file
from streams.simulate.options import Options
from streams.simulate.output import write
from streams.simulate.simulation import Simulation
from streams.store.dump import canonical_dump
from streams.store.redis import RedisStore
from streams.worker.app import Deps, Worker, WorkerSettings, build_app
from tests.rig import topics

FAR = "9223372036854775807"
HISTORY = {"message.timestamp.before.max.ms": FAR, "message.timestamp.after.max.ms": FAR, "retention.ms": "-1"}
POLICY = Policy(clock="history")
SHARDS = range(16)


def simulated(path: Path, events: int = 1_500, **options: Any) -> Path:
    """A file of synthetic touchpoints."""
    write(Simulation(Options(customers=max(10, events // 20), events=events, seed=7, days=5, **options)), path)
    return path


class Shop:
    """See the module. One main topic, and a dead-letter topic."""

    def __init__(self, kafka: str, redis_url: str, partitions: int = 4, policy: Policy = POLICY, **configs: str) -> None:
        self.kafka, self.redis_url, self.policy = kafka, redis_url, policy
        self.topic = TopicPolicy(topics.create(kafka, partitions, prefix="touchpoints", configs={**HISTORY, **configs}))
        self.dead_letters = topics.create(kafka, 1, prefix="dead", configs={"cleanup.policy": "compact"})
        self.namespace = f"n{uuid4().hex[:8]}"
        self.store = RedisStore.at(redis_url, self.namespace)
        self.settings = WorkerSettings(
            kafka=KafkaAccess(bootstrap=kafka),
            group=self.namespace,
            topics=[self.topic],
            policy=policy,
            dead_letter_topic=self.dead_letters,
            chunk_records=200,
            session_seconds=2.0,
        )

    def produce(self, path: Path, playing: Playing | None = None) -> Produced:
        playing = playing or Playing(backfill=True)
        return produce_file(KafkaAccess(bootstrap=self.kafka), [str(path)], self.topic, self.policy, playing)

    @asynccontextmanager
    async def worker(
        self, settings: WorkerSettings | None = None, prepare: Callable[[Worker], None] = lambda _: None, **deps: Any
    ) -> AsyncIterator[Worker]:
        """A worker in this process, with a connection of its own; `prepare` may change it before it starts."""
        store = RedisStore.at(self.redis_url, self.namespace)
        running = build_app(settings or self.settings, Deps(store=store, **deps))
        prepare(running)
        try:
            await running.start()
            yield running
        finally:
            await running.stop()
            await store.close()

    def process(self, log: Path, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """A worker in a process of its own, as `journey worker` runs it; an argument says how many, and variables of its
        environment what else (`worker_process`)."""
        environment = {
            **os.environ,
            "JOURNEY_KAFKA": self.kafka,
            "JOURNEY_REDIS": self.redis_url,
            "JOURNEY_NAMESPACE": self.namespace,
            "JOURNEY_GROUP": self.namespace,
            "JOURNEY_CLOCK": self.policy.clock,
            "JOURNEY_TOPICS": f"{{{self.topic.name}: cloudevents}}",
            "JOURNEY_DEAD_LETTER_TOPIC": self.dead_letters,
            "JOURNEY_WORKER_PORT": "0",
            **variables,
        }
        with log.open("ab") as output:
            command = [sys.executable, "-m", "tests.integration.worker_process", *arguments]
            return subprocess.Popen(command, env=environment, stderr=output)

    async def swept(self, until: int, seconds: float = 40.0) -> None:
        """Returns when the watermark is there and no deadline is left."""

        async def done() -> bool:
            watermark, _ = await self.store.positions()
            return watermark >= until and not await self.store.due(watermark, 1, SHARDS)

        await self.until(done, seconds)

    async def until(self, done: Callable[[], Any], seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if await done():
                    return
            except (OSError, RedisError):  # a server that the test has stopped
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {await self.store.positions()}, {await self.store.outcomes()}")
            await asyncio.sleep(0.05)

    async def committed(self, count: int) -> None:
        """Returns when so many records were committed."""

        async def done() -> bool:
            return await self.records() >= count

        await self.until(done)

    async def lose_position(self, after: int) -> None:
        """A worker commits so many records and ends; then the store has lost the position of a partition."""
        async with self.worker():
            await self.committed(after)
        client, positions = self.store._client, self.store._keys.positions
        await client.hdel(positions, (await client.hkeys(positions))[0])

    async def dump(self) -> str:
        return await canonical_dump(self.store, self.policy)

    async def records(self) -> int:
        """How many records were committed."""
        return (await self.store.outcomes()).get("records", 0)


OpenShop = Callable[..., Shop]
"""Opens shops; what a fixture of this name gives."""


async def folded(paths: Sequence[Path], topic: TopicPolicy, policy: Policy = POLICY) -> tuple[str, int]:
    """The canonical dump and T, as `fold` has them."""
    records = in_event_time(read_records([str(path) for path in paths]), topic, policy)
    done = await fold_records(records, topic, policy)
    return await canonical_dump(done.store, policy), done.watermark
