"""Short ways to say what a commit holds, and everything that a store holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.core.model import Advance, Bucket, Commit, Grain, Identifier, JourneyId, Partition, Position, Rows, Version
from streams.store.base import DUE_SHARDS, Store

DEFINITIONS = "d1"
WEB = Partition("web", 0)
SHOP = Partition("shop", 1)
BATCH = Partition("tickets", 0)
EVER: Bucket = (Grain.EVER, 0)
SHARDS = range(DUE_SHARDS)
HOUR = 3_600_000


def journey(number: int) -> JourneyId:
    return JourneyId(number.to_bytes(2, "little") + bytes(14))


def identifier(number: int) -> Identifier:
    return Identifier(f"email:{number}@example.org")


def advance(start: int, end: int, clock: int = -1, partition: Partition = WEB, digest: bytes = b"") -> Advance:
    return Advance(partition, start, Position(end, clock, digest))


def commit(
    move: Advance | None = None,
    *,
    definitions: str = DEFINITIONS,
    watermark: int = -1,
    read: Mapping[JourneyId, Version | None] | None = None,
    absent: set[Identifier] | None = None,
    journeys: Mapping[JourneyId, bytes | None] | None = None,
    links: Mapping[Identifier, JourneyId | None] | None = None,
    due: Mapping[JourneyId, int | None] | None = None,
    cells: Mapping[Bucket, Rows] | None = None,
    outcomes: Mapping[str, int] | None = None,
) -> Commit:
    return Commit(
        definitions=definitions,
        watermark=watermark,
        advance=move,
        read=dict(read or {}),
        absent=set(absent or ()),
        journeys=dict(journeys or {}),
        links=dict(links or {}),
        due=dict(due or {}),
        cells=dict(cells or {}),
        outcomes=dict(outcomes or {}),
    )


def created(number: int, blob: bytes, move: Advance | None = None, **rest: Any) -> Commit:
    """A commit that creates a journey with one identifier and one deadline, and counts it."""
    key = journey(number)
    return commit(
        move,
        read={key: None},
        absent={identifier(number)},
        journeys={key: blob},
        links={identifier(number): key},
        due={key: 1_000 + number},
        cells={EVER: {"visits": {1: 1}}},
        outcomes={"applied": 1},
        **rest,
    )


async def opened(store: Store, *partitions: Partition, holding: tuple[str, ...] = ("web", "shop"), disorder_ms: int = 0) -> Store:
    """The store, with partitions (web/0 unless named) listed at offset 0."""
    await store.open(DEFINITIONS, dict.fromkeys(partitions or (WEB,), 0), holding, disorder_ms)
    return store


async def everything(store: Store, identifiers: range = range(1, 12)) -> dict[str, Any]:
    """All that can be read of a store."""
    buckets = await store.buckets()
    loaded = await store.load([identifier(number) for number in identifiers])
    return {
        "positions": await store.positions(),
        "journeys": {key: blob async for key, blob in store.journeys()},
        "links": loaded.links,
        "blobs": loaded.blobs,
        "due": await store.due(2**53 - 1, 1_000, SHARDS),
        "buckets": buckets,
        "cells": await store.read(buckets),
        "outcomes": await store.outcomes(),
    }
