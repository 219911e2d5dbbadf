"""The walk through the demo: worker, exporter, history, thirty hours, and whether the figures were right."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from streams.demo.content import END, START, content
from streams.demo.figures import ABANDONED, METRICS, WINDOWS, by_name, share
from streams.demo.player import Player
from streams.demo.state import LINE_MS, MARK_MS, Mark, State, View
from streams.demo.surroundings import Place, expected, worker
from streams.embedded import ServerProcess
from streams.export.reader import MovingError, read_values
from streams.export.server import Exporter
from streams.kafka_access import KafkaAccess
from streams.redis_access import open_store
from streams.store.base import DUE_SHARDS
from streams.store.dump import canonical_dump
from streams.store.redis import RedisStore

POLL_SECONDS = 0.1
SHOW_SECONDS = 1.0
STALLED_SECONDS = 60.0
EXPECTED_SECONDS = 90.0
EXPORT_SECONDS = 5.0
RATE_SECONDS = 3.0
STOP_SECONDS = 2.0


class DemoError(RuntimeError):
    """The demo did not come to its end; one sentence that says why."""


class Checked(msgspec.Struct, frozen=True):
    """What was compared: the dump's lines of cells and of journeys."""

    cells: int
    journeys: int


def compare(got: str, wanted: str) -> Checked:
    """Holds one canonical dump against another; DemoError for the first line that differs."""
    ours, theirs = got.splitlines(), wanted.splitlines()
    for number, (our, their) in enumerate(zip(ours, theirs, strict=False), 1):
        if our != their:
            raise DemoError(f"The namespace is not what its records fold to: line {number} is {our[:200]}, not {their[:200]}.")
    if len(ours) != len(theirs):
        raise DemoError(f"The namespace has {len(ours):,} cells and journeys, and its records fold to {len(theirs):,}.")
    cells = sum(line.startswith('{"bucket"') for line in ours)
    return Checked(cells, len(ours) - cells)


