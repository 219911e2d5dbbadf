"""Whether a namespace gets on, as far as its store says: when its positions or its watermark were last seen to move."""

from __future__ import annotations

from streams.core.model import Partition, Position
from streams.store.base import Store


class Progress:
    """Looks now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[int, dict[Partition, Position]] | None = None
        self._moved = 0.0

    async def look(self, now: float) -> float:
        """The latest time at which something else was seen than before; at first, that of this look. Unix seconds.

        A position moves with every chunk and with every tick, back where the store went back. Raises what the store raises.
        """
        found = await self._store.positions()
        if found != self._seen:
            self._seen, self._moved = found, now
        return self._moved
