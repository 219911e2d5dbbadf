"""Cells between refreshes: of all the buckets that windows are made of, only what changed is read again."""

from __future__ import annotations

from collections.abc import Sequence

from streams.core.model import Bucket, Rows
from streams.store.base import Store


class CachedCells:
    """Reads as `Store.read` does. A bucket that was not written since the last read is the same object as then.

    Which ones were written the store says, by their versions (`Store.read_changed`), so a late touchpoint that restates a
    day long closed is seen, and a store that went back, too. Buckets that are not asked for any more are forgotten.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[Bucket, tuple[bytes, Rows]] = {}

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        """See `Store.read`; what is returned is not to be changed. Raises what the store raises, and forgets nothing then."""
        changed = await self._store.read_changed({bucket: self._version(bucket) for bucket in buckets})
        held: dict[Bucket, tuple[bytes, Rows]] = {}
        for bucket in buckets:
            version, rows = changed.buckets.get(bucket) or self._held[bucket]
            if version is not None:
                held[bucket] = version, rows
        if buckets:
            self._held = held
        return changed.watermark, {bucket: rows for bucket, (_, rows) in held.items()}

    def _version(self, bucket: Bucket) -> bytes | None:
        held = self._held.get(bucket)
        return None if held is None else held[0]
