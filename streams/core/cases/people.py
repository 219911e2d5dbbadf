"""People by the day: who did anything at all, who visited, searched, found their way, ordered. Relationship cells.

Kept is what a person did on each local day, as a set of bits. A person counts in a window of n days as long as there is such
a day among the last n: that is a stock, which rises on the day and falls n days after the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.core.cases.site import SITE_CHANNELS
from streams.core.cells import Notebook, Where
from streams.core.model import Touchpoint

ACTIVE, VISITED, SEARCHED, NAVIGATED, ORDERED = (1 << bit for bit in range(5))
WINDOW_DAYS = (("24h", 1), ("7d", 7), ("28d", 28))
LONGEST = 28
_COUNTED = [
    (f"users{what}_{window}", bits, width)
    for window, width in WINDOW_DAYS
    for what, bits in (("", ACTIVE), ("_searched", SEARCHED), ("_found", SEARCHED | NAVIGATED), ("_visited", VISITED))
]
_CONVERTED = [(f"users_converted_{window}", width) for window, width in WINDOW_DAYS]
_EVERYBODY = Where(("",))

_LONG_AGO = -(1 << 62)

Run = tuple[int, int | None]
"""A run of local days [first, end); end None: for ever."""


def bits_of(touchpoint: Touchpoint) -> int:
    """What a touchpoint of somebody's own doing says about its day."""
    bits = ACTIVE
    if touchpoint.type == "order.placed":
        bits |= ORDERED
    if touchpoint.batch or touchpoint.dimensions.channel not in SITE_CHANNELS:
        return bits
    bits |= VISITED
    if touchpoint.type == "search.performed":
        bits |= SEARCHED
    elif touchpoint.type == "navigation.used" or (touchpoint.type == "element.clicked" and touchpoint.fields.get("nav_region")):
        bits |= NAVIGATED
    return bits


def add_days(into: dict[int, int], other: Mapping[int, int]) -> None:
    """What two profiles did is what one person did."""
    for day, bits in other.items():
        into[day] = into.get(day, 0) | bits


def runs_of(days: Iterable[int], width: int) -> list[Run]:
    """The days on which one of these (sorted) is among the last `width`, as runs."""
    runs: list[Run] = []
    first = end = _LONG_AGO
    for day in days:
        if day > end:
            if end != _LONG_AGO:
                runs.append((first, end))
            first = day
        end = day + width
    if end != _LONG_AGO:
        runs.append((first, end))
    return runs


def both(one: Iterable[Run], other: Iterable[Run]) -> list[Run]:
    """The days that are in a run of each."""
    found: list[Run] = []
    for start, end in one:
        for first, last in other:
            lo = max(start, first)
            hi = end if last is None else last if end is None else min(end, last)
            if hi is None or lo < hi:
                found.append((lo, hi))
    return found


def book_runs(name: str, runs: Iterable[Run], where: Where, book: Notebook) -> None:
    """Counts one during each run."""
    for start, end in runs:
        book.count_day(name, start, where)
        if end is not None:
            book.count_day(name, end, where, -1)


def book_people(days: Mapping[int, int], book: Notebook, lo: int = _LONG_AGO, hi: int = -_LONG_AGO, changed: int = -1) -> None:
    """C of what one person did between two days, as far as it depends on these bits.

    Days further apart than the longest window have nothing to do with each other.
    """
    found = sorted([day for day in days if lo <= day <= hi])
    if not found:
        return
    for name, bits, width in _COUNTED:
        if bits & changed:
            book_runs(name, runs_of([day for day in found if days[day] & bits], width), _EVERYBODY, book)
    ordered = [day for day in found if days[day] & ORDERED] if changed & (ORDERED | VISITED) else []
    visited = [day for day in found if days[day] & VISITED] if ordered else []
    if visited:
        for name, width in _CONVERTED:
            book_runs(name, both(runs_of(visited, width), runs_of(ordered, width)), _EVERYBODY, book)


def restate_people(before: Mapping[int, int], after: Mapping[int, int], book: Notebook) -> None:
    """C(after) - C(before), computed around the days and for the bits that changed."""
    changed = [day for day in before.keys() | after.keys() if before.get(day) != after.get(day)]
    if not changed:
        return
    bits = 0
    for day in changed:
        bits |= before.get(day, 0) ^ after.get(day, 0)
    lo, hi = min(changed) - LONGEST, max(changed) + LONGEST
    book.sign = -1
    book_people(before, book, lo, hi, bits)
    book.sign = 1
    book_people(after, book, lo, hi, bits)
