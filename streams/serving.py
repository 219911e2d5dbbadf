"""What a worker and the exporter serve over HTTP, in threads of their own: `/metrics`, `/livez`, `/readyz`."""

from __future__ import annotations

import logging
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

TEXT = "text/plain; charset=utf-8"
CLIENT_SECONDS = 10
POLL_SECONDS = 0.1  # how soon the server's thread sees that it should end

Probe = Callable[[], bool]

log = logging.getLogger(__name__)


class _Server(socketserver.ThreadingTCPServer):
    """Not `http.server.HTTPServer`: that one asks the name service for its own name when it starts."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, live: Probe, ready: Probe) -> None:
        self.registry, self.probes = registry, {"/livez": live, "/readyz": ready}
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of ours; anything else is logged, and the next request served."""
        del request
        log.debug("a request of %s ended early: %s", client_address, sys.exception())


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        """Routes by path; a query is ignored."""
        path = self.path.partition("?")[0]
        probe = self.server.probes.get(path)
        if probe is not None:
            fine = probe()
            self._answer(
                HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE, b"ok\n" if fine else b"not yet, or no longer\n", TEXT
            )
        elif path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, encode(self.server.registry), content_type)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there is /metrics, /livez and /readyz\n", TEXT)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Scrapes are no news."""


@contextmanager
def serving(host: str, port: int, registry: CollectorRegistry, live: Probe, ready: Probe) -> Iterator[int]:
    """Serves in a thread of its own; yields the port (0 asks for a free one). OSError where the address is taken."""
    server = _Server((host, port), registry, live, ready)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="http", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
