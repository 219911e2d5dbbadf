"""A webhook receiver: what Alertmanager sends, and when it came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from streams.embedded.process import LOOPBACK


class Notice(msgspec.Struct, frozen=True):
    """One alert in a notification. at: when it came, Unix seconds. firing: false once it is resolved."""

    at: float
    name: str
    labels: Mapping[str, str]
    summary: str
    firing: bool


class Receiver:
    """What has come so far, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._notices: list[Notice] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> None:
        """A notification as Alertmanager posts it."""
        alerts = json.loads(body)["alerts"]
        with self._lock:
            self._notices += [_notice(alert) for alert in alerts]

    def notices(self, first: int = 0) -> list[Notice]:
        """All of them, or those from the `first` on."""
        with self._lock:
            return self._notices[first:]


def _notice(alert: Mapping[str, Any]) -> Notice:
    labels = alert["labels"]
    return Notice(time.time(), labels["alertname"], labels, alert["annotations"].get("summary", ""), alert["status"] == "firing")


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that listens on loopback until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Any path."""
            running.take(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- the base class calls it so
            """Nothing: what comes is printed by whoever asks."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    running = Receiver(f"http://{LOOPBACK}:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
