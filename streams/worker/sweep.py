"""What happens without records: deadlines that have passed, clocks of partitions that are caught up, buckets that expired."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiokafka.errors import KafkaError
from faust.types import TP

from streams.core.model import Partition, Position, Verdict
from streams.drive import SWEEP_JOURNEYS, send, sweep_journeys
from streams.worker.owner import KAFKA, REDIS, Owner
from streams.worker.retry import FAILURES_BEFORE_DEFECT, Backoff, is_redis

SWEEP_SECONDS = 0.25
BACKLOG_SECONDS = 2.0
"""Between two sweeps while chunks are waiting. A backlog lets event time rush, so that most deadlines of a visit pass within
one sweep of this length, which writes its journey once. No figure depends on it: outcomes are booked at their deadlines."""
TICK_SECONDS = 1.0
EXPIRE_SECONDS = 2.0
EXPIRE_BUCKETS = 200

log = logging.getLogger("journey.worker")


async def repeat(owner: Owner, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
    """Does it now and then until cancelled. Outages are told once; so is a defect, when it comes twice in a row."""
    failures = 0
    while owner.failure is None:
        await asyncio.sleep(seconds)
        generation = owner.generation
        if not owner.active(generation):
            continue
        try:
            await what()
        except Exception as error:
            if is_redis(error):
                owner.outages.begin(REDIS, error)
            elif isinstance(error, KafkaError):
                owner.outages.begin(KAFKA, error)
            else:
                failures += 1
                await owner.forget()
                if failures == FAILURES_BEFORE_DEFECT:
                    log.exception("Defect in %s; trying again", getattr(what, "__qualname__", what))
            await _pause(owner, generation)
        else:
            failures = 0
            owner.outages.end(KAFKA)


async def _pause(owner: Owner, generation: int) -> None:
    backoff = Backoff(lambda: owner.active(generation))
    await backoff.wait()


class Sweeper:
    """Deadlines, ticks and expiry of one worker."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._swept = -BACKLOG_SECONDS

    async def sweep(self) -> None:
        """Lets every deadline enter that has passed by now, for this worker's share, a batch at a time between chunks.

        Not yet, if chunks are waiting and the last sweep has only just ended.
        """
        if self._owner.behind and time.monotonic() < self._swept + BACKLOG_SECONDS:
            return
        await self._sweep(self._owner.watermark)
        self._swept = time.monotonic()

    async def _sweep(self, until: int) -> None:
        """What passes while this goes on, because chunks come in between, waits for the next sweep."""
        owner = self._owner
        while owner.watermark >= 0 and (shards := owner.shards) and owner.active(owner.generation):
            due = await owner.store.due(min(until, owner.watermark), SWEEP_JOURNEYS, shards)
            if not due:
                return
            async with owner.turn:
                journeys = [journey for journey, _ in due]
                answer = await sweep_journeys(owner.pipeline, owner.store, journeys, owner.watermark)
                if answer.verdict is Verdict.OK:
                    owner.watermark = answer.watermark
                elif owner.refused(answer):
                    return
                elif answer.verdict is not Verdict.CONFLICT:
                    await owner.refresh()

    async def tick(self) -> None:
        """Moves the clocks of owned partitions that are caught up to the wall clock, which is read before the log's ends."""
        owner = self._owner
        clock = owner.now_ms()
        for tp, cursor in (await owner.consumer.caught_up(owner.partitions())).items():
            async with owner.turn:
                position = owner.known.get(Partition(tp.topic, tp.partition))
                if position is not None and position.offset == cursor and max(position.clock, position.ticked) < clock:
                    await self._tick(tp, position, clock)

    async def _tick(self, tp: TP, position: Position, clock: int) -> None:
        owner, partition = self._owner, Partition(tp.topic, tp.partition)
        commit = owner.pipeline.tick(partition, position, clock, owner.watermark)
        answer = await send(owner.pipeline, owner.store, commit)
        if answer.verdict is Verdict.OK:
            owner.known[partition] = msgspec.structs.replace(position, ticked=clock)  # the record clock is the records' own
            owner.watermark = answer.watermark
            return
        if not owner.refused(answer):
            await owner.refresh()

    async def expire(self) -> None:
        """Deletes expired buckets at leisure; one worker is enough."""
        if 0 in self._owner.shards:
            while await self._owner.store.expire(EXPIRE_BUCKETS):  # noqa: ASYNC110 -- not waiting, only letting others in
                await asyncio.sleep(0)
