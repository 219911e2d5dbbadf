"""Clocks of one process: wall, processor, peak memory."""

from __future__ import annotations

import resource
import sys
import time

from streams.bench.figures import Measured

_PEAK_UNITS_IN_MB = 1_048_576 if sys.platform == "darwin" else 1_024


class Meter:
    """Runs from `start` to `end`, each of which works once; both are called in the main thread."""

    def __init__(self) -> None:
        self._started: tuple[float, float, float] | None = None
        self._ended: tuple[float, float, float] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and not ended."""
        return self._started is not None and self._ended is None

    def start(self) -> None:
        """The first record is there."""
        self._started = self._started or _clocks()

    def end(self) -> None:
        """The last record that is timed is done with."""
        self._ended = self._ended or _clocks()

    def measured(self, records: int) -> Measured:
        """What was measured. RuntimeError before the end."""
        if self._started is None or self._ended is None:
            raise RuntimeError("the meter has not ended")
        seconds, process, thread = (after - before for before, after in zip(self._started, self._ended, strict=True))
        return Measured(
            records=records,
            seconds=seconds,
            cpu_seconds=process,
            other_cpu_seconds=process - thread,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PEAK_UNITS_IN_MB,
        )


def _clocks() -> tuple[float, float, float]:
    return time.perf_counter(), time.process_time(), time.thread_time()