class Demo:
    """One run in one place: `load`, `play`, `check`, perhaps `go_on`; `state` is always what is known now."""

    def __init__(self, place: Place, store: RedisStore, player: Player, processes: dict[str, ServerProcess], view: View) -> None:
        self.state = State()
        self._place = place
        self._policy = place.settings.policy()
        self._store = store
        self._player = player
        self._worker = processes["worker"]
        self._fold = processes["fold"]
        self._expected = place.directory / "expected.jsonl"
        self._view = view
        self._moved = time.monotonic()
        self._shown = 0.0
        self._past: deque[tuple[float, int]] = deque(maxlen=round(RATE_SECONDS / POLL_SECONDS))
        self._watermark = -1

    async def load(self) -> None:
        """History, at full speed, until the namespace has all of it."""
        total = self._player.before(START)

        async def done() -> bool:
            doing = "loading" if self.state.done else "waiting for the worker to get its partitions"
            self._view.loading(min(self.state.done, total), total, doing)
            return self.state.lag == 0 and await self._settled(START - 1)

        await self._while(self._player.load, done)
        self._fold.start(lambda: True, 1.0)  # now that the machine has time for it

    async def play(self, seconds: float) -> None:
        """Thirty hours in so many seconds, until the namespace has all of it and no deadline is left."""

        async def done() -> bool:
            await self._look()
            return self.state.lag == 0 and await self._settled(END)

        await self._while(lambda: self._player.play(END, seconds), done)
        await self._look(last=True)

    async def go_on(self) -> None:
        """A second in a second, until cancelled."""

        async def done() -> bool:
            await self._look()
            return False

        await self._while(lambda: self._player.go_on(END), done)

    async def check(self) -> Checked:
        """Raises DemoError where the namespace holds anything else than the fold of the same records."""
        deadline = time.monotonic() + EXPECTED_SECONDS
        while not self._expected.exists():
            if not self._fold.running and not self._expected.exists():
                raise DemoError(f"The fold in memory ended early. {_told(self._fold)}")
            if time.monotonic() > deadline:
                raise DemoError(f"The fold in memory took more than {EXPECTED_SECONDS:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)
        return compare(await canonical_dump(self._store, self._policy), self._expected.read_text("utf-8"))

    # -- looking -------------------------------------------------------------------------------------------------

    async def _while(self, sending: Callable[[], None], done: Callable[[], Any]) -> None:
        """Sends in a thread, and looks until that has ended and `done`. DemoError where nothing moves any more."""
        task = asyncio.create_task(asyncio.to_thread(sending))
        self._moved = time.monotonic()
        self._past.clear()
        try:
            while True:
                ended = task.done()
                if ended:
                    task.result()
                await self._measure()
                if await done() and ended:
                    return
                await asyncio.sleep(POLL_SECONDS)
        finally:
            if not task.done():
                self._player.stop()
                await asyncio.wait((task,), timeout=STOP_SECONDS)
                if task.done() and not task.cancelled():
                    task.exception()  # whatever it is, it came of the end

    async def _measure(self) -> None:
        if not self._worker.running:
            raise DemoError(f"The worker ended. {_told(self._worker)}")
        self._watermark, positions = await self._store.positions()
        done, before = sum(position.offset for position in positions.values()), self.state.done
        now = time.monotonic()
        self.state.sent, self.state.done = self._player.sent, done
        self.state.outcomes = await self._store.outcomes()
        events = self.state.outcomes.get("records", 0) - self.state.outcomes.get("ignored|clock", 0)
        self._past.append((now, events))
        since, least = self._past[0]
        self.state.rate = (events - least) / (now - since) if now > since else 0.0
        if done > before or self.state.lag == 0:
            self._moved = now
        elif now - self._moved > STALLED_SECONDS:
            raise DemoError(f"Nothing was read for {STALLED_SECONDS:.0f} s. {_told(self._worker)}")

    async def _look(self, *, last: bool = False) -> None:
        """New points of the curve, and the table: at round moments for lines, now and then for a screen."""
        while (mark := START + (len(self.state.marks) + 1) * MARK_MS) <= min(self._watermark, END) and await self._settled(mark):
            reading = await read_values(self._store, self._policy, windows=["1h"], metrics=[ABANDONED.metric], at=mark - 1)
            self.state.marks.append(Mark(mark, *share(by_name(reading.values), ABANDONED, "1h")))
            if not self._view.live and mark % LINE_MS == 0:
                await self._show(mark)
        if self._view.live and (last or time.monotonic() - self._shown >= SHOW_SECONDS):
            await self._show(None)
            self._shown = time.monotonic()

    async def _show(self, at: int | None) -> None:
        try:
            moment = None if at is None else at - 1  # the minute that ends there
            reading = await read_values(self._store, self._policy, windows=WINDOWS, metrics=METRICS, at=moment)
        except MovingError:  # the next look will find it slower
            return
        self.state.moment = at if at is not None else reading.watermark
        self.state.values = by_name(reading.values)
        self._view.show(self.state)

    async def _settled(self, at: int) -> bool:
        """Whether the watermark is there and every deadline until then has entered."""
        return self._watermark >= at and not await self._store.due(at, 1, range(DUE_SHARDS))


@asynccontextmanager
async def running(place: Place, view: View) -> AsyncIterator[tuple[Demo, str]]:
    """A demo with its worker and exporter, and the address of /metrics; everything is stopped at the end."""
    logging.basicConfig(filename=place.directory / "demo.log", level=logging.WARNING, force=True)
    processes = {"worker": worker(place), "fold": expected(place, place.directory / "expected.jsonl")}
    store = open_store(place.settings)
    player: Player | None = None
    try:
        processes["worker"].start(lambda: True, 1.0)
        exporter = Exporter(store, place.settings.policy(), port=0, interval_seconds=EXPORT_SECONDS)
        async with exporter:
            address = f"http://127.0.0.1:{exporter.port}/metrics"
            view.note("metrics", address)
            shop, clickstream = place.settings.topic_policies
            items = await asyncio.to_thread(content, (shop, clickstream), place.settings.policy())
            player = Player(KafkaAccess.of(place.settings), place.topics, items, START)
            yield Demo(place, store, player, processes, view), address
    finally:
        if player is not None:
            player.close()
        for process in processes.values():
            process.stop()
        await store.close()
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)  # the log goes with its directory


def _told(process: ServerProcess) -> str:
    """The last line of a process's log, if it wrote one."""
    *_, last = process.log_tail().split(" | ")
    last = last.removeprefix("Its log ends: ").strip()
    return f"Its log ends: {last}" if last else "It wrote no log."
