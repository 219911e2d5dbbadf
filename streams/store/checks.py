"""What a commit must satisfy before a store looks at it. A breach is a bug of the caller, so it raises.

Both stores call `check` first, so nothing that one accepts is refused by the other, and what Redis gets cannot fail
half way (a run-time error inside a Redis Function does not undo what it wrote before).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.core.model import Commit, Grain

MAX_WRITES = 20_000
"""Writes in one commit; a Redis Function blocks the server while it runs (200,000 increments: half a second)."""

MAX_DELTA = 2**50
"""The largest increment of a cell or counter. Lua's numbers are doubles, exact up to 2^53."""

MAX_NUMBER = 2**53 - 1
"""The largest offset and time in ms, for the same reason."""

MAX_SLOT = 2**20

ID_BYTES = 16

Unsafe = frozenset[str]
UNSAFE = frozenset({"position", "journeys", "absence"})
"""For tests only: the compares that a store can be told to leave out, to show that each of them matters."""


def check_unsafe(unsafe: Unsafe) -> None:
    """Raises ValueError for a compare that does not exist."""
    if unknown := unsafe - UNSAFE:
        raise ValueError(f"unknown compares {sorted(unknown)}; there are {sorted(UNSAFE)}")


def writes(commit: Commit) -> int:
    """How many writes a commit asks for: journeys, links, deadlines, rows of cells, counters and the position."""
    rows = sum(map(len, commit.cells.values()))
    rest = len(commit.journeys) + len(commit.links) + len(commit.due) + len(commit.outcomes)
    return rows + rest + (commit.advance is not None)


def fits(commit: Commit) -> bool:
    """Whether one call may have all of a commit; otherwise it is to be done in parts."""
    return writes(commit) <= MAX_WRITES and not _too_much(commit)


def _too_much(commit: Commit) -> bool:
    """Whether some increment is beyond MAX_DELTA. Rows are looked through only where no bound of theirs says that none is."""
    counted: list[Mapping[str, int] | Mapping[int, int]] = [commit.outcomes]
    if commit.most is None or commit.most > MAX_DELTA:
        counted += _distinct(commit)
    return any(deltas and (max(deltas.values()) > MAX_DELTA or min(deltas.values()) < -MAX_DELTA) for deltas in counted)


def _distinct(commit: Commit) -> Iterable[Mapping[int, int]]:
    """The increments of all rows; many rows share theirs, which are looked at once."""
    return {id(slots): slots for rows in commit.cells.values() for slots in rows.values()}.values()


def check(commit: Commit) -> None:
    """Raises ValueError if a commit is too large, holds a number out of range, or writes what it does not compare."""
    if (count := writes(commit)) > MAX_WRITES:
        raise ValueError(f"a commit of {count} writes; at most {MAX_WRITES} in one call, so split the chunk")
    _check_numbers(commit)
    _check_cells(commit)
    _check_compared(commit)


def _check_numbers(commit: Commit) -> None:
    numbers = [commit.watermark, *(at for at in commit.due.values() if at is not None)]
    if commit.advance is not None:
        start, position = commit.advance.start, commit.advance.position
        if not 0 <= start <= position.offset:
            raise ValueError(f"a position cannot move from {start} to {position.offset}")
        numbers += (position.offset, position.clock)
    if any(abs(number) > MAX_NUMBER for number in numbers):
        raise ValueError("an offset or time beyond 2^53 - 1")


def _check_cells(commit: Commit) -> None:
    for grain, index in commit.cells:
        if abs(index) > MAX_DELTA or (grain is Grain.EVER and index != 0):
            raise ValueError(f"no bucket {grain}:{index}")
    # What has a bound was booked cell by cell, at the catalogue's slots.
    if commit.most is None and any(slots and (min(slots) < 1 or max(slots) > MAX_SLOT) for slots in _distinct(commit)):
        raise ValueError("a slot that is not from 1 to 2^20")
    if _too_much(commit):
        raise ValueError("an increment beyond 2^50")


def _check_compared(commit: Commit) -> None:
    """A write that rests on nothing that was compared could undo what another worker wrote in between."""
    if any(len(key) != ID_BYTES for key in commit.read):
        raise ValueError(f"a journey's id has {ID_BYTES} bytes")
    if any(version is not None and len(version) != ID_BYTES for version in commit.read.values()):
        raise ValueError(f"a journey's version has {ID_BYTES} bytes")
    if not commit.journeys.keys() <= commit.read.keys():
        raise ValueError("a journey is written that was not read; its version or absence belongs in `read`")
    if not commit.due.keys() <= commit.read.keys():
        raise ValueError("a deadline is written of a journey that was not read")
    for identifier, journey in commit.links.items():
        if journey is not None and commit.journeys.get(journey, commit.read.get(journey)) is None:
            raise ValueError(f"{identifier.partition(':')[0]} is linked to a journey that this commit does not keep")
