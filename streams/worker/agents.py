"""The chunk loop: one chunk at a time from the topics through the pipeline into one commit.

A chunk is tried until it is committed, known to be committed, or no longer ours. Redis and Kafka may go away meanwhile;
a defect in the fold is logged once and tried again, because passing over it would lose records silently. Nothing is
raised to Faust, which would acknowledge the chunk all the same.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from streams.core.model import Answer, Partition, Verdict
from streams.core.pipeline import Chunk
from streams.drive import run_chunks
from streams.registry_access import FrameReader, RegistryError
from streams.worker.ahead import Ahead, Upcoming, nothing
from streams.worker.dead_letters import DeadLetters
from streams.worker.owner import FETCHING, REDIS, Owner
from streams.worker.retry import FAILURES_BEFORE_DEFECT, Backoff, is_redis
from streams.worker.transport import Fetched

DEAD_LETTERS = "The dead-letter topic"
REGISTRY = "The schema registry"

log = logging.getLogger("journey.worker")


class ChunkLoop:
    """Takes what the transport fetches."""

    def __init__(self, owner: Owner, dead_letters: DeadLetters, schemas: FrameReader | None = None) -> None:
        self._owner = owner
        self._dead_letters = dead_letters
        self._ahead = Ahead(owner, schemas)
        self._acknowledged: dict[Partition, int] = {}

    async def take(self, fetched: Fetched, upcoming: Upcoming = nothing) -> None:
        """Returns when the chunk is done with; raises only cancellation. Meanwhile those upcoming are decoded."""
        self._owner.busy_since = time.monotonic()
        working = asyncio.create_task(self._ahead.work(fetched, upcoming))
        try:
            await self._take(fetched)
        finally:
            working.cancel()
            self._owner.busy_since, self._owner.behind = None, upcoming(0) is not None

    async def _take(self, fetched: Fetched) -> None:
        owner = self._owner
        owner.outages.end(FETCHING)
        defects = 0
        backoff = Backoff(lambda: owner.active(fetched.generation))
        while owner.active(fetched.generation):
            try:
                done = await self._try(fetched)
            except KafkaError as error:
                owner.outages.begin(DEAD_LETTERS, error)
            except RegistryError as error:
                owner.outages.begin(REGISTRY, error.trouble)
            except Exception as error:  # noqa: BLE001 -- Faust would acknowledge the chunk, whatever is raised
                if is_redis(error):
                    owner.outages.begin(REDIS, error)
                else:
                    defects += 1
                    await self._defect(fetched, error, defects)
                    if defects == 1:
                        continue
            else:
                if done:
                    return
                continue
            await backoff.wait()

    async def _defect(self, fetched: Fetched, error: Exception, count: int) -> None:
        """The first time it may only be a stale workspace: another worker's writes, seen in part. So it starts afresh.

        What then fails again is a defect of the code, told once; it goes on failing until somebody mends it.
        """
        await self._owner.forget()
        if count == FAILURES_BEFORE_DEFECT:
            self._owner.metrics.failures.inc()
            where = f"{fetched.partition} from {fetched.start} to {fetched.end}"
            log.error("Defect at %s; trying again until it is mended", where, exc_info=error)

    async def _try(self, fetched: Fetched) -> bool:
        """One attempt; True when the chunk is done with, False when positions have changed and it should be looked at anew."""
        owner, partition = self._owner, fetched.partition
        await self._ahead.prepare(fetched)
        owner.outages.end(REGISTRY)
        async with owner.turn:
            if not owner.active(fetched.generation):
                return True
            position = owner.known.get(partition)
            if position is None or fetched.end <= position.offset:
                return True  # not positioned under this assignment, or committed before
            if fetched.start > position.offset:
                log.debug("%s: a chunk before %d was dropped on the way; back to %d", partition, fetched.start, position.offset)
                await owner.go_back(partition, position.offset)
                return True
            chunks = self._ahead.chunks(fetched, position)
            if lost := owner.lost.get(partition, 0):
                chunks[0].outcomes["lost"] = lost
            started = time.perf_counter()
            buried = asyncio.create_task(self._bury(partition, chunks))
            try:
                answer = await run_chunks(owner.pipeline, owner.store, chunks, owner.watermark, buried, self._done)
            finally:
                await asyncio.gather(buried, return_exceptions=True)
            owner.metrics.commit_seconds.observe(time.perf_counter() - started)
            return await self._settle(partition, answer)

    async def _bury(self, partition: Partition, chunks: Sequence[Chunk]) -> None:
        """Rejected records before the chunks, but each only once, however often they are tried."""
        acknowledged = self._acknowledged.get(partition, -1)
        rejected = [(record, why) for chunk in chunks for record, why in chunk.rejected if record.offset > acknowledged]
        if rejected:
            self._owner.metrics.dead_letters.inc(await self._dead_letters.send(partition, rejected))
            self._acknowledged[partition] = rejected[-1][0].offset
        self._owner.outages.end(DEAD_LETTERS)

    def _done(self, chunk: Chunk, answer: Answer) -> None:
        """The store has taken a chunk."""
        owner, partition = self._owner, chunk.advance.partition
        owner.metrics.answers.labels(str(answer.verdict)).inc()
        owner.known[partition] = chunk.advance.position
        owner.watermark = answer.watermark
        owner.lost.pop(partition, None)
        owner.metrics.chunk_records.observe(len(chunk.records))

    async def _settle(self, partition: Partition, answer: Answer) -> bool:
        owner = self._owner
        owner.outages.end(REDIS)
        if answer.verdict is Verdict.OK:
            return True
        owner.metrics.answers.labels(str(answer.verdict)).inc()
        if owner.refused(answer):
            return True
        await owner.refresh()
        self._acknowledged.pop(partition, None)
        return False
