"""The exporter: keeps one snapshot of a namespace's rolling values fresh, and serves it over HTTP.

`/metrics` is the Prometheus exposition. It is rendered once per snapshot, so a slow store never delays a scrape, and more
scrapes never mean more reads. `/livez` says that the process refreshes at all; `/readyz` that the last refresh is recent.

Ready does not mean that workers get on. Who takes an exporter out of service because they stand still (as Kubernetes does
with what is not ready) takes away the very series that would say so. So that is a series of its own:
`journey_progress_timestamp_seconds` is when a position or the watermark was last seen to move. A `live` namespace with
workers moves every second or two, because ticks move the positions of what is caught up; a `history` namespace rightly
stands still when it has been read, and `journey_clock_info` says which of the two it is.

It listens on loopback unless told otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from contextlib import AbstractContextManager, suppress
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from streams.core.policy import Policy
from streams.export.collector import RollingCollector, Snapshot
from streams.export.exposition import Exposition
from streams.export.progress import Progress
from streams.export.reader import OtherVersionError, Read, require_layout
from streams.export.refresh import Refresher
from streams.serving import serving
from streams.store.base import Store

DEFAULT_PORT = 9108
FIRST_SECONDS = 2.0
"""How long serving waits for the first refresh, so that the first scrape has values where the store answers."""

log = logging.getLogger(__name__)


class Exporter:
    """Refreshes and serves between `async with` and its end.

    store: read only, and not closed here. interval_seconds: between refreshes. stale_seconds: how old values may
    become before they are withheld and the exporter is not ready. registry: takes the collector and what is said
    about refreshes; a new one unless given. port: the one it listens on; 0 asks for any free one.
    """

    def __init__(
        self,
        store: Store,
        policy: Policy,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        interval_seconds: float = 5.0,
        stale_seconds: float = 60.0,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._store = store
        self._refresher = Refresher(store, policy)
        self._progress = Progress(store)
        self._address = (host, port)
        self.port = port
        self._interval_seconds = interval_seconds
        self._stale_seconds = stale_seconds
        self._snapshot: Snapshot | None = None
        self._unreadable = ""
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._serving: AbstractContextManager[int] | None = None
        self.registry = CollectorRegistry() if registry is None else registry
        self.registry.register(RollingCollector(lambda: self._snapshot, policy, stale_seconds=stale_seconds))
        self._exposition = Exposition(self.registry, self._good_until)
        self._seconds = Gauge(
            "journey_exporter_refresh_seconds", "Reading and adding up, in the last refresh", registry=self.registry
        )
        self._failures = Counter(
            "journey_exporter_refresh_failures", "Refreshes of the rolling values that failed", registry=self.registry
        )

    async def __aenter__(self) -> Self:
        """Starts to refresh and to serve, and waits a little for the first refresh; an address that is taken raises OSError."""
        served = serving(*self._address, self._exposition.page, self._why_not_live, self._why_not_ready)
        self.port = served.__enter__()
        self._serving = served
        self._task = asyncio.create_task(self._refresh_until_stopped())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._tried.wait(), FIRST_SECONDS)
        except BaseException:  # told to end already
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops both; scrapes under way are cut off."""
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._serving is not None:
            await asyncio.to_thread(self._serving.__exit__, None, None, None)

    async def wait(self) -> None:
        """Returns when refreshing ends: at the end of `async with`, or by a bug, which is raised.

        Cancelling the wait does not end it.
        """
        if self._task is not None:
            await asyncio.wait((self._task,))
            if not self._task.cancelled():
                self._task.result()

    async def refresh(self) -> None:
        """Reads once. A store that fails is counted and logged, and what was read before stays until it is stale."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        started = time.perf_counter()
        try:
            await require_layout(self._store)
            read = await self._refresher.read()
            taken = time.time()
            moved = await self._progress.look(taken)
        except OtherVersionError as error:
            self._failures.inc()
            if not self._unreadable:
                log.warning("the namespace %s", error)
            self._snapshot, self._unreadable = None, f"the namespace {error}"
            await asyncio.to_thread(self._exposition.renew)
        except Exception:  # whatever a store raises, the exporter goes on and tries again
            self._failures.inc()
            log.warning("rolling values could not be read", exc_info=True)
            await asyncio.to_thread(self._exposition.renew)
        else:
            self._unreadable = ""
            await asyncio.to_thread(self._take, read, taken, moved, started)
        self._tried.set()

    def _take(self, read: Read, taken: float, moved: float, started: float) -> None:
        """In a thread, because it takes processor time: whoever shares the event loop goes on meanwhile."""
        self._snapshot = Snapshot(self._refresher.values(read), taken, moved)
        self._seconds.set(time.perf_counter() - started)
        self._exposition.renew()

    def live(self) -> bool:
        """Whether it refreshes, successfully or not."""
        return self._task is not None and not self._task.done()

    def ready(self) -> bool:
        """Whether the values are recent."""
        return not self._why_not_ready()

    def _why_not_live(self) -> str:
        return "" if self.live() else "it does not refresh any more"

    def _why_not_ready(self) -> str:
        snapshot = self._snapshot
        if snapshot is None:
            return self._unreadable or "nothing was read yet"
        age = time.time() - snapshot.taken
        return "" if age <= self._stale_seconds else f"what was read last is {age:.0f} s old"

    def _good_until(self) -> float:
        """Until when an exposition of the snapshot can be served: until it is stale."""
        return math.inf if self._snapshot is None or not self.ready() else self._snapshot.taken + self._stale_seconds

    async def _refresh_until_stopped(self) -> None:
        # The flag beside the cancellation, because a client library may turn a cancellation into an error of its own,
        # which a refresh takes for a failed read.
        while not self._stopping.is_set():
            await self.refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._interval_seconds)
