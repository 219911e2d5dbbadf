"""Reading a real store: the values are of one moment, also while the watermark runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from streams.core.fields import PLACES
from streams.core.model import Advance, Bucket, Commit, Grain, Partition, Position, Rows, Verdict
from streams.core.policy import DAY, HOUR, MINUTE, Policy
from streams.core.windows import EVER
from streams.export.reader import MovingError, read_values
from streams.store.base import Store
from streams.store.memory import MemoryStore

POLICY = Policy()
PARTITION = Partition("touchpoints", 0)
NOW = int(datetime.fromisoformat("2024-05-06T10:30:20Z").timestamp() * 1000)


async def put(store: Store, clock: int, cells: dict[Bucket, Rows]) -> None:
    """Commits cells, and moves the clock by one record."""
    watermark, positions = await store.positions()
    start = positions[PARTITION].offset
    advance = Advance(PARTITION, start, Position(start + 1, clock, b"\0" * 16))
    answer = await store.commit(Commit("d", watermark, advance, {}, set(), {}, {}, {}, cells, {}))
    assert answer.verdict is Verdict.OK


def order(at: int) -> dict[Bucket, Rows]:
    row, slot = PLACES["orders"]
    return {
        bucket: {row: {slot: 1}}
        for bucket in ((Grain.MINUTE, at // MINUTE), (Grain.HOUR, at // HOUR), (Grain.DAY, at // DAY), EVER)
    }


async def opened(store: MemoryStore) -> MemoryStore:
    await store.open("d", {PARTITION: 0}, [PARTITION.topic])
    return store


class Running(MemoryStore):
    """A store in which history is played: an order `step` ms after the last one, before every read of cells."""

    step = 0

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        if buckets:
            watermark, _ = await self.positions()
            await put(self, watermark + self.step, order(watermark + self.step))
        return await super().read(buckets)


async def test_an_empty_store_has_totals_and_no_moment() -> None:
    reading = await read_values(MemoryStore(), POLICY)
    assert (reading.watermark, reading.as_of) == (-1, None)
    assert {value.n for value in reading.values} == {0}


async def test_values_at_the_watermark() -> None:
    store = await opened(MemoryStore())
    await put(store, NOW, order(NOW))
    await put(store, NOW, order(NOW - 10 * MINUTE))
    reading = await read_values(store, POLICY, metrics=["orders"])
    assert (reading.watermark, reading.as_of) == (NOW, NOW)
    assert [(value.window, value.value) for value in reading.values] == [
        ("5m", 1),
        ("1h", 2),
        ("24h", 2),
        ("7d", 2),
        ("28d", 2),
        ("all", 2),
    ]


async def test_values_of_an_earlier_time() -> None:
    store = await opened(MemoryStore())
    await put(store, NOW, order(NOW))
    reading = await read_values(store, POLICY, windows=["5m", "all"], metrics=["orders"], at=NOW - MINUTE)
    assert reading.as_of == (NOW // MINUTE) * MINUTE - 1
    assert [value.value for value in reading.values] == [0, 0]
    assert (await read_values(store, POLICY, at=NOW - 500 * DAY)).as_of is None


@pytest.mark.parametrize("step", [1_000, MINUTE, 7 * MINUTE, HOUR])
async def test_while_history_runs_all_windows_are_of_one_minute(step: int) -> None:
    store = Running()
    await opened(store)
    await put(store, NOW, order(NOW))
    store.step = step
    reading = await read_values(store, POLICY, metrics=["orders"])
    assert reading.as_of is not None
    end = reading.as_of // MINUTE
    booked = range(NOW, reading.watermark + 1, step)
    for window, minutes in (("5m", 5), ("1h", 60), ("24h", 1440)):
        (value,) = [value.value for value in reading.values if value.window == window]
        assert value == sum(0 <= end - at // MINUTE < minutes for at in booked), window
    (ever,) = [value.value for value in reading.values if value.window == "all"]
    assert ever == sum(at // MINUTE <= end for at in booked)


async def test_a_backfill_that_outruns_every_read_is_said_to() -> None:
    store = Running()
    await opened(store)
    await put(store, NOW, order(NOW))
    store.step = 500 * DAY
    with pytest.raises(MovingError):
        await read_values(store, POLICY)
