"""`journey demo` in a process of its own, and what it left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

MARKER = "DEMO_UNDER_TEST"
JOURNEY = (sys.executable, "-c", "from streams.cli.main import main; main()")
SECONDS = 120


class Run:
    """One demo. Everything that it starts inherits its marker, and its temporary files are in `folder`."""

    command: tuple[str, ...] = (*JOURNEY, "demo")

    def __init__(
        self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, stdout: int | None = None
    ) -> None:
        self.folder = folder
        self.marker = uuid4().hex
        folder.mkdir()
        self._output = folder.with_suffix(".txt")
        self._errors = folder.with_suffix(".err")
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output if stdout is None else stdout,
                stderr=errors,
                env={**os.environ, MARKER: self.marker, "TMPDIR": str(folder), **(environment or {})},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text("utf-8")

    @property
    def errors(self) -> str:
        return self._errors.read_text("utf-8")

    def until(self, pattern: str) -> str:
        """The first match in what it prints."""
        deadline = time.monotonic() + SECONDS
        while (found := re.search(pattern, self.output)) is None:
            assert self.process.poll() is None, f"ended early: {self.output[-500:]} {self.errors}"
            assert time.monotonic() < deadline, self.output[-500:]
            time.sleep(0.05)
        return found.group()

    def end(self) -> int:
        """Waits; the exit code."""
        return self.process.wait(SECONDS)

    def running(self) -> dict[int, str]:
        """Process id -> command line of everything that carries the marker."""
        if not Path("/proc/self/environ").exists():
            pytest.skip("no /proc here to look for processes that were left behind")
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
                if f"{MARKER}={self.marker}".encode() in environment.split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has ended, or is somebody else's
                continue
        return found

    def left(self) -> tuple[dict[int, str], list[str]]:
        """Processes and files that are still there."""
        return self.running(), [path.name for path in self.folder.iterdir()]


@contextmanager
def demo(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, stdout: int | None = None) -> Iterator[Run]:
    """A demo that is gone at the end, whatever it did."""
    run = Run(folder, *arguments, environment=environment, stdout=stdout)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(30)
