"""A refresh costs what changed, and gives what reading and adding up everything gives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.cells import Notebook, Where
from streams.core.model import Advance, Bucket, Commit, Grain, Partition, Position, Rows, Verdict
from streams.core.policy import DAY, HOUR, MINUTE, Policy
from streams.core.windows import EVER, LocalDays
from streams.export.reader import read_values
from streams.export.refresh import Refresher
from streams.store.base import Changed
from streams.store.memory import MemoryStore

POLICY = Policy(timezone="Europe/Berlin")
LOCAL = LocalDays(POLICY.timezone)
PARTITION = Partition("touchpoints", 0)
NOW = int(datetime.fromisoformat("2024-03-30T22:30:20Z").timestamp() * 1000)
"""A day on which the clock changes is among those that come."""
TOTAL, MOBILE, TASK = Where(("",)), Where(("", "|device=mobile")), Where(("|task=cart", "|task=cart|device=mobile"))
AGES = (0, 30_000, 5 * MINUTE, 50 * MINUTE, 5 * HOUR, DAY, 6 * DAY, 27 * DAY, 28 * DAY, 200 * DAY)
STEPS = (0, 1_000, MINUTE, 61 * MINUTE, 9 * HOUR, DAY, 8 * DAY, 40 * DAY)

Booking = tuple[str, int, int]
"""A kind of booking, how long before the watermark, and how many times (negative takes back)."""


def cells_of(bookings: list[Booking], watermark: int) -> dict[Bucket, Rows]:
    book = Notebook(LOCAL)
    for kind, age, times in bookings:
        at = watermark - age
        book.sign = -1 if times < 0 else 1
        for _ in range(abs(times)):
            if kind == "visit":
                book.count("visits", at, MOBILE)
                book.measure("visit_duration", at, MOBILE, 1_000 + 77_000 * times)
            elif kind == "attempt":
                book.count("attempts", at, TASK)
            elif kind == "overdue":
                book.count("orders_overdue", at, MOBILE)
            else:
                book.count_day(kind, LOCAL.day_of(at), TOTAL)
    return book.buckets(watermark)


class Rig:
    """A store, the commits that it gets, and the refresher that is compared with reading everything."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.refresher = Refresher(self.store, POLICY)
        self.clock = NOW

    async def open(self) -> None:
        await self.store.open("d", {PARTITION: 0}, [PARTITION.topic])
        await self.commit([])

    async def commit(self, bookings: list[Booking]) -> None:
        watermark, positions = await self.store.positions()
        offset = positions[PARTITION].offset
        move = Advance(PARTITION, offset, Position(offset + 1, self.clock))
        cells = cells_of(bookings, max(watermark, 0) or self.clock)
        answer = await self.store.commit(Commit("d", watermark, move, {}, set(), {}, {}, {}, cells, {}))
        assert answer.verdict is Verdict.OK

    async def check(self) -> None:
        refreshed = self.refresher.values(await self.refresher.read())
        assert refreshed == await read_values(self.store, POLICY)


BOOKINGS = st.lists(
    st.tuples(
        st.sampled_from(("visit", "attempt", "overdue", "customers", "churned_28d", "new_customers")),
        st.sampled_from(AGES),
        st.sampled_from((1, 3, -1)),
    ),
    max_size=4,
)
ACTIONS = st.lists(st.one_of(BOOKINGS, st.sampled_from(STEPS), st.sampled_from(("keep", "back", "look"))), max_size=25)


@settings(max_examples=150)
@given(ACTIONS)
def test_refreshing_gives_what_reading_everything_gives(actions: list[list[Booking] | int | str]) -> None:
    """Bookings of any age, taken back or not; time that runs on; a store that goes back to where it was kept."""

    async def run() -> None:
        rig = Rig()
        await rig.open()
        kept = rig.store.snapshot()
        for action in actions:
            if isinstance(action, list):
                await rig.commit(action)
            elif isinstance(action, int):
                rig.clock += action
                await rig.commit([])
            elif action == "keep":
                kept = rig.store.snapshot()
            elif action == "back":
                rig.store.restore(kept)
            else:
                await rig.check()
        await rig.check()

    asyncio.run(run())


async def test_a_late_booking_in_an_old_day_shows_in_the_next_refresh() -> None:
    rig = Rig()
    await rig.open()
    await rig.commit([("visit", age, 1) for age in AGES])

    async def visits(window: str) -> float | None:
        reading = rig.refresher.values(await rig.refresher.read())
        (found,) = [one.value for one in reading.values if (one.metric, one.window, one.dimensions) == ("visits", window, ())]
        return found

    assert (await visits("28d"), await visits("all")) == (8, 10)
    await rig.commit([("visit", 20 * DAY, 1)])
    assert (await visits("24h"), await visits("28d"), await visits("all")) == (5, 9, 11)
    await rig.commit([("visit", 20 * DAY, -1), ("visit", 0, 1)])
    assert (await visits("5m"), await visits("28d"), await visits("all")) == (3, 9, 11)


class Counting(MemoryStore):
    """Says which buckets were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_again: set[Bucket] = set()

    async def read_changed(self, known: Mapping[Bucket, bytes | None]) -> Changed:
        changed = await super().read_changed(known)
        self.read_again = {bucket for bucket, (_, rows) in changed.buckets.items() if rows}
        return changed


async def test_closed_buckets_are_read_once() -> None:
    rig = Rig()
    store = rig.store = Counting()
    rig.refresher = Refresher(store, POLICY)
    await rig.open()
    await rig.commit([("visit", age, 1) for age in AGES])
    await rig.refresher.read()
    first = store.read_again
    await rig.refresher.read()
    assert store.read_again == set()
    await rig.commit([("visit", 0, 1)])
    await rig.refresher.read()
    today = LOCAL.day_of(NOW)  # its last hour is read as a part of it
    assert store.read_again == {(Grain.MINUTE, NOW // MINUTE), (Grain.DAY, today), EVER} < first
    await rig.commit([("visit", 27 * DAY, 1)])
    await rig.refresher.read()
    assert store.read_again == {(Grain.DAY, today - 27), EVER}
