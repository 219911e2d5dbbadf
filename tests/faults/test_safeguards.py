"""Each safeguard on its own: with it the dump is right whatever happens, without it the same fault makes it wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.core.journey import decode
from streams.core.model import Verdict
from streams.core.policy import DAY, MINUTE
from streams.embedded.valkey import RedisServer
from streams.worker.agents import ChunkLoop
from streams.worker.app import Worker
from streams.worker.transport import Fetched
from tests.faults.members import Log, Member, Snapshot, dump, undisturbed
from tests.integration.shop import Shop, folded, simulated
from tests.oracle.build import MONDAY, touch

END = MONDAY + 5 * DAY

Join = Callable[..., Member]


def page(minute: int, person: str, **more: Any) -> Any:
    return touch("page.viewed", MONDAY + minute * MINUTE, person, **more)


@pytest.fixture
async def join(server: RedisServer) -> AsyncIterator[Join]:
    """Opens workers whose connections are closed at the end."""
    members: list[Member] = []

    def new(log: Log, **unsafe: frozenset[str]) -> Member:
        members.append(Member(server.url, log, **unsafe))
        return members[-1]

    yield new
    for member in members:
        await member.store.close()


def both(name: str) -> pytest.MarkDecorator:
    """With the safeguard, and without it."""
    return pytest.mark.parametrize("off", [frozenset(), frozenset({name})], ids=["on", "off"])


@both("position")
async def test_the_position_shows_that_the_store_went_back(server: RedisServer, join: Join, off: frozenset[str]) -> None:
    log = [[page(0, "customer_id:1"), page(1, "customer_id:2"), page(2, "customer_id:3")]]
    worker, snapshot = join(log, unsafe=off), Snapshot(server.url)
    await worker.open()
    await worker.read(0, 1)
    await snapshot.take()
    await worker.read(0, 1)
    await snapshot.restore()
    await worker.read(0, 1)
    await worker.finish(END)
    assert (Verdict.ROLLBACK in worker.answers) is (not off)
    assert (await dump(worker.store) == await undisturbed(log, END)) is (not off)


@both("journeys")
async def test_a_journey_s_version_shows_that_another_worker_wrote_it(join: Join, off: frozenset[str]) -> None:
    log = [[page(0, "customer_id:1"), page(2, "customer_id:1")], [page(1, "customer_id:1")]]
    worker, other = join(log, unsafe=off), join(log)
    await worker.open()
    await worker.read(0, 1)
    await other.read(1, 1)
    other.known[0] = worker.known[0]
    worker.known[1] = other.known[1]
    await worker.read(0, 1)  # with the journey in memory that it committed itself
    await worker.finish(END)
    assert (await dump(worker.store) == await undisturbed(log, END)) is (not off)


@both("absence")
async def test_an_identifier_that_was_absent_is_not_linked_twice(join: Join, off: frozenset[str]) -> None:
    log = [[page(0, "anonymous_id:a")], [page(1, "customer_id:1 anonymous_id:a")]]
    worker, other = join(log, unsafe=off), join(log)
    await worker.open()

    async def meanwhile() -> None:
        await other.read(1, 1)

    worker.store.after_load = meanwhile
    await worker.read(0, 1)
    worker.known[1] = other.known[1]
    await worker.finish(END)
    assert (await dump(worker.store) == await undisturbed(log, END)) is (not off)


@both("dedup")
async def test_a_fact_is_kept_once_however_often_it_is_delivered(join: Join, off: frozenset[str]) -> None:
    order = touch("order.placed", MONDAY, "customer_id:1", "order_id:1")
    log = [[page(0, "customer_id:1"), order, order], [order, page(0, "customer_id:1")]]
    worker = join(log, pipeline_unsafe=off)
    await worker.open()
    await worker.read(0, 2)
    await worker.read(1, 1)
    await worker.finish(END)
    assert (await dump(worker.store) == await undisturbed(log, END)) is (not off)


@pytest.mark.parametrize("safe", [True, False], ids=["on", "off"])
async def test_nothing_of_a_fold_that_raised_is_left_in_memory(
    join: Join, monkeypatch: pytest.MonkeyPatch, *, safe: bool
) -> None:
    order = touch("order.placed", MONDAY + MINUTE, "customer_id:1", "order_id:1")
    log = [[page(0, "customer_id:1"), order, page(2, "customer_id:1")]]
    worker = join(log)
    await worker.open()
    await worker.read(0, 1)
    if not safe:  # folds change one and the same journey, not what they have decoded for themselves
        monkeypatch.setattr("streams.core.batch.decode", lru_cache(decode))
    apply, seen = worker.pipeline._apply, []

    def failing(batch: Any, touchpoint: Any) -> None:
        seen.append(touchpoint)
        if len(seen) == 2:
            raise ZeroDivisionError("after the order was kept")
        apply(batch, touchpoint)

    monkeypatch.setattr(worker.pipeline, "_apply", failing)
    await worker.read(0, 2)
    await worker.finish(END)
    assert len(seen) == 4
    assert (await dump(worker.store) == await undisturbed(log, END)) is safe


@pytest.mark.parametrize("safe", [True, False], ids=["on", "off"])
async def test_the_start_of_a_chunk_shows_that_one_was_dropped(
    kafka: str, server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, safe: bool
) -> None:
    """Without: a chunk is taken to start where the last one ended that was processed."""
    if not safe:
        attempt = ChunkLoop._try

        async def gullible(self: ChunkLoop, fetched: Fetched) -> bool:
            position = self._owner.known.get(fetched.partition)
            if position is not None and fetched.start > position.offset:
                fetched = msgspec.structs.replace(fetched, start=position.offset)
            return await attempt(self, fetched)

        monkeypatch.setattr(ChunkLoop, "_try", gullible)
    shop = Shop(kafka, server.url, partitions=1)
    data = simulated(tmp_path / "f.jsonl", events=600)
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    delivered: list[Any] = []

    def drop_the_third(worker: Worker) -> None:
        deliver = worker.owner.consumer.callback

        async def callback(message: Any) -> None:
            delivered.append(message)
            if len(delivered) != 3:
                await deliver(message)

        worker.owner.consumer.callback = callback

    async with shop.worker(msgspec.structs.replace(shop.settings, chunk_records=50), drop_the_third):
        await shop.swept(end)
        assert (await shop.dump() == expected) is safe
    assert len(delivered) >= 10
    await shop.store.close()
