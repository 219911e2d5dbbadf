"""What `explain` finds behind a figure adds up to the figure: over a simulated shop, for every metric of the catalogue."""

from __future__ import annotations

import asyncio
import random
from typing import cast

import pytest

from streams.core.catalogue import METRICS
from streams.core.definitions import MEANING_DIGITS, definitions_digest
from streams.core.metric import Kind, Metric
from streams.core.metrics import Value
from streams.core.model import Record
from streams.core.policy import DAY, Policy, TopicPolicy
from streams.core.windows import WindowName
from streams.explain.answer import Answer, NoFigureError, OtherDefinitionsError, Question, answer
from streams.explain.changes import Change, changes
from streams.export.reader import read_values
from streams.fold import Folded, fold_records, in_event_time
from streams.simulate import simulate
from streams.store.memory import MemoryStore

SEED = 7
UNSEALED = Policy(allowance_ms=400 * DAY)
"""Nothing is ever sealed, so everything that counts can be found."""
EXPLAINED = [metric for metric in METRICS if metric.kind is not Kind.PREDICTED]
"""A prediction is made of other figures, which are explained themselves."""
TOPIC = TopicPolicy("files", "cloudevents")


def folded(policy: Policy) -> Folded:
    simulation = simulate(60, 1_500, SEED, 0.05, 0.05, 0.05)
    records = [Record(0, 0, one.value) for one in simulation]
    return asyncio.run(fold_records(in_event_time(records, TOPIC, policy), TOPIC, policy))


@pytest.fixture(scope="module")
def shop() -> MemoryStore:
    return folded(UNSEALED).store


def ask(store: MemoryStore, question: Question, policy: Policy = UNSEALED) -> Answer:
    return asyncio.run(answer(store, policy, question, lambda _: None))


def values(store: MemoryStore, metric: Metric, window: WindowName, policy: Policy = UNSEALED) -> list[Value]:
    return asyncio.run(read_values(store, policy, windows=[window], metrics=[metric.name])).values


@pytest.mark.parametrize("metric", EXPLAINED, ids=lambda metric: metric.name)
def test_the_parts_add_up_to_the_figure(shop: MemoryStore, metric: Metric) -> None:
    chance = random.Random(f"{SEED} {metric.name}")
    for window in metric.windows:
        found = values(shop, metric, window)
        for value in chance.sample(found, min(3, len(found))):
            told = ask(shop, Question(metric, window, value.dimensions, limit=5))
            shared = bool(value.dimensions) and value.dimensions[-1][0] in metric.whole
            assert told.now == value
            assert told.found[0] == pytest.approx(value.numerator, abs=1e-4), (window, value)
            if not shared:  # the others share their denominator, to which parts of this value add nothing
                assert told.found[1] == value.n, (window, value)
            assert len(told.behind) == min(5, told.count)
            if metric.kind is Kind.COUNT:
                assert told.count == value.value


def test_behind_an_abandonment_are_the_attempts_given_up(shop: MemoryStore) -> None:
    metric = next(metric for metric in METRICS if metric.name == "task_abandonment_rate")
    for task in ("cart", "checkout"):
        told = ask(shop, Question(metric, "all", (("task", task),), limit=10_000))
        assert told.now.numerator == told.count == len(told.behind) > 0
        for one in told.behind:
            assert (one.part.kind, one.part.case, one.part.outcome) == ("attempt", task, "abandoned")
            assert one.part.last_step
        rest = ask(shop, Question(metric, "all", (("task", task),), rest=True, limit=0))
        assert rest.count == cast("int", told.now.denominator) - told.count
        assert not rest.behind


