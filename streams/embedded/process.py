"""One server process: started, waited for until it answers, stopped by its own handle.

The child gets a session of its own, so that Ctrl-C reaches only the parent, which then stops its servers in order.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 5.0
POLL_SECONDS = 0.02
LOG_TAIL_CHARS = 2_000
START_ATTEMPTS = 3


class ServerError(RuntimeError):
    """A server did not start or did not answer in time; the text says which, and how its log ends."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now. Somebody else may take it before it is used."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether something on loopback accepts connections on this port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5):
            return True
    except OSError:
        return False


class ServerProcess:
    """A child process with a log file, that can be stopped, killed, paused, and started again with the same command."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._command = list(command)
        self._log = log
        self._environment = None if environment is None else dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The child's process id; ServerError when it does not run."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Starts the child and returns when `ready()` is true; stops it and raises ServerError otherwise."""
        if self.running:
            raise ServerError(f"{self.name} is already running")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- the command is ours, no shell is involved
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self._wait(ready, timeout_seconds)
        except BaseException:
            self.stop(timeout_seconds=0.5)
            raise

    def _wait(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.running:
                raise ServerError(f"{self.name} ended while it started. {self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not answer within {timeout_seconds:.0f} s. {self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """Ends the child with SIGTERM, and with SIGKILL where that does not do in time. Does nothing when it has ended."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)  # a paused process would not see SIGTERM
            process.terminate()
            try:
                process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        self._process = None

    def kill(self) -> None:
        """Ends the child with SIGKILL: no goodbye, no flush."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stops the child's clock (SIGSTOP): it neither answers nor ends."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused child go on (SIGCONT)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """The end of what the child wrote, on one line, for an error message."""
        try:
            text = self._log.read_text(errors="replace")[-LOG_TAIL_CHARS:]
        except OSError:
            return "It wrote no log."
        return "Its log ends: " + " | ".join(line.strip() for line in text.splitlines()[-6:])


class Server(Protocol):
    """What listens on a port that it chose when it was made."""

    def start(self) -> None:
        """Starts it and waits until it answers; ServerError otherwise."""

    def stop(self) -> None:
        """Ends it by its handle."""


_Server = TypeVar("_Server", bound=Server)


@contextmanager
def running(name: str, make: Callable[[Path], _Server]) -> Iterator[_Server]:
    """A running server, in a temporary directory that is removed at its end."""
    with tempfile.TemporaryDirectory(prefix=f"journey-{name}-", ignore_cleanup_errors=True) as directory:
        server = _started(lambda: make(Path(directory)))
        try:
            yield server
        finally:
            server.stop()


def _started(make: Callable[[], _Server]) -> _Server:
    """Somebody else may take a free port between the look and the start, so a few are tried."""
    for attempt in range(1, START_ATTEMPTS + 1):
        server = make()
        try:
            server.start()
        except ServerError:
            if attempt == START_ATTEMPTS:
                raise
        else:
            return server
    raise AssertionError("unreachable")
