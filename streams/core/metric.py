"""What a metric is, as data (`catalogue` has them all)."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from streams.core.windows import WINDOWS, WindowName

Unit = Literal["ratio", "count", "seconds", "score", "money", "pages", "number"]


class Kind(enum.StrEnum):
    """How a metric is read from its cells, and which interval it has."""

    COUNT = "count"  # a flow over the window; no interval
    STOCK = "stock"  # what is there at the window's end, whichever window; no interval
    SHARE = "share"  # numerator of denominator; Wilson
    RATIO = "ratio"  # numerator over denominator; no interval
    DENSITY = "density"  # events per 1,000 of a stock at the window's end; Poisson
    RATE = "rate"  # events per 100 of the denominator; Poisson
    SCORE = "score"  # 100 * numerator / denominator, as NPS; its standard error
    MONEY = "money"  # a flow in 1/10,000 of a currency's unit; no interval
    AMOUNT = "amount"  # money per denominator; no interval
    DISTRIBUTION = "distribution"  # stats instead of a value
    OLDEST = "oldest"  # for how long the oldest of a stock has been there; no interval
    STANDING = "standing"  # a stock, of another at the same time; Wilson
    CHURN = "churn"  # a stock at the window's end, of another at its start; Wilson
    RETENTION = "retention"  # the rest of a churn; Wilson
    PREDICTED = "predicted"  # what a customer will bring in, of revenue, customers and churn of the window; no interval


COUNTED = frozenset({Kind.COUNT, Kind.STOCK, Kind.OLDEST})
"""Their value is no estimate from a sample, and it is zero where nothing is."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric.

    numerator: cells added up, those with a leading minus taken off; `{window}` in a name stands for the window.
    denominator: a cell or a part of one, or none, likewise. stock: a distribution of what is there at the window's end. scale: what a ratio is multiplied by. dimensions: of its breakdowns, one at a time. always: the dimension that every value of
    it has (task, currency). whole: dimensions whose breakdowns share the total's denominator. geometric: whether a
    distribution has a geometric mean. definition, version and source: what it means and who says so.
    """

    name: str
    unit: Unit
    kind: Kind
    numerator: tuple[str, ...]
    denominator: str = ""
    dimensions: tuple[str, ...]
    definition: str
    source: str = "this project"
    version: int = 1
    always: str = ""
    whole: tuple[str, ...] = ()
    windows: tuple[WindowName, ...] = WINDOWS
    geometric: bool = False
    scale: float = 1.0
    stock: bool = False

    def base(self, window: WindowName) -> str:
        """The denominator in a window."""
        return self.denominator.format(window=window)

    def cells(self) -> tuple[str, ...]:
        """The names of the cells it is read from, over all its windows."""
        terms = [term.lstrip("-").format(window=window) for term in self.numerator for window in self.windows]
        bases = [self.base(window) for window in self.windows]
        return tuple(dict.fromkeys(name.partition(".")[0] for name in (*terms, *bases) if name))
