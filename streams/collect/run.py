"""The collector as a process: serves until it is told to end, and answers everybody who waits before it does."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CollectorRegistry

from streams.access import read_secret
from streams.collect.app import Collector, Source
from streams.collect.sender import ACKNOWLEDGED_SECONDS, Sender
from streams.kafka_access import KafkaAccess
from streams.settings import Settings

GRACE_SECONDS = round(ACKNOWLEDGED_SECONDS) + 2
LONGEST_HEADERS = 64 * 1024


def sources_of(settings: Settings) -> dict[str, Source]:
    """What the settings list, with the secrets read. SettingsError for a secret that cannot be read or is empty."""
    found = {}
    for name, source in settings.collect.items():
        secret = read_secret(source.secret_file, f"JOURNEY_COLLECT.{name}.secret_file")
        found[name] = Source(
            topic=source.topic or name, signature=source.scheme(name), secret=secret.strip().encode(), url=source.url
        )
    return found


async def collect(settings: Settings, say: Callable[[str], None]) -> str:
    """Serves until SIGINT or SIGTERM; returns why it gave up, empty where it was told to end. OSError: the address is taken."""
    sources = sources_of(settings)
    sender = Sender(KafkaAccess.of(settings), [source.topic for source in sources.values()], settings.collect_body_bytes)
    collector = Collector(
        sources,
        sender,
        body_bytes=settings.collect_body_bytes,
        in_flight=settings.collect_in_flight,
        registry=CollectorRegistry(),
    )
    with socket.create_server((settings.collect_host, settings.collect_port)) as listening:
        server = _Server(
            uvicorn.Config(
                collector.app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                h11_max_incomplete_event_size=LONGEST_HEADERS,
            )
        )
        sender.start()
        port = listening.getsockname()[1]
        say(f"collector  http://{settings.collect_host}:{port}/v1/  {', '.join(sorted(sources))}")
        watching = asyncio.create_task(_watch(server, sender))
        try:
            await server.serve([listening])
        finally:
            watching.cancel()
            await sender.stop()
    return sender.failure


class _Server(uvicorn.Server):
    """Ends at a signal without raising it once more when it has ended, as uvicorn's own does."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """While it serves."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def _watch(server: _Server, sender: Sender) -> None:
    """Ends the server where trying again is of no use."""
    await sender.failed.wait()
    server.should_exit = True
