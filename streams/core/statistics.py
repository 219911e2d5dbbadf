"""Statistics of counts: intervals, and the figures of a distribution that is kept in logarithmic buckets.

All intervals are two-sided at 95 %. Everything takes counts and gives floats; what has no value is None. Nothing
raises: counts that cannot be (negative ones, more successes than trials) are read as the nearest possible.

Sources: Wilson 1927 (shares); Byar's approximation to the exact Poisson interval, Rothman and Boice 1979 (rates);
Reichheld (NPS), its standard error as that of a mean of scores in {-1, 0, 1}; Masson, Rim and Lee 2019 (DDSketch);
Sauro and Lewis 2010 (the geometric mean of task times).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from streams.core.cells import RELATIVE_ERROR

Z = 1.959963984540054
"""The normal quantile of 97.5 %."""

GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_MIDDLE = 2 / (GAMMA + 1)
"""A bucket's upper bound times this is at most RELATIVE_ERROR away from every value in the bucket."""

Interval = tuple[float, float]


def wilson(successes: int, trials: int) -> Interval | None:
    """The Wilson score interval of a share; None without trials."""
    if trials <= 0:
        return None
    share = min(max(successes / trials, 0.0), 1.0)
    z2 = Z * Z / trials
    middle = (share + z2 / 2) / (1 + z2)
    half = Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials)) / (1 + z2)
    low = 0.0 if share == 0.0 else max(middle - half, 0.0)
    high = 1.0 if share == 1.0 else min(middle + half, 1.0)
    return low, high


def poisson(count: int) -> Interval:
    """The interval of a Poisson count's mean by Byar's approximation.

    From 5 events on it is within 1 % of the exact bounds. Below, the upper bound still is, while the lower one is too
    low: 0.013 for 0.025 at one event, 0.225 for 0.242 at two. Divide by the exposure for a rate.
    """
    events = max(count, 0)
    low = 0.0 if events == 0 else events * (1 - 1 / (9 * events) - Z / (3 * math.sqrt(events))) ** 3
    above = events + 1
    return low, above * (1 - 1 / (9 * above) + Z / (3 * math.sqrt(above))) ** 3


def net_promoter(promoters: int, detractors: int, answers: int) -> tuple[float, Interval] | None:
    """The score 100 * (p - d) and its interval by the standard error sqrt((p + d - (p - d)^2) / n), within -100 and 100.

    None without answers. Where all answers are alike the standard error is 0, and so is the interval's width.
    """
    if answers <= 0:
        return None
    share = (promoters - detractors) / answers
    variance = max((promoters + detractors) / answers - share * share, 0.0)
    half = 100 * Z * math.sqrt(variance / answers)
    score = 100 * share
    return score, (max(score - half, -100.0), min(score + half, 100.0))


class Stats(msgspec.Struct, frozen=True):
    """What is said about a distribution, in seconds; None where there is nothing to say.

    mean: exact. geometric_mean: of the values above zero, where the cells carry logarithms. p50, p90: at most 2 % of
    the value away from the value of rank floor(q * (n - 1)), counted from the least one.
    """

    mean: float | None = None
    geometric_mean: float | None = None
    p50: float | None = None
    p90: float | None = None


def describe(parts: Mapping[str, int], scale: float = 1.0, *, geometric: bool = False) -> tuple[int, float, Stats]:
    """The number of values, their sum in seconds and the figures of a distribution, times `scale`.

    parts: its cells by what follows the dot: `n`, `sum` (ms), `ln` (millionths), `z`, `p<k>`, `m<k>`, or `c<k>` of counts; one that is
        absent is 0. geometric: whether logarithms are kept, for the geometric mean.
    """
    n = parts.get("n", 0)
    total = parts.get("sum", 0) * scale / 1000
    if n <= 0:
        return 0, 0.0, Stats()
    buckets = sorted(_buckets(parts))
    positive = sum(amount for value, amount in buckets if value > 0)
    middle = math.exp(parts.get("ln", 0) / 1_000_000 / positive) if geometric and positive > 0 else None
    return n, total, Stats(total / n, middle, *(_scaled(quantile(buckets, q), scale) for q in (0.5, 0.9)))


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def quantile(buckets: Iterable[tuple[float, int]], q: float) -> float | None:
    """The value of rank floor(q * (n - 1)) among buckets of (value, amount), sorted by value; None without any."""
    filled = [(value, amount) for value, amount in buckets if amount > 0]
    rank = math.floor(q * (sum(amount for _, amount in filled) - 1))
    for value, amount in filled:
        if rank < amount:
            return value
        rank -= amount
    return None


def _buckets(parts: Mapping[str, int]) -> Iterable[tuple[float, int]]:
    for part, amount in parts.items():
        value = _value_of(part)
        if value is not None:
            yield value, amount


@lru_cache(maxsize=2_048)
def _value_of(part: str) -> float | None:
    """The value that a bucket stands for; None for a part that is no bucket."""
    if part == "z":
        return 0.0
    if part in {"n", "sum", "ln"}:
        return None
    if part[0] == "c":
        return float(part[1:])
    size = _MIDDLE * GAMMA ** int(part[1:])
    return size if part[0] == "p" else -size
