"""Sweeps: seldom while chunks are waiting, often else, and of no consequence for what comes out; ticks, beside the records."""

from __future__ import annotations

import random

import pytest

from streams.core.model import Commit
from streams.store.base import DUE_SHARDS
from streams.worker import sweep
from streams.worker.sweep import Sweeper
from tests.worker.reading import Log, Reading


async def due(worker: Reading) -> int:
    return len(await worker.store.due(worker.owner.watermark, 10_000, range(DUE_SHARDS)))


async def until_due(worker: Reading) -> None:
    while not await due(worker):
        await worker.take()


async def test_a_backlog_is_swept_now_and_then(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Reading(log)
    sweeper = Sweeper(worker.owner)
    await worker.assigned()
    await until_due(worker)
    assert worker.owner.behind
    await sweeper.sweep()
    assert await due(worker) == 0
    await until_due(worker)
    await sweeper.sweep()
    assert await due(worker) > 0
    monkeypatch.setattr(sweep, "BACKLOG_SECONDS", 0.0)
    await sweeper.sweep()
    assert await due(worker) == 0


async def test_whoever_is_caught_up_is_swept_at_once(log: Log) -> None:
    worker = Reading(log)
    sweeper = Sweeper(worker.owner)
    await worker.assigned()
    await until_due(worker)
    await sweeper.sweep()
    await worker.read()
    assert not worker.owner.behind
    assert await due(worker) > 0
    await sweeper.sweep()
    assert await due(worker) == 0


async def test_a_sweep_ends_although_chunks_go_on_making_work(log: Log) -> None:
    worker = Reading(log)
    sweeper = Sweeper(worker.owner)
    await worker.assigned()
    await until_due(worker)
    sweeps = 0

    async def rush(commit: Commit) -> None:
        nonlocal sweeps
        if commit.advance is None:
            sweeps += 1
            worker.owner.watermark += 86_400_000

    worker.store.meddling = rush
    worker.store.pause = 0
    await sweeper.sweep()
    assert sweeps == 1


@pytest.mark.parametrize("often", [0.05, 0.3, 1.0])
async def test_when_sweeps_come_is_of_no_consequence(log: Log, expected: str, often: float) -> None:
    worker = Reading(log)
    worker.store.pause = 0
    chance = random.Random(often)
    await worker.assigned()
    while worker.reader.upcoming() is not None:
        await worker.take()
        if chance.random() < often:
            await Sweeper(worker.owner).sweep()
    assert await worker.dump() == expected


async def test_a_tick_leaves_the_record_clock_alone(log: Log) -> None:
    """What is too late is decided against the records' clock, whether or not a tick came before."""
    worker = Reading(log)
    await worker.assigned()
    await worker.read()
    clocks = {partition: position.clock for partition, position in worker.owner.known.items()}
    worker.now_ms = max(clocks.values()) + 3_600_000
    await Sweeper(worker.owner).tick()
    assert {partition: position.clock for partition, position in worker.owner.known.items()} == clocks
    assert {position.ticked for position in worker.owner.known.values()} == {worker.now_ms}
    assert (await worker.store.positions())[1] == worker.owner.known
