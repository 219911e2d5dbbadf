"""Commands in processes of their own, as one starts them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-c", "from streams.cli.main import main; main()"]
WAIT_SECONDS = 60.0


@contextmanager
def journey(log: Path, variables: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, as one starts it; its standard error goes to `log`."""
    environment = {"PATH": "", "PYTHONUNBUFFERED": "1", **variables}
    with (
        log.open("w") as errors,
        subprocess.Popen([*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def until(done: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, log.read_text() if log.is_file() else "not in time"
        time.sleep(0.2)


def ended(log: Path, variables: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
    """Exit code and log of a command that gives up by itself."""
    with journey(log, variables, *arguments) as process:
        code = process.wait(WAIT_SECONDS)
    return code, log.read_text().splitlines()
