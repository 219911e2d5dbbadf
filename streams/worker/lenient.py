"""Reads records whose header names are no UTF-8, which aiokafka refuses: one such record would stop its partition.

aiokafka's compiled reader cannot be told otherwise, so this is its Python one with a lenient buffer. It is slower, and
used only from the first such record on, for the rest of the process.
"""

from __future__ import annotations

import logging
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

MAGIC_V2 = 2

log = logging.getLogger("journey.worker")


class _Lenient(bytearray):
    """Bytes whose text is read with replacement characters; so are its slices."""

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Never fails for UTF-8."""
        del errors
        return super().decode(encoding, "replace")


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka has no types, and calls it final
    @property
    def _buffer(self) -> _Lenient:
        return self._lenient

    @_buffer.setter
    def _buffer(self, buffer: bytes) -> None:
        self._lenient = _Lenient(buffer)


class LenientRecords(_MemoryRecordsPy):  # type: ignore[misc] # as above
    """A fetched run of batches."""

    def next_batch(self, *args: Any, **kwargs: Any) -> Any:
        """The next batch, of the lenient kind; batches older than Kafka 0.11 have no headers."""
        part = self._next_slice
        if part is None or len(part) <= self.MAGIC_OFFSET or part[self.MAGIC_OFFSET] < MAGIC_V2:
            return super().next_batch(*args, **kwargs)
        self._cache_next()
        return _Batch(part)


def in_use() -> bool:
    """Whether this process reads leniently by now."""
    return fetcher.MemoryRecords is LenientRecords


def use() -> None:
    """From the next fetch on."""
    log.warning("A record cannot be read as it should (header names that are no UTF-8?); reading on with the lenient reader")
    fetcher.MemoryRecords = LenientRecords
