"""What a worker and the exporter serve over HTTP, in threads of their own: `/metrics`, `/livez`, `/readyz`."""

from __future__ import annotations

import gzip
import logging
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

TEXT = "text/plain; charset=utf-8"
CLIENT_SECONDS = 10
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets of how long something takes, from a call in memory to one that is about to be given up."""
POLL_SECONDS = 0.1  # how soon the server's thread sees that it should end

Probe = Callable[[], str]
"""Why not, in words for people; empty where all is well."""

Page = tuple[bytes, Mapping[str, str]]
"""A body and its headers."""

Pages = Callable[[str, str], Page]
"""The page for a request's Accept and Accept-Encoding."""

log = logging.getLogger(__name__)


class _Server(socketserver.ThreadingTCPServer):
    """Not `http.server.HTTPServer`: that one asks the name service for its own name when it starts."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], metrics: Pages, live: Probe, ready: Probe) -> None:
        self.metrics, self.probes = metrics, {"/livez": live, "/readyz": ready}
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
            why_not = probe()
            self._say(HTTPStatus.SERVICE_UNAVAILABLE if why_not else HTTPStatus.OK, why_not or "ok")
        elif path == "/metrics":
            accept, encoding = (self.headers.get(name, "") for name in ("Accept", "Accept-Encoding"))
            self._answer(HTTPStatus.OK, *self.server.metrics(accept, encoding))
        else:
            self._say(HTTPStatus.NOT_FOUND, "there is /metrics, /livez and /readyz")

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, f"{text}\n".encode(), {"Content-Type": TEXT})

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Scrapes are no news."""


def pages_of(registry: CollectorRegistry) -> Pages:
    """A registry's page, rendered for each request: for a few hundred series."""

    def page(accept: str, accept_encoding: str) -> Page:
        encode, content_type = choose_encoder(accept)
        body = encode(registry)
        if gzip_accepted(accept_encoding):
            return gzip.compress(body), {"Content-Type": content_type, "Content-Encoding": "gzip"}
        return body, {"Content-Type": content_type}

    return page


@contextmanager
def serving(host: str, port: int, metrics: Pages, live: Probe, ready: Probe) -> Iterator[int]:
    """Serves in a thread of its own; yields the port (0 asks for a free one). OSError where the address is taken."""
    server = _Server((host, port), metrics, live, ready)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="http", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
