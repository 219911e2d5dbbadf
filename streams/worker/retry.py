"""Retries that neither give up nor flood the log: one line when something goes away, one when it is back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from redis.exceptions import RedisError

from streams.reaching import Trouble, first_line, refusal

FIRST_SECONDS = 0.1
MOST_SECONDS = 3.0
STEP_SECONDS = 0.1
CANCEL_SECONDS = 1.0
AWAY = "%s does not answer (%s); trying again until it does"
REFUSED = "%s refuses: %s; trying again until it does not"
FAILURES_BEFORE_DEFECT = 2
"""What fails once may be a workspace that was stale; what fails again with a fresh one is a defect."""

log = logging.getLogger("journey.worker")


class Backoff:
    """Waits twice as long after every failure, up to `MOST_SECONDS`; ends early when nobody wants the result any more."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted = wanted
        self._seconds = FIRST_SECONDS

    async def wait(self) -> None:
        """The next pause."""
        deadline = time.monotonic() + self._seconds
        self._seconds = min(MOST_SECONDS, self._seconds * 2)
        while self._wanted() and (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110 -- Faust's flags are no events
            await asyncio.sleep(min(left, STEP_SECONDS))


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancels tasks until they have ended, `CANCEL_SECONDS` at most.

    One cancellation may not be enough: where it meets a time-out of redis-py's, or Python 3.11's `wait_for` at its end, it is
    lost, and the task goes on.
    """
    left = set(tasks)
    deadline = time.monotonic() + CANCEL_SECONDS
    while left and time.monotonic() < deadline:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=STEP_SECONDS)


class Outages:
    """What is away at the moment, by name, and since when; each is told once."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def begin(self, name: str, error: BaseException | str | Trouble) -> None:
        """`name` failed, or refuses what we have no right to. Only the first failure in a row is logged."""
        if name not in self._since:
            self._since[name] = time.monotonic()
            trouble = error if isinstance(error, Trouble) else refusal(error) or Trouble(first_line(error))
            log.warning(REFUSED if trouble.permission else AWAY, name, trouble.sentence)

    def end(self, name: str) -> None:
        """`name` worked."""
        since = self._since.pop(name, None)
        if since is not None:
            log.info("%s is back after %.1f s", name, time.monotonic() - since)

    @property
    def names(self) -> list[str]:
        """What is away."""
        return sorted(self._since)


def is_redis(error: BaseException) -> bool:
    """Whether an error says that the store cannot be reached or refuses, which is no bug and passes."""
    return isinstance(error, RedisError | OSError | TimeoutError)
