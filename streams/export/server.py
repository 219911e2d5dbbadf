"""The exporter: keeps one snapshot of a namespace's rolling values fresh, and serves it over HTTP.

`/metrics` is the Prometheus exposition, `/livez` says that the process refreshes at all, `/readyz` that the last refresh
is recent. Scrapes are answered from the snapshot in their own threads, so a slow store never delays one, and more
scrapes never mean more reads. It listens on loopback unless told otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import socketserver
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Self

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import choose_encoder

from streams.core.policy import Policy
from streams.export.collector import RollingCollector, Snapshot
from streams.export.reader import read_values
from streams.store.base import Store

DEFAULT_PORT = 9108
_TEXT = "text/plain; charset=utf-8"
_CLIENT_SECONDS = 10
_POLL_SECONDS = 0.1  # how soon the server's thread sees that it should end

log = logging.getLogger(__name__)


class Exporter:
    """Refreshes and serves between `async with` and its end.

    store: read only, and not closed here. interval_seconds: between refreshes. stale_seconds: how old values may
    become before they are withheld and the exporter is not ready. registry: takes the collector and the failure
    counter; a new one unless given.
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
        self._interval_seconds = interval_seconds
        self._stale_seconds = stale_seconds
        self._snapshot: Snapshot | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._server: _Server | None = None
        self.registry = CollectorRegistry() if registry is None else registry
        self.registry.register(RollingCollector(lambda: self._snapshot, stale_seconds=stale_seconds))
        self._failures = Counter(
            "journey_exporter_refresh_failures", "Refreshes of the rolling values that failed", registry=self.registry
        )

    async def __aenter__(self) -> Self:
        """Starts to refresh and to serve; an address that is taken raises OSError."""
        self._server = _Server(self._address, self)
        threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="exporter-http", daemon=True).start()
        self._task = asyncio.create_task(self._refresh_until_stopped())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops both; scrapes under way are cut off."""
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._server is not None:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on; 0 asked for any free one."""
        return self._address[1] if self._server is None else int(self._server.server_address[1])

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


class _Server(socketserver.ThreadingTCPServer):
    """Not `http.server.HTTPServer`: that one asks the name service for its own name when it starts."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], exporter: Exporter) -> None:
        self.exporter = exporter
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of ours; anything else is logged, and the next request served."""
        del request
        log.debug("a request of %s ended early: %s", client_address, sys.exception())


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        """Routes by path; a query is ignored."""
        exporter = self.server.exporter
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, encode(exporter.registry), content_type)
        elif path in {"/livez", "/readyz"}:
            fine = exporter.live() if path == "/livez" else exporter.ready()
            status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, b"ok\n" if fine else b"not yet, or no longer\n", _TEXT)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there is /metrics, /livez and /readyz\n", _TEXT)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Scrapes are no news."""
