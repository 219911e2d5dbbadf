"""Decoding and folding ahead: what was done before its turn counts only where everything before it went as was assumed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Unreachable

from streams import drive
from streams.core.model import Advance, Commit, Partition, Verdict
from streams.core.pipeline import Pipeline
from streams.drive import run_chunk
from streams.store.memory import MemoryStore
from streams.worker import ahead, retry
from streams.worker.ahead import CHUNKS_AHEAD
from tests.faults.history import History
from tests.worker.reading import DEFINITIONS, PARTITIONS, POLICY, TOPIC, Log, Reading, nobody

Step = Callable[[Reading], Awaitable[None]]


@pytest.fixture(autouse=True, params=[2_000, 14], ids=["one commit", "commits in flight"])
def _at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What is fetched is committed at once, or in several commits of which each is folded while another is on its way."""
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(drive, "SENDING_SECONDS", 0.0)
    monkeypatch.setattr(ahead, "COMMIT_RECORDS", request.param)
    monkeypatch.setattr(ahead, "SLICE_RECORDS", 7)
    monkeypatch.setattr(ahead, "SLICE_TURNS", 1)


async def read(worker: Reading) -> None:
    await worker.assigned()
    await asyncio.wait_for(worker.read(), 60)


def refused(told: History) -> int:
    return sum(one.refused for one in told.sent)


def size(log: Log) -> int:
    return sum(len(records) for records in log.values())


async def same(worker: Reading, told: History, log: Log, expected: str) -> None:
    assert await worker.dump() == expected
    outcomes = await worker.store.outcomes()
    assert outcomes["records"] == size(log)
    assert outcomes["rejected"] + outcomes["touchpoints|rejected"] == len(worker.letters.sent) == refused(told)


