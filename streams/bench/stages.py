"""Stopwatches around the parts of a worker, put on from outside, so that the product carries none of them.

Everything that folds or commits holds the owner's turn, so one mode says whether a call belongs to a chunk or a sweep.
The next chunk is decoded and rejected records are sent while something else is waited for: no time is booked twice, and what
two stages wait for together counts for the one that is over first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from streams.bench.figures import STAGES, Measured, Stage
from streams.bench.meter import Meter
from streams.core.model import Answer, Commit, Identifier, JourneyId, Partition, Record, Rejected
from streams.store.base import Loaded
from streams.store.redis import RedisStore
from streams.worker.agents import ChunkLoop
from streams.worker.app import Worker
from streams.worker.dead_letters import DeadLetters

Since = tuple[float, float]
"""When something began, and how many seconds were booked by then."""


class Stages:
    """Seconds by stage while the meter runs, and how many records were committed. timed: the records to be timed."""

    def __init__(self, timed: int) -> None:
        self.seconds: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self.meter = Meter()
        self.records = 0
        self.timed_records = 0
        self.sweeping = False
        self.last_commit = time.perf_counter()
        self._timed = timed
        self._idle_since: Since | None = None

    def now(self) -> Since:
        """To be given to `add` later."""
        return time.perf_counter(), sum(self.seconds.values())

    def add(self, stage: Stage, since: Since) -> None:
        """Books the time from `since` to now, but for what was booked meanwhile."""
        if self.meter.running:
            started, booked = since
            self.seconds[stage] += time.perf_counter() - started - (sum(self.seconds.values()) - booked)

    def chunk_begins(self) -> None:
        """A chunk is there: since the last one was committed, whatever was not booked otherwise was spent waiting for it."""
        self.meter.start()
        if self._idle_since is not None:
            self.add("fetch", self._idle_since)
        self._idle_since = None

    def settled(self, commit: Commit) -> None:
        """The store has taken it, and so has the pipeline."""
        self.last_commit = time.perf_counter()
        if commit.advance is None:
            return
        self.records += commit.advance.position.offset - commit.advance.start
        self._idle_since = self.now()
        if self.records >= self._timed and self.meter.running:
            self.timed_records = self.records
            self.meter.end()

    def measured(self) -> Measured:
        """What was measured, with `rest` as the time that no stage has seen."""
        measured = self.meter.measured(self.timed_records)
        measured.stages.update(self.seconds.items())
        measured.stages["rest"] = measured.seconds - sum(self.seconds.values())
        return measured


class TimedStore(RedisStore):
    """The store, with its round trips timed."""

    stages: Stages

    async def load(self, identifiers: Collection[Identifier], journeys: Collection[JourneyId] = ()) -> Loaded:
        """As the store does."""
        since = self.stages.now()
        stage: Stage = "sweep" if self.stages.sweeping else "load"
        try:
            return await super().load(identifiers, journeys)
        finally:
            self.stages.add(stage, since)

    async def commit(self, commit: Commit) -> Answer:
        """As the store does."""
        since = self.stages.now()
        try:
            return await super().commit(commit)
        finally:
            self.stages.add("sweep" if self.stages.sweeping else "commit", since)


def put_on(worker: Worker, stages: Stages) -> None:
    """Times the pipeline of this worker, and the dead letters of this process."""
    pipeline = worker.owner.pipeline
    decode = pipeline.decode

    def decoding(*arguments: Any) -> Any:
        since = stages.now()
        try:
            return decode(*arguments)
        finally:
            stages.add("decode", since)

    def timed(call: Callable[..., Any], *, sweeping: bool | None) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            if sweeping is not None:
                stages.sweeping = sweeping
            since = stages.now()
            try:
                return call(*arguments)
            finally:
                stages.add("sweep" if stages.sweeping else "fold", since)

        return run

    def settled(commit: Commit) -> None:
        settle(commit)
        stages.settled(commit)

    settle = timed(pipeline.committed, sweeping=None)
    parts: dict[str, Callable[..., Any]] = {
        "decode": decoding,
        "wanted": timed(pipeline.wanted, sweeping=False),
        "fold": timed(pipeline.fold, sweeping=False),
        "sweep": timed(pipeline.sweep, sweeping=True),
        "admit": timed(pipeline.admit, sweeping=None),
        "assume": timed(pipeline.assume, sweeping=None),
        "committed": settled,
    }
    for name, part in parts.items():
        setattr(pipeline, name, part)
    _time_dead_letters(stages)
    _see_chunks(stages)


def _time_dead_letters(stages: Stages) -> None:
    send = DeadLetters.send

    async def timed(self: DeadLetters, partition: Partition, rejected: Sequence[tuple[Record, Rejected]]) -> int:
        since = stages.now()
        try:
            return await send(self, partition, rejected)
        finally:
            stages.add("dead_letters", since)

    DeadLetters.send = timed  # type: ignore[method-assign] # this process does nothing else


def _see_chunks(stages: Stages) -> None:
    take = ChunkLoop.take

    async def seen(self: ChunkLoop, *arguments: Any) -> None:
        stages.chunk_begins()
        await take(self, *arguments)

    ChunkLoop.take = seen  # type: ignore[method-assign, assignment] # as above
