"""How somebody looked for what they came for in a visit, and what did not do what it seemed to."""

from __future__ import annotations

from streams.core.cells import Notebook, Where
from streams.core.journey import CODES, Fact

_SEARCHED, _NAVIGATED, CLICKED = (CODES[name] for name in ("search.performed", "navigation.used", "element.clicked"))
WAYS = frozenset((_SEARCHED, _NAVIGATED, CLICKED))
RAGE_MS = 1_000
"""Three clicks on one element within this are a rage click; further ones of the same run are part of it."""
_LONG_AGO = -(1 << 62)


class Ways:
    """What a visit's searches, clicks and uses of the navigation come to; facts are taken in in their order."""

    __slots__ = ("_clicks", "clicked", "dead_clicks", "navigations", "rage_clicks", "searches", "zero_results")

    def __init__(self) -> None:
        self.clicked = False
        self.searches = self.zero_results = self.navigations = self.rage_clicks = self.dead_clicks = 0
        # Element -> its last two clicks, and whether the last one was part of a rage click.
        self._clicks: dict[str, tuple[int, int, bool]] = {}

    def add(self, fact: Fact) -> None:
        """Takes in a fact whose code is one of WAYS."""
        if fact.code == _SEARCHED:
            self.searches += 1
            if fact.fields.get("results") == 0:
                self.zero_results += 1
        elif fact.code == _NAVIGATED:
            self.navigations += 1
        else:
            self._click(fact)

    def _click(self, fact: Fact) -> None:
        self.clicked = True
        fields = fact.fields
        if fields.get("nav_region"):
            self.navigations += 1
        if fields.get("dead") is True:
            self.dead_clicks += 1
        element = fields.get("element")
        if not isinstance(element, str):
            return
        before, last, raging = self._clicks.get(element, (_LONG_AGO, _LONG_AGO, False))
        rages = fact.at - before <= RAGE_MS
        if rages and not raging:
            self.rage_clicks += 1
        self._clicks[element] = (last, fact.at, rages)

    def book(self, at: int, where: Where, book: Notebook) -> None:
        """Books all of it, where there is any."""
        for name, n in (
            ("visit_searches", self.searches),
            ("visit_zero_results", self.zero_results),
            ("visit_navigations", self.navigations),
            ("visit_rage_clicks", self.rage_clicks),
            ("visit_dead_clicks", self.dead_clicks),
        ):
            if n:
                book.count(name, at, where, n)
