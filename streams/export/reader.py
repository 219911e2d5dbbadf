"""Reads rolling values from a store: the watermark, then the cells, which come with the watermark of their own moment."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from streams.core.fields import spell_all
from streams.core.metrics import Value, compute, moment_of, needed
from streams.core.policy import Policy
from streams.store.base import Store

ATTEMPTS = 10
"""How often cells are read because the watermark went on meanwhile; from the third time on the moment stays put."""


class MovingError(RuntimeError):
    """The watermark ran through days during every read, as in a backfill; try again later."""


class Reading(msgspec.Struct, frozen=True):
    """Values of one moment.

    watermark: the store's when the cells were read, -1 before any record. as_of: the last ms that the values stand
    for; None before any record, and where the time asked for is too far back.
    """

    watermark: int
    as_of: int | None
    values: list[Value]


async def read_values(
    store: Store,
    policy: Policy,
    *,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    at: int | None = None,
) -> Reading:
    """The values at the store's watermark, or at an earlier time in ms (`streams.core.metrics.compute`).

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
            values = compute(watermark, spell_all(tables), policy, windows, metrics, moment)
            return Reading(watermark, None if watermark < 0 else as_of, values)
    raise MovingError("the watermark moves faster than cells can be read; try again when the backfill is done")
