"""A worker that only counts, on the chunk transport: what the transport's tests look at."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from faust.types import TP

from streams.worker.app import App
from streams.worker.transport import ChunkConsumer, Fetched, Undecoded


class Counting:
    """Keeps positions and counts of values per partition, as a store would: a chunk that does not start at the position
    is refused, and the consumer is sent back to the position."""

    def __init__(self, bootstrap: str, topic: str, **settings: Any) -> None:
        self.positions: dict[TP, int] = {}
        self.values: Counter[bytes | None] = Counter()
        self.chunks: list[Fetched] = []
        self.refused: list[Fetched] = []
        self.troubles: list[tuple[BaseException, Mapping[TP, int]]] = []
        self.before: Callable[[Fetched], Any] = lambda _: None
        options: dict[str, Any] = {
            "broker_session_timeout": 2.0,
            "broker_heartbeat_interval": 0.5,
            "broker_commit_interval": 0.3,
            "stream_buffer_maxsize": 4,
            "stream_wait_empty": False,
            **settings,
        }
        self.app = App(
            f"g-{uuid4().hex[:8]}",
            broker=f"kafka+chunks://{bootstrap}",
            web_enabled=False,
            topic_disable_leader=True,
            **options,
        )
        channel = self.app.topic(topic, schema=Undecoded())

        @self.app.agent(channel, name="counting")
        async def count(stream: Any) -> None:
            async for chunk in stream:
                await self._take(chunk)

    @property
    def consumer(self) -> ChunkConsumer:
        consumer = self.app.consumer
        assert isinstance(consumer, ChunkConsumer)
        return consumer

    async def _take(self, chunk: Fetched) -> None:
        tp = TP(chunk.partition.topic, chunk.partition.number)
        self.before(chunk)
        if chunk.start != self.positions[tp]:
            self.refused.append(chunk)
            await self.consumer.go_back(tp, self.positions[tp])
            return
        self.chunks.append(chunk)
        self.positions[tp] = chunk.end
        self.values.update(record.value for record in chunk.records)

    async def _positions(self, tps: set[TP]) -> Mapping[TP, int]:
        return {tp: self.positions.setdefault(tp, 0) for tp in tps}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Counting]:
        self.consumer.positions = self._positions
        self.consumer.trouble = lambda error, cursors: self.troubles.append((error, cursors))
        await self.app.start()
        try:
            yield self
        finally:
            await asyncio.wait_for(self.app.stop(), 15)

    async def until(self, done: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{sum(self.values.values())} values, positions {self.positions}"
            await asyncio.sleep(0.02)

    def total(self) -> int:
        return sum(self.values.values())