async def test_every_record_is_decoded_once_and_most_while_others_are_committed(told: History, log: Log, expected: str) -> None:
    worker = Reading(log)
    during: list[int] = []

    async def see(_: Commit) -> None:
        during.append(worker.decoded - sum(position.offset for position in worker.owner.known.values()))

    worker.store.meddling = see
    await read(worker)
    await same(worker, told, log, expected)
    assert worker.decoded == size(log)
    assert {answer.verdict for answer in worker.store.answers} == {Verdict.OK}
    most = 40 * (1 + CHUNKS_AHEAD)  # the chunk in the commit, and those after it
    commits = -(-40 // min(40, ahead.COMMIT_RECORDS))  # of what is fetched at once
    assert sum(decoded == most for decoded in during) > len(during) / 2 / commits
    assert max(during) == most
    assert {at <= offset < at + 40 for at, offset in worker.letters.at} == {True}


@pytest.mark.parametrize("failures", [0, 3])
async def test_a_rejected_record_is_acknowledged_before_its_position_is_passed(
    told: History, log: Log, expected: str, failures: int
) -> None:
    worker = Reading(log)
    worker.store.pause = 0
    worker.letters.failures = failures
    commits: list[tuple[Advance, set[tuple[Partition, int]]]] = []

    async def see(commit: Commit) -> None:
        if commit.advance is not None:
            commits.append((commit.advance, set(worker.letters.sent)))

    worker.store.meddling = see
    await read(worker)
    await same(worker, told, log, expected)
    for advance, sent in commits:
        passed = range(advance.start, advance.position.offset)
        assert {key for key in worker.letters.sent if key[0] == advance.partition and key[1] in passed} <= sent


async def test_a_rollback(told: History, log: Log, expected: str) -> None:
    worker = Reading(log)
    saved = worker.store.snapshot()

    async def lose(_: Commit) -> None:
        nonlocal saved
        count = len(worker.store.answers)
        if count == 5:
            saved = worker.store.snapshot()
        elif count == 8:
            worker.store.restore(saved)

    await worker.assigned()
    worker.store.meddling = lose
    await asyncio.wait_for(worker.read(), 60)
    await same(worker, told, log, expected)
    assert Verdict.ROLLBACK in {answer.verdict for answer in worker.store.answers}


async def other(worker: Reading, partition: Partition, count: int) -> None:
    """Another worker commits the next records of a partition, from where the store is."""
    pipeline = Pipeline(POLICY, DEFINITIONS, [TOPIC])
    watermark, positions = await worker.store.positions()
    position = positions[partition]
    part = worker.log[partition][position.offset : position.offset + count]
    if not part:
        return
    chunk = pipeline.decode(partition, position.offset, part[-1].offset + 1, part, position)
    meddling, worker.store.meddling = worker.store.meddling, nobody
    answer = await run_chunk(pipeline, worker.store, chunk, watermark)
    assert answer.verdict is Verdict.OK
    worker.store.meddling = meddling


def once(worker: Reading, after: int, step: Step) -> Callable[[Commit], Awaitable[None]]:
    """Does it before the commit that comes after so many answers."""
    done = False

    async def meddle(_: Commit) -> None:
        nonlocal done
        if len(worker.store.answers) == after and not done:
            done = True
            await step(worker)

    return meddle


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("count", [15, 40, 55, 200])
async def test_another_worker_was_faster(log: Log, expected: str, partitions: int, count: int) -> None:
    """Part of this chunk, all of it, part of the next one too, and much more: PARTIAL and DUPLICATE, and then CONFLICT."""
    worker = Reading(log)

    async def overtake(worker: Reading) -> None:
        for partition in PARTITIONS[:partitions]:
            await other(worker, partition, count)

    worker.store.meddling = once(worker, 6, overtake)
    await read(worker)
    worker.letters.sent.clear()  # the other one has sent none
    assert await worker.dump() == expected
    assert (await worker.store.outcomes())["records"] == size(log)
    assert {answer.verdict for answer in worker.store.answers} & {Verdict.PARTIAL, Verdict.DUPLICATE}


async def test_a_conflict(log: Log, expected: str) -> None:
    worker = Reading(log)

    async def write(worker: Reading) -> None:
        await other(worker, PARTITIONS[1], 40)

    for after in (6, 9):
        worker.store.meddling = once(worker, after, write)
        await read(worker)
    assert await worker.dump() == expected


async def test_a_rebalance(told: History, log: Log, expected: str) -> None:
    """In the middle of a commit: what was decoded ahead belongs to an assignment that has ended."""
    worker = Reading(log)

    async def rebalance(worker: Reading) -> None:
        await worker.assigned()

    await worker.assigned()
    worker.store.meddling = once(worker, 4, rebalance)
    await asyncio.wait_for(worker.read(), 60)
    await same(worker, told, log, expected)


@pytest.mark.parametrize("written", [True, False])
async def test_a_reply_that_never_came(told: History, log: Log, expected: str, written: bool) -> None:
    worker = Reading(log)

    async def lose(commit: Commit) -> None:
        if len(worker.store.answers) == 3:
            if written:
                await MemoryStore.commit(worker.store, commit)
            worker.store.answers.append(worker.store.answers[-1])
            raise Unreachable("gone")

    worker.store.meddling = lose
    await read(worker)
    await same(worker, told, log, expected)


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("after", range(3, 9))
async def test_a_worker_that_is_stopped_in_mid_commit(log: Log, expected: str, after: int, written: bool) -> None:
    """And goes on later, with what it has in memory: nothing is believed that the store may not have."""
    worker = Reading(log)
    taking: asyncio.Task[None] | None = None

    async def stop(commit: Commit) -> None:
        if len(worker.store.answers) == after and taking is not None and not taking.cancelling():
            if written:
                worker.store.answers.append(await MemoryStore.commit(worker.store, commit))
            taking.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    await worker.assigned()
    worker.store.meddling = stop
    while len(worker.store.answers) <= after and (taking is None or not taking.cancelled()):
        assert worker.reader.upcoming() is not None
        taking = asyncio.create_task(worker.take())
        await asyncio.gather(taking, return_exceptions=True)
    assert taking is not None
    assert taking.cancelled()
    worker.store.meddling = nobody
    await worker.assigned()
    await asyncio.wait_for(worker.read(), 60)
    worker.letters.sent.clear()  # some are sent twice then
    assert await worker.dump() == expected
    assert (await worker.store.outcomes())["records"] == size(log)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens(log: Log, expected: str, seed: int) -> None:
    chance = random.Random(seed)
    worker = Reading(log, size=chance.choice([9, 40, 150]))
    saved = worker.store.snapshot()

    async def meddle(commit: Commit) -> None:
        nonlocal saved
        worker.store.pause = chance.randrange(40)
        what = chance.randrange(40)
        if what == 0:
            saved = worker.store.snapshot()
        elif what == 1:
            worker.store.restore(saved)
        elif what == 2:
            await other(worker, chance.choice(PARTITIONS), chance.randrange(1, 100))
        elif what == 3:
            await worker.assigned()
        elif what == 4:
            raise Unreachable("not written")
        elif what == 5:
            await MemoryStore.commit(worker.store, commit)
            raise Unreachable("written")

    await worker.assigned()
    saved = worker.store.snapshot()
    worker.store.meddling = meddle
    await asyncio.wait_for(worker.read(), 60)
    worker.store.meddling = nobody
    assert await worker.dump() == expected
    assert (await worker.store.outcomes())["records"] == size(log)


async def test_a_defect_of_the_decoder_is_the_chunk_loop_s(told: History, log: Log, expected: str) -> None:
    """Where it is told, and tried again; the slices that were decoded before it are not taken for the whole."""
    worker = Reading(log)
    decode, calls = worker.owner.pipeline.decode, 0

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 10 == 0:
            raise ZeroDivisionError("a defect")
        return decode(*arguments)

    worker.owner.pipeline.decode = failing  # type: ignore[method-assign, assignment] # a defect is hard to have otherwise
    await read(worker)
    await same(worker, told, log, expected)
