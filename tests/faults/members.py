"""Workers without a broker: pipelines of one namespace on a real server, each with a store of its own, chunk by chunk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from streams.core.model import Advance, Answer, Identifier, JourneyId, Partition, Position, Touchpoint, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import Policy, TopicPolicy
from streams.drive import run_chunk, run_sweep
from streams.store.base import Loaded
from streams.store.dump import canonical_dump
from streams.store.memory import MemoryStore
from streams.store.redis import RedisStore, connect

TOPIC = TopicPolicy("touchpoints")
POLICY = Policy(clock="history")
DEFINITIONS = "test"
NAMESPACE = "shop"

Log = Sequence[Sequence[Touchpoint]]
"""Touchpoints by partition, in order of arrival."""

Meanwhile = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Nobody else does anything."""


class Interrupted(RedisStore):
    """A store in which somebody else gets a turn after the next load, before whoever loaded can commit."""

    after_load: Meanwhile = staticmethod(nothing)

    async def load(self, identifiers: Collection[Identifier], journeys: Collection[JourneyId] = ()) -> Loaded:
        """See `Store.load`."""
        loaded = await super().load(identifiers, journeys)
        meanwhile, self.after_load = self.after_load, nothing
        await meanwhile()
        return loaded


class Member:
    """One worker: it goes on where it believes the store to be, and reads positions only after a refusal, as a worker does."""

    def __init__(
        self, url: str, log: Log, unsafe: frozenset[str] = frozenset(), pipeline_unsafe: frozenset[str] = frozenset()
    ) -> None:
        self.store = Interrupted.at(url, NAMESPACE, unsafe)
        self.pipeline = Pipeline(POLICY, DEFINITIONS, [TOPIC], unsafe=pipeline_unsafe)
        self.log = log
        self.partitions = [Partition(TOPIC.name, number) for number in range(len(log))]
        self.known = [Position(0) for _ in log]
        self.watermark = -1
        self.answers: list[Verdict] = []

    async def open(self) -> None:
        await self.store.open(DEFINITIONS, dict.fromkeys(self.partitions, 0), [TOPIC.name])

    async def read(self, number: int, count: int) -> None:
        """The next touchpoints of a partition, until the store has them."""
        end = self.known[number].offset + count
        while (position := self.known[number]).offset < end:
            touchpoints = self.log[number][position.offset : end]
            answer = await self._commit(number, Position(end, position.clock), touchpoints)
            if answer.verdict is not Verdict.OK:
                self.watermark, positions = await self.store.positions()
                self.known[number] = positions[self.partitions[number]]

    async def finish(self, until: int) -> None:
        """Clocks to `until`, then a complete sweep."""
        for number in range(len(self.log)):
            end = len(self.log[number])
            await self.read(number, end - self.known[number].offset)
            await self._commit(number, Position(end + 1, until), [])
        answer = await run_sweep(self.pipeline, self.store, self.watermark)
        assert answer.verdict is Verdict.OK, answer

    async def _commit(self, number: int, after: Position, touchpoints: Sequence[Touchpoint]) -> Answer:
        before = self.known[number]
        advance = Advance(self.partitions[number], before.offset, after)
        answer = await run_chunk(self.pipeline, self.store, Chunk(before, advance, [], list(touchpoints), [], {}), self.watermark)
        self.answers.append(answer.verdict)
        if answer.verdict is Verdict.OK:
            self.known[number], self.watermark = after, answer.watermark
        return answer


async def dump(store: RedisStore | MemoryStore) -> str:
    """The canonical dump under these tests' policy."""
    return await canonical_dump(store, POLICY)


async def undisturbed(log: Log, until: int) -> str:
    """The dump of one worker in memory that nothing happens to."""
    store = MemoryStore()
    pipeline = Pipeline(POLICY, DEFINITIONS, [TOPIC])
    partition = Partition(TOPIC.name, 0)
    await store.open(DEFINITIONS, {partition: 0}, [TOPIC.name])
    everything = [touchpoint for part in log for touchpoint in part]
    chunk = Chunk(Position(0), Advance(partition, 0, Position(1, until)), [], everything, [], {})
    assert (await run_chunk(pipeline, store, chunk, -1)).verdict is Verdict.OK
    assert (await run_sweep(pipeline, store, until)).verdict is Verdict.OK
    return await canonical_dump(store, POLICY)


class Snapshot:
    """Everything a server holds, to which it can go back, as a failover does that loses acknowledged writes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[bytes, bytes] = {}

    async def take(self) -> None:
        async with connect(self._url) as client:
            self._keys = {key: await client.dump(key) or b"" async for key in client.scan_iter()}

    async def restore(self) -> None:
        async with connect(self._url) as client:
            await client.flushdb()
            for key, value in self._keys.items():
                await client.restore(key, 0, value)
