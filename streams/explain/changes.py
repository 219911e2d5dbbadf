"""What changed between two windows, by dimension, so that the parts add up to the change of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from streams.core.fields import Dims
from streams.core.metric import Kind, Metric
from streams.core.metrics import Number, Value

_PER = {Kind.RATE: 100.0, Kind.DENSITY: 1_000.0, Kind.SCORE: 100.0}


Side = tuple[Number, int | None]
"""(numerator, denominator); no denominator for counts."""


class Change(msgspec.Struct, frozen=True):
    """One value of one dimension, before and now.

    part: the dimension's value, empty for whatever has none. adds: how much of the change of the whole this is, in its unit; None where one of the windows has no value.
    """

    dimension: str
    part: str
    before: Side
    now: Side
    adds: float | None


def changes(metric: Metric, always: Dims, before: Iterable[Value], now: Iterable[Value]) -> list[Change]:
    """The changes by each of a metric's dimensions, the largest first within each.

    For a figure that is a share, a rate or a mean, a part adds weight x (its figure - the whole's figure before), now less
    before: its weight is its share of the denominator. Over one dimension that adds up to the change of the whole, and says of
    a part both that it got worse and that it got more. Where a dimension shares the denominator of the whole, a part adds
    what its own figure did.
    """
    was, is_ = ({value.dimensions: (value.numerator, value.denominator) for value in values} for values in (before, now))
    if always not in was or always not in is_ or metric.kind is Kind.PREDICTED:  # which is no share of anything
        return []
    whole = was[always], is_[always]
    found: list[Change] = []
    for dimension in metric.dimensions:
        shared = dimension in metric.whole
        known = {dims[-1] for dims in (*was, *is_) if dims[:-1] == always and dims and dims[-1][0] == dimension}
        sides = {pair[1]: (_of(was, (*always, pair), whole[0]), _of(is_, (*always, pair), whole[1])) for pair in known}
        if not sides:
            continue
        rest = tuple(_rest(whole[side], [both[side] for both in sides.values()], shared=shared) for side in (0, 1))
        if any(map(any, rest)):
            sides[""] = rest[0], rest[1]
        listed = [Change(dimension, part, *both, _adds(metric, whole, both, shared=shared)) for part, both in sides.items()]
        found += sorted(listed, key=lambda change: (-abs(change.adds or 0), change.part))
    return found


def _of(sides: Mapping[Dims, Side], dims: Dims, whole: Side) -> Side:
    return sides.get(dims, (0, None if whole[1] is None else 0))


def _rest(whole: Side, parts: Sequence[Side], *, shared: bool) -> Side:
    """What no part has."""
    left = round(whole[0] - sum(part[0] for part in parts), 6)
    if whole[1] is None:
        return left, None
    return left, 0 if shared else whole[1] - sum(part[1] or 0 for part in parts)


def _adds(metric: Metric, whole: tuple[Side, Side], both: tuple[Side, Side], *, shared: bool) -> float | None:
    (before, all_before), (_, all_now) = whole
    if all_before is None or all_now is None:
        return float(both[1][0] - both[0][0])
    if not all_before or not all_now:
        return None
    scale = metric.scale * _PER.get(metric.kind, 1.0)
    level = 0.0 if shared else before / all_before
    was, is_ = ((numerator - level * (denominator or 0)) for numerator, denominator in both)
    return scale * (is_ / all_now - was / all_before)
