"""Reads rolling values from a store: the watermark, then the cells, which come with the watermark of their own moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from streams.core.definitions import same_layout
from streams.core.fields import spell_all
from streams.core.metrics import Value, compute, moment_of, needed
from streams.core.model import Bucket, Rows
from streams.core.policy import Policy
from streams.store.base import Store

ATTEMPTS = 10
"""How often cells are read because the watermark went on meanwhile; from the third time on the moment stays put."""


class MovingError(RuntimeError):
    """The watermark ran through days during every read, as in a backfill; try again later."""


class OtherVersionError(RuntimeError):
    """The namespace was filled by a version that stores its cells, or its journeys, in another form."""

    def __init__(self) -> None:
        super().__init__(
            "was filled by another version, in a form that this one cannot read; use that version, or `journey rebuild` into a new namespace"
        )


async def require_layout(store: Store) -> None:
    """Raises `OtherVersionError` where this version would take cells of the namespace for others."""
    held = await store.definitions()
    if held is not None and not same_layout(held):
        raise OtherVersionError


class Reading(msgspec.Struct, frozen=True):
    """Values of one moment.

    watermark: the store's when the cells were read, -1 before any record. as_of: the last ms that the values stand
    for; None before any record, and where the time asked for is too far back.
    """

    watermark: int
    as_of: int | None
    values: list[Value]


class Cells(Protocol):
    """What reads cells as `streams.store.base.Store.read` does."""

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        """See `Store.read`."""


class Read(msgspec.Struct, frozen=True):
    """Cells that were read at one watermark, all that are needed for a moment (None: the watermark)."""

    watermark: int
    moment: int | None
    as_of: int | None
    tables: dict[Bucket, Rows]


async def read_values(
    store: Cells,
    policy: Policy,
    *,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    at: int | None = None,
) -> Reading:
    """The values at the store's watermark, or at an earlier time in ms (`streams.core.metrics.compute`).

    Raises `MovingError`, and what the store raises.
    """
    read = await read_cells(store, policy, windows=windows, metrics=metrics, at=at)
    values = compute(read.watermark, spell_all(read.tables), policy, windows, metrics, read.moment)
    return Reading(read.watermark, read.as_of, values)


async def read_cells(
    store: Cells,
    policy: Policy,
    *,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    at: int | None = None,
) -> Read:
    """The cells that the values of these arguments are made of.

    All cells are read in one call, so the values are of one moment. While history is played the watermark may leave
    its minute during every read; then the values are those of a minute that has just passed. Raises `MovingError`, and what
    the store raises.
    """
    watermark, _ = await store.read([])
    moment = at
    for attempt in range(ATTEMPTS):
        if at is None and attempt > 1 and (moment is None or moment_of(watermark, policy, moment) is None):
            moment = watermark
        buckets = needed(watermark, policy, windows, metrics, moment)
        watermark, tables = await store.read(buckets)
        as_of = moment_of(watermark, policy, moment)
        gone = at is None and as_of is None
        if not gone and set(buckets).issuperset(needed(watermark, policy, windows, metrics, moment)):
            return Read(watermark, moment, None if watermark < 0 else as_of, tables)
    raise MovingError("the watermark moves faster than cells can be read; try again when the backfill is done")
