"""The exporter: keeps one snapshot of a namespace's rolling values fresh, and serves it over HTTP.

`/metrics` is the Prometheus exposition, `/livez` says that the process refreshes at all, `/readyz` that the last refresh
is recent. Scrapes are answered from the snapshot in their own threads, so a slow store never delays one, and more
scrapes never mean more reads. It listens on loopback unless told otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AbstractContextManager, suppress
from typing import Self

from prometheus_client import CollectorRegistry, Counter

from streams.core.policy import Policy
from streams.export.collector import RollingCollector, Snapshot
from streams.export.reader import read_values
from streams.serving import serving
from streams.store.base import Store

DEFAULT_PORT = 9108

log = logging.getLogger(__name__)


class Exporter:
    """Refreshes and serves between `async with` and its end.

    store: read only, and not closed here. interval_seconds: between refreshes. stale_seconds: how old values may
    become before they are withheld and the exporter is not ready. registry: takes the collector and the failure
    counter; a new one unless given. port: the one it listens on; 0 asks for any free one.
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
        self._policy = policy
        self._address = (host, port)
        self.port = port
        self._interval_seconds = interval_seconds
        self._stale_seconds = stale_seconds
        self._snapshot: Snapshot | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._serving: AbstractContextManager[int] | None = None
        self.registry = CollectorRegistry() if registry is None else registry
        self.registry.register(RollingCollector(lambda: self._snapshot, stale_seconds=stale_seconds))
        self._failures = Counter(
            "journey_exporter_refresh_failures", "Refreshes of the rolling values that failed", registry=self.registry
        )

    async def __aenter__(self) -> Self:
        """Starts to refresh and to serve; an address that is taken raises OSError."""
        served = serving(*self._address, self.registry, self.live, self.ready)
        self.port = served.__enter__()
        self._serving = served
        self._task = asyncio.create_task(self._refresh_until_stopped())
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
        try:
            reading = await read_values(self._store, self._policy)
        except Exception:  # whatever a store raises, the exporter goes on and tries again
            self._failures.inc()
            log.warning("rolling values could not be read", exc_info=True)
        else:
            self._snapshot = Snapshot(reading, time.time())

    def live(self) -> bool:
        """Whether it refreshes, successfully or not."""
        return self._task is not None and not self._task.done()

    def ready(self) -> bool:
        """Whether the values are recent."""
        return self._snapshot is not None and time.time() - self._snapshot.taken <= self._stale_seconds

    async def _refresh_until_stopped(self) -> None:
        # The flag beside the cancellation, because a client library may turn a cancellation into an error of its own,
        # which a refresh takes for a failed read.
        while not self._stopping.is_set():
            await self.refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._interval_seconds)