def test_the_largest_come_first(shop: MemoryStore) -> None:
    metric = next(metric for metric in METRICS if metric.name == "hold_seconds")
    told = ask(shop, Question(metric, "all", (), limit=10_000))
    sizes = [one.numerator for one in told.behind]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == pytest.approx(told.now.numerator)
    assert [one.numerator for one in ask(shop, Question(metric, "all", (), limit=3)).behind] == sizes[:3]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_changes_by_a_dimension_add_up_to_the_change(shop: MemoryStore, metric: Metric) -> None:
    for window in [window for window in metric.windows if window != "all"]:
        for value in values(shop, metric, window):
            always = value.dimensions[:1] if metric.always else ()
            if value.dimensions != always:
                continue
            told = ask(shop, Question(metric, window, always, limit=0))
            if told.before is None:  # there was no such task or currency then
                assert metric.always
                continue
            assert told.before.moment < told.now.moment
            for dimension in metric.dimensions:
                added = [change.adds for change in told.changes if change.dimension == dimension]
                figures = (mean(told.before), mean(told.now))
                if added and None not in added and None not in figures:
                    scale = metric.scale * {Kind.RATE: 100, Kind.DENSITY: 1_000, Kind.SCORE: 100}.get(metric.kind, 1)
                    change = scale * (cast("float", figures[1]) - cast("float", figures[0]))
                    assert sum(map(float, cast("list[float]", added))) == pytest.approx(change, abs=1e-6), (window, dimension)


def mean(value: Value) -> float | None:
    if value.denominator is None:
        return float(value.numerator)
    return value.numerator / value.denominator if value.denominator else None


def side(dims: tuple[tuple[str, str], ...], numerator: int, denominator: int) -> Value:
    share = numerator / denominator
    return Value(
        metric="bounce_rate",
        window="1h",
        moment=0,
        dimensions=dims,
        value=share,
        numerator=numerator,
        denominator=denominator,
        n=denominator,
        low=0.0,
        high=1.0,
        stats=None,
        unit="ratio",
        definition=1,
    )


def test_a_part_adds_for_its_figure_and_for_its_weight() -> None:
    """By hand: 10 of 100 before, 30 of 100 now. Mobile went from 4 of 40 to 24 of 40, desktop and the one without a device stood still."""
    metric = next(metric for metric in METRICS if metric.name == "bounce_rate")
    mobile, desktop = (("device", "mobile"),), (("device", "desktop"),)
    before = [side((), 10, 100), side(mobile, 4, 40), side(desktop, 5, 50)]
    now = [side((), 30, 100), side(mobile, 24, 40), side(desktop, 5, 50)]
    found = {change.part: change for change in changes(metric, (), before, now)}
    assert found["mobile"] == Change("device", "mobile", (4, 40), (24, 40), 0.2)
    assert found["desktop"] == Change("device", "desktop", (5, 50), (5, 50), 0.0)
    assert found[""] == Change("device", "", (1, 10), (1, 10), 0.0)


def test_what_is_sealed_is_said_to_be_missing() -> None:
    policy = Policy(allowance_ms=12 * DAY)
    store = folded(policy).store
    metric = next(metric for metric in METRICS if metric.name == "visits")
    told = ask(store, Question(metric, "all", (), limit=0), policy)
    assert 0 < told.found[1] < told.now.n
    assert told.count == told.found[1]


def test_no_figure_and_other_settings_are_told_apart(shop: MemoryStore) -> None:
    metric = next(metric for metric in METRICS if metric.name == "visits")
    with pytest.raises(NoFigureError):
        ask(MemoryStore(), Question(metric, "1h", ()))
    with pytest.raises(NoFigureError):
        ask(shop, Question(metric, "1h", (), at=0))
    with pytest.raises(NoFigureError):
        ask(shop, Question(metric, "1h", (("device", "toaster"),)))
    other = Policy(allowance_ms=399 * DAY)
    assert definitions_digest(other, [])[:MEANING_DIGITS] != definitions_digest(UNSEALED, [])[:MEANING_DIGITS]
    with pytest.raises(OtherDefinitionsError):
        ask(shop, Question(metric, "1h", ()), other)
