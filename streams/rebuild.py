"""A namespace that is filled anew from Kafka's log, and compared with the one that it is to follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from streams.core.metrics import entry
from streams.core.model import Partition
from streams.core.policy import MINUTE, Policy
from streams.export.reader import MovingError, read_values
from streams.store.base import DUE_SHARDS, Store

LOOK_SECONDS = 0.5
WAIT_SECONDS = 10.0
"""The namespace before may have no workers any more that let its deadlines in: nobody waits for them longer."""

Entry = Mapping[str, Any]
"""A value as `journey metrics --json` prints it."""

_COMPARED = ("value", "numerator", "denominator", "n", "stats")


class Log(msgspec.Struct, frozen=True):
    """A partition's log: from the first offset that is still there to behind the last; first_at: the first one's timestamp in ms."""

    start: int
    end: int
    first_at: int | None


class Progress(msgspec.Struct, frozen=True):
    """How far a rebuild is: records read of those that were there when it began, and the watermark."""

    read: int
    records: int
    watermark: int


class Difference(msgspec.Struct, frozen=True):
    """One figure that is not the same in both; None where it is only in the other one."""

    before: Entry | None
    now: Entry | None


class Compared(msgspec.Struct, frozen=True):
    """equal: how many figures are. at: the last ms that both stand for. complete: whether both had let in every
    deadline until then.
    """

    at: int
    equal: int
    different: list[Difference]
    complete: bool = True


class WorkersEndedError(RuntimeError):
    """The workers gave up before the log was read; they have said why."""


async def catch_up(
    store: Store,
    logs: Mapping[Partition, Log],
    watermark: int,
    alive: Callable[[], bool],
    progress: Callable[[Progress], None],
) -> None:
    """Returns when a namespace has read these logs, has come to this watermark, and has let in what was due. Raises WorkersEndedError."""
    records = sum(log.end - log.start for log in logs.values())
    while True:
        reached, positions = await store.positions()
        read = {found: min(positions[found].offset, log.end) if found in positions else log.start for found, log in logs.items()}
        progress(Progress(sum(read.values()) - sum(log.start for log in logs.values()), records, reached))
        done = reached >= watermark and all(read[found] >= log.end for found, log in logs.items())
        if done and not await _waiting(store, reached):
            return
        if not alive():
            raise WorkersEndedError
        await asyncio.sleep(LOOK_SECONDS)


async def _waiting(store: Store, until: int) -> bool:
    return bool(await store.due(until, 1, range(DUE_SHARDS)))


async def compare(before: Store, now: Store, policy: Policy) -> Compared | None:
    """Two namespaces at the last moment that both have come to; None where one of them has come to none.

    While both go on, that is the end of the minute before the watermark of the one that is behind. Raises MovingError.
    """
    (one, _), (other, _) = await before.positions(), await now.positions()
    if one < 0 or other < 0:
        return None
    at = one if one == other else min(one, other) // MINUTE * MINUTE - 1
    complete = await _let_in(now, at) and await _let_in(before, at)
    was, is_ = [await read_values(store, policy, at=at) for store in (before, now)]
    if was.as_of is None or was.as_of != is_.as_of:
        raise MovingError("the watermarks moved on while both were read; `journey metrics --at TIME` of both tells them apart")
    found = differences(map(entry, was.values), map(entry, is_.values), was.as_of)
    return msgspec.structs.replace(found, complete=complete)


async def _let_in(store: Store, until: int) -> bool:
    """Whether a namespace lets in every deadline until then, before we no longer wait for it."""
    for _ in range(round(WAIT_SECONDS / LOOK_SECONDS)):
        if not await _waiting(store, until):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


async def compare_with(document: Mapping[str, Any], as_of: int, now: Store, policy: Policy) -> Compared:
    """A namespace and what `journey metrics --json` printed of another one as of then."""
    windows = {found["window"] for found in document["metrics"]}
    metrics = {found["metric"] for found in document["metrics"]}
    reading = await read_values(now, policy, windows=windows, metrics=metrics, at=as_of)
    return differences(document["metrics"], [entry(value) for value in reading.values], as_of)


def differences(before: Iterable[Entry], now: Iterable[Entry], at: int) -> Compared:
    """What is not the same, in the order of the figures now, then those that are no more."""
    was, is_ = ({_key(found): found for found in side} for side in (before, now))
    keys: Sequence[object] = [*is_, *(key for key in was if key not in is_)]
    found = [Difference(was.get(key), is_.get(key)) for key in keys]
    different = [each for each in found if not _same(each.before, each.now)]
    return Compared(at, len(found) - len(different), different)


def _key(found: Entry) -> object:
    return found["metric"], found["window"], tuple(sorted(found["dimensions"].items()))


def _same(one: Entry | None, other: Entry | None) -> bool:
    return one is not None and other is not None and all(one.get(name) == other.get(name) for name in _COMPARED)
