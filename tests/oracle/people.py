"""The oracle's people by the day: who did what on which local day, and day by day who counts in each window."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streams.core.model import Identifier, Touchpoint
from tests.oracle.book import Book, local_day

WINDOWS = {"24h": 1, "7d": 7, "28d": 28}
SITE_FAMILIES = ("search.", "navigation.", "element.")

Days = set[int]


def on_site(event: Touchpoint) -> bool:
    """Whether an event is of a person on web or app, as it happened."""
    return event.dimensions.channel in ("web", "app") and not event.batch


def navigated(event: Touchpoint) -> bool:
    """Whether the navigation was used, or something in it clicked."""
    clicked = event.type == "element.clicked" and bool(event.fields.get("nav_region"))
    return on_site(event) and (event.type == "navigation.used" or clicked)


def searched(event: Touchpoint) -> bool:
    """Whether the site's search was used."""
    return on_site(event) and event.type == "search.performed"


def within(days: Days, last: int, width: int) -> bool:
    """Whether one of the days is among the `width` that end with `last`."""
    return any(last - width < day <= last for day in days)


def book_stock(name: str, days: Days, book: Book, tags: dict[str, str]) -> None:
    """Books a stock that is one on these days: what each day is more or less than the one before."""
    for day in sorted(days):
        if day - 1 not in days:
            book.add_day(day, name, 1, tags)
        if day + 1 not in days:
            book.add_day(day + 1, name, -1, tags)


def book_people(done: Iterable[list[Touchpoint]], book: Book) -> None:
    """Books each person's days; `done` are all that each did themselves."""
    for events in done:
        days = {name: set[int]() for name in ("", "_searched", "_found", "_visited", "_ordered")}
        for event in events:
            day = local_day(event.at, book.zone)
            days[""].add(day)
            for name, holds in (
                ("_searched", searched(event)),
                ("_found", searched(event) or navigated(event)),
                ("_visited", on_site(event)),
                ("_ordered", event.type == "order.placed"),
            ):
                if holds:
                    days[name].add(day)
        for window, width in WINDOWS.items():
            span = range(min(days[""]), max(days[""]) + width + 1)
            counted = {name: {day for day in span if within(mine, day, width)} for name, mine in days.items()}
            counted["_converted"] = counted["_visited"] & counted.pop("_ordered")
            for name, when in counted.items():
                book_stock(f"users{name}_{window}", when, book, {})


def did(
    said: Iterable[Touchpoint], who: dict[Identifier, frozenset[Identifier]], is_own: Callable[[Touchpoint], bool]
) -> list[list[Touchpoint]]:
    """What each person did themselves, of everything that was said."""
    found: dict[frozenset[Identifier], list[Touchpoint]] = {}
    for event in said:
        if event.persons and is_own(event):
            found.setdefault(who[event.persons[0]], []).append(event)
    return list(found.values())
