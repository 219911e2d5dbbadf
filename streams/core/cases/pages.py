"""How long somebody looked at each page of a visit."""

from __future__ import annotations

from functools import lru_cache

from streams.core.cells import Notebook, Where
from streams.core.journey import CODES, Fact
from streams.core.policy import MINUTE

VIEWED, LEFT = CODES["page.viewed"], CODES["page.left"]
LONGEST_MS = 30 * MINUTE
"""Who looks at a page for longer has gone."""


@lru_cache(maxsize=1_024)
def _where_of(group: str) -> Where:
    return Where(("", f"|page_group={group}") if group else ("",))


class Pages:
    """The page views of a visit, taken in in their order."""

    __slots__ = ("_engaged", "_views")

    def __init__(self) -> None:
        self._views: list[Fact] = []
        self._engaged: list[tuple[Fact, int]] = []

    def add(self, fact: Fact) -> None:
        """Takes in a page that was viewed or left."""
        if fact.code == VIEWED:
            self._views.append(fact)
        else:
            engaged = fact.fields.get("engaged_ms")
            if isinstance(engaged, int):
                self._engaged.append((fact, engaged))

    def book(self, at: int, book: Notebook) -> None:
        """Books the time on each page that is known."""
        views = self._views
        told: dict[int, int] = {}
        for left, engaged in self._engaged:
            index = self._index_of(left)
            if index >= 0:
                told[index] = max(engaged, told.get(index, 0))
        for index, view in enumerate(views):
            engaged = told.get(index, -1)
            if engaged < 0:
                if index + 1 == len(views):
                    continue
                engaged = views[index + 1].at - view.at
            group = view.fields.get("page_group")
            book.measure("time_on_page", at, _where_of(group if isinstance(group, str) else ""), min(engaged, LONGEST_MS))

    def _index_of(self, left: Fact) -> int:
        """The view that ended: the one that is named, else the last one before; -1 for none."""
        name = left.fields.get("view_id")
        for index in range(len(self._views) - 1, -1, -1):
            view = self._views[index]
            if (view.fields.get("view_id") == name) if name else (view.at <= left.at):
                return index
        return -1
