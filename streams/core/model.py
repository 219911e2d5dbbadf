"""The light types that travel through the walk: record, touchpoint, outcome, commit.

Everything here is immutable or owned by one chunk. Times are integers, milliseconds since the Unix epoch, UTC
(`at`, `clock`, `watermark`, `due`). Identifiers are normalised strings `kind:value`. This module imports nothing
of the pipeline, so that every layer can use it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NewType

import msgspec

JourneyId = NewType("JourneyId", bytes)
"""16 bytes: a digest of the identifier that a journey was first created under. Never shown to people."""

Version = NewType("Version", bytes)
"""16 bytes: a digest of a journey's stored blob; equal versions mean equal journeys, also after a store went back."""

Identifier = NewType("Identifier", str)
"""A normalised `kind:value`, such as `email:x@y.z` (a person) or `order_id:17` (a reference)."""

Value = str | int | bool | None


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record as it was fetched. `timestamp` is Kafka's own, in milliseconds."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Dimensions(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a case can be broken down by; closed values, empty where the producer said nothing."""

    channel: str = ""
    device: str = ""
    market: str = ""
    segment: str = ""
    acquisition: str = ""


class Touchpoint(msgspec.Struct, frozen=True, gc=False):
    """One decoded, validated and normalised touchpoint.

    eid: 8 bytes, a digest of source and id (and of the index, for the second and later touchpoints of one record).
    digest: 8 bytes, a digest of the content; of two payloads under one eid the least (at, digest) counts.
    persons: normalised person identifiers, the one of the highest priority first.
    references: normalised reference identifiers.
    fields: what the family's cases need, and what a person reading the timeline needs; times in ms, money in
        1/10,000 of the currency's unit, durations in ms, nothing that is absent.
    """

    eid: bytes
    digest: bytes
    at: int
    type: str
    persons: tuple[Identifier, ...]
    references: tuple[Identifier, ...]
    groups: tuple[Identifier, ...]
    dimensions: Dimensions
    traffic: str
    fields: Mapping[str, Value]
    batch: bool = False


class Stage(enum.StrEnum):
    """Where a record or touchpoint was refused."""

    RECORD = "record"
    FORMAT = "format"
    CONTRACT = "contract"
    TIME = "time"
    IDENTITY = "identity"


class Ignored(msgspec.Struct, frozen=True):
    """A record that is fine and says nothing about a journey; `reason` is from a closed list."""

    reason: str


class Rejected(msgspec.Struct, frozen=True):
    """A record or touchpoint that cannot be used. `reason` is from `schemas.rejections`; `detail` is for people."""

    stage: Stage
    reason: str
    detail: str = ""


Decoded = tuple[Touchpoint, ...] | Ignored | Rejected


class Partition(msgspec.Struct, frozen=True, order=True):
    """A topic-partition."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Position(msgspec.Struct, frozen=True):
    """How far a namespace has read a topic-partition.

    offset: the next offset to read. clock: the largest Kafka timestamp so far (the record clock), -1 before the first.
    digest: of the last record read, empty before the first. ticked: the latest tick, -1 before the first. Ticks are
    kept apart from the record clock, because lateness is decided by the records alone; the watermark takes the
    greater of the two.
    """

    offset: int
    clock: int = -1
    digest: bytes = b""
    ticked: int = -1


class Advance(msgspec.Struct, frozen=True):
    """A chunk's move of one position: `start` is what the store must hold, `position` what it holds afterwards.

    With start == position.offset it is a *tick*: offset, clock and digest stay as they are stored, and position.clock
    (the wall clock) raises `ticked`. Clocks never go back: the store keeps the greater one.
    """

    partition: Partition
    start: int
    position: Position


class Grain(enum.StrEnum):
    """Bucket widths. A bucket is (grain, index): minutes, hours and local days since the epoch; `ever` has index 0."""

    MINUTE = "m"
    HOUR = "h"
    DAY = "d"
    EVER = "e"


Bucket = tuple[Grain, int]

Rows = Mapping[str, Mapping[int, int]]
"""Cells of one bucket as they are stored: row -> slot (1 to 2^20) -> integer (`streams.core.fields`)."""


class Commit(msgspec.Struct):
    """Everything that one fold read, and everything that it writes: all of it happens, or nothing.

    read: versions of the journeys that were loaded; None for a journey that was read as absent.
    absent: person and reference identifiers that were read as not linked.
    watermark: the one the fold used. definitions: digest of the namespace's definitions.
    advance: None for a sweep (whether a partition's clock holds the watermark is decided at `Store.open`).
    journeys: blobs to write; None deletes. links: identifier -> journey; None deletes.
    due: journey -> next deadline in ms; None removes. cells: increments. outcomes: operational counters.
    versions: those of the blobs, where they are known already. most: a bound of every increment's size, where one is known.
    """

    definitions: str
    watermark: int
    advance: Advance | None
    read: dict[JourneyId, Version | None]
    absent: set[Identifier]
    journeys: dict[JourneyId, bytes | None]
    links: dict[Identifier, JourneyId | None]
    due: dict[JourneyId, int | None]
    cells: dict[Bucket, Rows]
    outcomes: dict[str, int]
    versions: dict[JourneyId, Version] = {}
    most: int | None = None


class Verdict(enum.StrEnum):
    """What the store says to a commit. Anything but OK wrote nothing."""

    OK = "ok"
    DUPLICATE = "duplicate"
    PARTIAL = "partial"
    ROLLBACK = "rollback"
    CONFLICT = "conflict"
    FENCED = "fenced"
    UNLISTED = "unlisted"


class Answer(msgspec.Struct, frozen=True):
    """The store's answer.

    watermark: the stored one, after the commit. offset: the stored offset of the partition (DUPLICATE, PARTIAL,
    ROLLBACK), -1 where that is not the cause. conflicts: the journeys that changed since they were read, and those
    that by now hold an identifier that was read as absent (which the commit may never have seen), sorted.
    """

    verdict: Verdict
    watermark: int = -1
    offset: int = -1
    conflicts: Sequence[JourneyId] = ()


def version_of(blob: bytes) -> Version:
    """The version of a journey with this blob: BLAKE2b-128 of it."""
    return Version(blake2b(blob, digest_size=16).digest())
