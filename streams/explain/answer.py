"""What is behind one figure: the window before, what changed by dimension, and the journeys that it is made of.

The journeys are read one after the other, so a namespace that is written to meanwhile gives some of them as they are a
little later than the figure.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

import msgspec

from streams.core.definitions import MEANING_DIGITS, definitions_digest
from streams.core.fields import CELLS, Dims, spell
from streams.core.journey import Journey, by_instant, decode
from streams.core.metric import Kind, Metric
from streams.core.metrics import Number, Span, Value, summed, table_of, values_of
from streams.core.model import Bucket, JourneyId, Rows
from streams.core.policy import DAY, HOUR, MINUTE, Policy
from streams.core.windows import WindowName
from streams.explain.changes import Change, changes
from streams.explain.parts import Dissection, Part
from streams.export.reader import read_values
from streams.store.base import Store

_LENGTHS: Mapping[WindowName, int] = {"5m": 5 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}
"""How long before a window the one that it is compared with ends."""
STEP = 500
"""Progress is told after so many journeys."""
Progress = Callable[[int], None]


class Question(msgspec.Struct, frozen=True):
    """Which figure: a metric over a window that ends at `at` (ms; None: the watermark), for one combination of dimensions.

    rest: asks for those that only the denominator has, such as the promises that were not kept. limit: of the parts told.
    """

    metric: Metric
    window: WindowName
    dimensions: Dims
    at: int | None = None
    rest: bool = False
    limit: int = 20


class Behind(msgspec.Struct, frozen=True):
    """A part that the figure is made of, and what it adds to its numerator and denominator."""

    part: Part
    numerator: Number
    denominator: int | None


class Answer(msgspec.Struct, frozen=True):
    """before: None where there is no window before, or it is further back than buckets are kept. behind: the largest first,
    then the latest. found: what all parts that are still there add up to, as the figure's numerator and n; what is missing has
    been sealed. count: how many parts asked for there are, of which `behind` has as many as were asked for.
    """

    now: Value
    before: Value | None
    changes: list[Change]
    behind: list[Behind]
    count: int
    found: tuple[Number, int]


class NoFigureError(LookupError):
    """There is nothing to explain: no watermark yet, too far back, or no such combination of dimensions."""


class OtherDefinitionsError(RuntimeError):
    """The namespace was filled with other settings than those that journeys would be taken apart with."""


async def answer(store: Store, policy: Policy, question: Question, progress: Progress) -> Answer:
    """Explains a figure. Raises NoFigureError, OtherDefinitionsError, MovingError and what the store raises."""
    stored = await store.definitions()
    if stored is not None and stored[:MEANING_DIGITS] != definitions_digest(policy, [])[:MEANING_DIGITS]:
        raise OtherDefinitionsError
    metric, window = question.metric, question.window
    reading = await read_values(store, policy, windows=[window], metrics=[metric.name], at=question.at)
    now = next((value for value in reading.values if value.dimensions == question.dimensions), None)
    if reading.as_of is None or now is None:
        raise NoFigureError
    always = question.dimensions[:1] if metric.always else ()
    earlier: list[Value] = []
    if window in _LENGTHS:
        at = reading.as_of - _LENGTHS[window]
        earlier = (await read_values(store, policy, windows=[window], metrics=[metric.name], at=at)).values
    before = next((value for value in earlier if value.dimensions == question.dimensions), None)
    listed = changes(metric, always, earlier, reading.values) if question.dimensions == always else []
    behind = _Behind(question, policy, reading.watermark, reading.as_of)
    seen: set[JourneyId] = set()
    async for found, blob in store.journeys():
        if found not in seen:
            seen.add(found)
            behind.look_at(decode(blob))
            if len(seen) % STEP == 0:
                progress(len(seen))
    return Answer(now, before, listed, behind.largest(), behind.count, (_plain(behind.numerator), behind.n))


class _Behind:
    """What of the journeys looked at is behind a figure: `count` parts, of which the largest are kept, and what all add up to."""

    def __init__(self, question: Question, policy: Policy, watermark: int, moment: int) -> None:
        self._question = question
        self._watermark = watermark
        self._scale = _Scale(question, policy, watermark, moment)
        self._dissection = Dissection(policy, frozenset(CELLS[name].row for name in question.metric.cells()))
        self._kept: list[tuple[float, int, bytes, str, int, Behind]] = []
        self.count = 0
        self.numerator: Number = 0
        self.n = 0

    def look_at(self, journey: Journey) -> None:
        """Takes in a journey's parts."""
        for part in self._dissection.parts(journey):
            value = self._scale.value(part.book.buckets(self._watermark))
            if value is None:
                continue
            if self._question.metric.kind is Kind.OLDEST:
                self.numerator = max(self.numerator, value.numerator)
            else:
                self.numerator += value.numerator
            self.n += value.n
            if _asked(value, self._question):
                self.count += 1
                last = by_instant(part.facts[-1]) if part.facts else (-1, b"")
                size = abs(float(value.numerator))
                behind = Behind(part, value.numerator, value.denominator)
                heapq.heappush(self._kept, (size, *last, part.journey + part.kind + part.case, -self.count, behind))
                if len(self._kept) > self._question.limit:
                    heapq.heappop(self._kept)

    def largest(self) -> list[Behind]:
        """The largest first, then the latest."""
        return [entry[-1] for entry in sorted(self._kept, key=lambda entry: entry[:-1], reverse=True)]


def _asked(value: Value, question: Question) -> bool:
    """Whether a part is among those asked for."""
    if question.rest:
        return not value.numerator and bool(value.denominator)
    return bool(value.n) if question.metric.kind in {Kind.DISTRIBUTION, Kind.OLDEST} else bool(value.numerator)


def _plain(number: float) -> Number:
    return int(number) if number == int(number) else round(number, 6)


class _Scale:
    """What cells add to the figure of a question."""

    def __init__(self, question: Question, policy: Policy, watermark: int, moment: int) -> None:
        self._question = question
        self._policy = policy
        self._moment = moment
        sums = summed(watermark, policy, [question.window], [question.metric.name], question.at)
        self._signs: dict[Span, dict[Bucket, int]] = {
            span: {**dict.fromkeys(one.plan.add, 1), **dict.fromkeys(one.plan.subtract, -1)} for span, one in sums.items()
        }

    def value(self, cells: Mapping[Bucket, Rows]) -> Value | None:
        """The figure of these cells alone; None where they have no part in it."""
        question = self._question
        tables = {}
        for span, signs in self._signs.items():
            figures: dict[str, int] = {}
            for bucket, rows in cells.items():
                sign = signs.get(bucket, 0)
                if sign:
                    for field, n in spell(rows).items():
                        figures[field] = figures.get(field, 0) + sign * n
            tables[span] = table_of({field: n for field, n in figures.items() if n})
        if not any(tables.values()):
            return None
        values = values_of(tables, self._moment, self._policy, [question.window], [question.metric.name])
        found = next((value for value in values if value.dimensions == question.dimensions), None)
        return found if found is not None and (found.numerator or found.denominator or found.n) else None
