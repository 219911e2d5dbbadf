"""One refresh of the rolling values after another, each for the price of what changed since the last."""

from __future__ import annotations

from streams.core.metrics import summed, values_of
from streams.core.policy import Policy
from streams.export.cells import CachedCells
from streams.export.reader import Read, Reading, read_cells
from streams.export.sums import Sums
from streams.store.base import Store


class Refresher:
    """Gives what `streams.export.reader.read_values` gives. Not for two refreshes at once."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._cells = CachedCells(store)
        self._policy = policy
        self._sums = Sums()

    async def read(self) -> Read:
        """The cells of this moment; raises as `read_cells` does."""
        return await read_cells(self._cells, self._policy)

    def values(self, read: Read) -> Reading:
        """The values of cells that `read` gave, the latest ones; takes processor time and does no I/O."""
        moment = read.watermark if read.as_of is None else read.as_of
        tables = self._sums.move(summed(read.watermark, self._policy, at=read.moment), read.tables)
        return Reading(read.watermark, read.as_of, values_of(tables, moment, self._policy))
