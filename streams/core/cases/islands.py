"""Islands: site facts that may influence each other, because none is further than a gap (`policy.island_ms`) from the next."""

from __future__ import annotations

from collections.abc import Sequence

from streams.core.journey import Fact


def islands_between(facts: Sequence[Fact], lo: int, hi: int, gap_ms: int) -> Sequence[Fact]:
    """The whole islands that have facts from `lo` to `hi`, and all between them."""
    stop = len(facts)
    while stop and facts[stop - 1].at > hi:
        stop -= 1
    start = stop
    while start and facts[start - 1].at >= lo:
        start -= 1
    if start == stop:
        return ()
    while start and facts[start].at - facts[start - 1].at <= gap_ms:
        start -= 1
    while stop < len(facts) and facts[stop].at - facts[stop - 1].at <= gap_ms:
        stop += 1
    return facts[start:stop]


def whole_islands(span: tuple[int, int], lists: Sequence[Sequence[Fact]], gap_ms: int) -> tuple[int, int]:
    """The span widened until no fact outside it is within an island's gap of one inside."""
    lo, hi = span
    while True:
        before = (lo, hi)
        for facts in lists:
            near = islands_between(facts, lo - gap_ms, hi + gap_ms, gap_ms)
            if near:
                lo, hi = min(lo, near[0].at), max(hi, near[-1].at)
        if (lo, hi) == before:
            return lo, hi


def first_end(facts: Sequence[Fact], gap_ms: int) -> int:
    """When the first island had its last fact."""
    return facts[_stop(facts, gap_ms, 0) - 1].at


def unsealed(facts: list[Fact], before: int, gap_ms: int) -> list[Fact]:
    """The facts from the first island on whose last fact is later than `before`."""
    start = 0
    while start < len(facts):
        stop = _stop(facts, gap_ms, start)
        if facts[stop - 1].at > before:
            break
        start = stop
    return facts[start:] if start else facts


def _stop(facts: Sequence[Fact], gap_ms: int, start: int) -> int:
    stop = start + 1
    while stop < len(facts) and facts[stop].at - facts[stop - 1].at <= gap_ms:
        stop += 1
    return stop
