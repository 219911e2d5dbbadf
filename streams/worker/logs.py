"""A worker's log: one line per event, ours at INFO, those of the libraries that matter, none of their stack traces."""

from __future__ import annotations

import logging
import time

LIBRARIES = ("faust", "mode", "aiokafka", "kafka", "asyncio", "streams.worker")
REPEAT_SECONDS = 30.0
MAX_REMEMBERED = 1_000
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Filter):
    """Cuts a library's records to one line without a stack trace, and lets the same one through once in a while only."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; changes it."""
        if not record.name.startswith(LIBRARIES):
            return True
        if record.levelno < logging.WARNING:
            return False
        lines = record.getMessage().strip().splitlines()
        record.msg, record.args, record.exc_info, record.exc_text = (lines[0] if lines else ""), (), None, None
        now = time.monotonic()
        if now - self._seen.get(record.msg, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        if len(self._seen) >= MAX_REMEMBERED:
            self._seen.clear()
        self._seen[record.msg] = now
        return True


def configure_logging() -> None:
    """Writes to standard error; replaces what was configured before."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
