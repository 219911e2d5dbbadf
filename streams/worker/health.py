"""Whether a worker is well: positions compared with the store's although nothing comes in, lag, readiness."""

from __future__ import annotations

import logging

from streams.core.model import Partition
from streams.worker.owner import KAFKA, REDIS, Owner

POSITIONS_SECONDS = 1.5
LAG_SECONDS = 5.0
FETCHED_SECONDS = 2.0

log = logging.getLogger("journey.worker")


class Health:
    """The checks of one worker, and what they know."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._measured: set[tuple[str, int]] = set()
        self._behind: dict[Partition, tuple[int, int]] = {}

    @property
    def live(self) -> bool:
        """Whether the worker has not given up."""
        return self._owner.failure is None

    @property
    def ready(self) -> bool:
        """Whether its partitions are positioned and nothing that it needs is away. A spare worker owns none, and is ready."""
        owner = self._owner
        assigned = len(owner.consumer.assignment()) if owner.app.started else 0
        return self.live and owner.app.started and len(owner.known) == assigned and not owner.outages.names

    async def check_positions(self) -> None:
        """Looks at the store although nothing comes in, or a rollback without traffic would stay unseen."""
        owner = self._owner
        async with owner.turn:
            await owner.refresh()
        owner.outages.end(REDIS)
        owner.metrics.ready.set(self.ready)

    async def check_fetched(self) -> None:
        """Goes back where a chunk was fetched and never came: at the log's end no later one would show the gap.

        Faust has lost messages (faust#606). Seen twice, with nothing in between and the loop idle, it is lost.
        """
        owner = self._owner
        behind = {}
        for tp, cursor in (await owner.consumer.caught_up(owner.partitions())).items():
            partition = Partition(tp.topic, tp.partition)
            position = owner.known.get(partition)
            if owner.busy or position is None or cursor <= position.offset:
                continue
            if self._behind.get(partition) == (position.offset, cursor):
                log.warning("%s: records from %d on were fetched and never came; fetching again", partition, position.offset)
                await owner.go_back(partition, position.offset)
            else:
                behind[partition] = (position.offset, cursor)
        self._behind = behind

    async def measure(self) -> None:
        """Lag and clock of the owned partitions."""
        owner = self._owner
        ends = await owner.consumer.log_ends(owner.partitions())
        owner.outages.end(KAFKA)
        measured = set()
        for tp, end in ends.items():
            position = owner.known.get(Partition(tp.topic, tp.partition))
            if position is None:
                continue
            measured.add((tp.topic, tp.partition))
            labels = (tp.topic, str(tp.partition))
            owner.metrics.lag.labels(*labels).set(max(0, end - position.offset))
            if position.clock >= 0:
                owner.metrics.clock.labels(*labels).set(position.clock / 1_000)
        owner.metrics.forget(self._measured - measured)
        self._measured = measured
