"""One worker in a process of its own, as `journey worker` wires it, until it has read the topic and swept what is due."""

from __future__ import annotations

import asyncio
import cProfile
import io
import pstats
import time
from pathlib import Path

from streams.bench.figures import Asked, Measured, answer, asked
from streams.bench.stages import Stages, TimedStore, put_on
from streams.core.policy import Policy, TopicPolicy
from streams.kafka_access import KafkaAccess
from streams.store.base import DUE_SHARDS
from streams.worker.app import Deps, WorkerSettings, build_app

LOOK_SECONDS = 0.1
STALL_SECONDS = 60.0
PROFILE_LINES = 60


async def measure(task: Asked) -> Measured:
    """Runs the worker in a new namespace. RuntimeError where it gives up, or commits nothing for `STALL_SECONDS`."""
    stages = Stages(task.timed)
    store = TimedStore.at(task.redis, task.name)
    store.stages = stages
    settings = WorkerSettings(
        kafka=KafkaAccess(bootstrap=task.kafka),
        group=task.name,
        topics=[TopicPolicy(task.topic)],
        policy=Policy(clock="history"),
        dead_letter_topic=task.dead_letter_topic,
    )
    worker = build_app(settings, Deps(store=store))
    put_on(worker, stages)
    try:
        await worker.start()
        while not await _done(stages, store, worker.owner.watermark, task.records):
            if worker.owner.failure is not None:
                raise RuntimeError(worker.owner.failure)
            if time.perf_counter() - stages.last_commit > STALL_SECONDS:
                raise RuntimeError(f"the worker stands still after {stages.records} of {task.records} records")
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        await worker.stop()
        await store.close()
    return stages.measured()


async def _done(stages: Stages, store: TimedStore, watermark: int, records: int) -> bool:
    return stages.records >= records and not await store.due(watermark, 1, range(DUE_SHARDS))


def profiled(task: Asked) -> Measured:
    """As `measure`, with the functions of the main thread timed, which takes time itself."""
    profile = cProfile.Profile()
    try:
        return profile.runcall(asyncio.run, measure(task))
    finally:
        text = io.StringIO()
        stats = pstats.Stats(profile, stream=text).strip_dirs()
        for order in ("cumulative", "tottime"):
            stats.sort_stats(order).print_stats(PROFILE_LINES)
        Path(task.profile).write_text(text.getvalue(), "utf-8")


if __name__ == "__main__":
    this = asked()
    answer(profiled(this) if this.profile else asyncio.run(measure(this)))
