"""Whether a worker is well: positions compared with the store's although nothing comes in, lag, progress, probes.

`/readyz` is for people and rollouts: it fails while partitions have no positions, while a server that the worker needs is
away, and while it stands still although there is lag. `/livez` is for whoever starts processes anew, so it fails only where
that can help: the worker has given up, its event loop hangs, or it stands still and no server is to blame.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from streams.core.model import Partition
from streams.worker.owner import FETCHING, KAFKA, REDIS, Owner

POSITIONS_SECONDS = 1.5
LAG_SECONDS = 5.0
FETCHED_SECONDS = 2.0
STILL_SECONDS = 60.0
"""Without a step, although there is lag, a worker stands still; the largest chunk takes a few seconds."""
HANG_SECONDS = 60.0
"""Without a beat the event loop hangs; a beat comes ten times a second."""

log = logging.getLogger("journey.worker")


class Health:
    """The checks of one worker, and what they know. clock: seconds that only go forward."""

    def __init__(self, owner: Owner, clock: Callable[[], float] = time.monotonic) -> None:
        self._owner = owner
        self._clock = clock
        self._measured: set[tuple[str, int]] = set()
        self._behind: dict[Partition, tuple[int, int]] = {}
        self._beaten: float | None = None
        self._offsets: dict[Partition, int] = {}
        self._stepped = 0.0
        self._still_seconds = 0.0

    def beat(self) -> None:
        """The event loop turns; to be called from it, again and again."""
        self._beaten = self._clock()

    def why_not_live(self) -> str:
        """Why to start the process anew; empty where there is no reason."""
        owner = self._owner
        if owner.failure is not None:
            return owner.failure
        if self._beaten is not None and (hanging := self._clock() - self._beaten) > HANG_SECONDS:
            return f"the event loop hangs for {hanging:.0f} s"
        if self._still_seconds > STILL_SECONDS and not owner.outages.names:
            return f"no record was committed for {self._still_seconds:.0f} s, although some wait"
        return ""

    def why_not_ready(self) -> str:
        """Why the worker does not get on; empty where it does. A spare worker owns no partition, and is ready."""
        owner = self._owner
        if why_not := self.why_not_live():
            return why_not
        if not owner.app.started:
            return "it is not connected yet"
        if len(owner.known) != len(owner.consumer.assignment()):
            return "its partitions have no positions yet"
        return f"away: {', '.join(owner.outages.names)}" if owner.outages.names else ""

    def _look_for_steps(self, lag: int) -> None:
        """A step is a position that moved. None is to be expected without lag, or while a server is away."""
        now = self._clock()
        offsets = {partition: position.offset for partition, position in self._owner.known.items()}
        if offsets != self._offsets or not lag or self._owner.outages.names:
            self._offsets, self._stepped = offsets, now
        self._still_seconds = now - self._stepped

    async def check_positions(self) -> None:
        """Looks at the store although nothing comes in, or a rollback without traffic would stay unseen."""
        owner = self._owner
        async with owner.turn:
            await owner.refresh()
        owner.outages.end(REDIS)

    async def check_fetched(self) -> None:
        """Goes back where a chunk was fetched and never came: at the log's end no later one would show the gap.

        Faust has lost messages (faust#606). Seen twice, with nothing in between and the loop idle, it is lost.
        """
        owner = self._owner
        behind = {}
        for tp, cursor in (await owner.consumer.caught_up(owner.partitions())).items():
            partition = Partition(tp.topic, tp.partition)
            position = owner.known.get(partition)
            if owner.busy_since is not None or position is None or cursor <= position.offset:
                continue
            if self._behind.get(partition) == (position.offset, cursor):
                log.warning("%s: records from %d on were fetched and never came; fetching again", partition, position.offset)
                await owner.go_back(partition, position.offset)
            else:
                behind[partition] = (position.offset, cursor)
        self._behind = behind

    async def measure(self) -> None:
        """Lag and clock of the owned partitions, and whether they get on."""
        owner = self._owner
        ends = await owner.consumer.log_ends(owner.partitions())
        cursors = await owner.consumer.caught_up(owner.partitions())
        owner.outages.end(KAFKA)
        measured, waiting = set(), 0
        for tp, end in ends.items():
            position = owner.known.get(Partition(tp.topic, tp.partition))
            if position is None:
                continue
            measured.add((tp.topic, tp.partition))
            labels = (tp.topic, str(tp.partition))
            # Behind the last record may be transaction markers, which nobody ever commits a position for.
            done = tp in cursors and cursors[tp] <= position.offset
            lag = 0 if done else max(0, end - position.offset)
            waiting += lag
            owner.metrics.lag.labels(*labels).set(lag)
            if position.clock >= 0 and owner.holds(tp.topic):
                owner.metrics.clock.labels(*labels).set(position.clock / 1_000)
        owner.metrics.forget(self._measured - measured)
        self._measured = measured
        if not waiting:
            owner.outages.end(FETCHING)  # nothing will be fetched that would say so
        self._look_for_steps(waiting)
