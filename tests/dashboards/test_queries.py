"""Every query of every panel on a real Prometheus, over what a simulated shop would have shown it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping

import pytest

from streams.core.catalogue import METRICS, Kind
from streams.core.statistics import wilson
from streams.dashboards import queries
from streams.dashboards.judgement import judgement
from streams.drill.servers import Prometheus, Series, prometheus
from streams.export.reader import Reading
from tests.dashboards.committed import NAMES, Json, choices, expressions, load, panels, put
from tests.dashboards.exposed import selectors
from tests.dashboards.seeded import HOURS, MOMENTS, NOW, STEP, figures, seed

SPARSE = {
    *("csat", "nps", "ces_mean", "ces_easy_share", "sus_score", "review_rating", "survey_response_rate"),
    *("damage_rate", "return_rate", "resolution_seconds"),
    *(f"message_{what}_rate" for what in ("open", "click", "bounce", "complaint", "unsubscribe")),
}
"""A small shop does not get answers every day: no sample a day or a week ago, or too few for a breakdown. Over 28 days it does."""

TOO_LATE = '"referral_conversion_rate"'
"""Settled 90 days after a referral, which is longer than the shop of these tests is open."""


@pytest.fixture(scope="module")
def steps() -> list[Reading]:
    return asyncio.run(figures())


@pytest.fixture(scope="module")
def server(steps: list[Reading], monitoring: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    del monitoring
    with prometheus(seed(steps, tmp_path_factory.mktemp("seeded"))) as running:
        yield running


@pytest.fixture(scope="module")
def asked(server: Prometheus) -> dict[str, list[str]]:
    """What Grafana would offer where it asks for a label's values."""
    found = {}
    for name in ("namespace", "task", "currency"):
        series = server.query(f"count by ({name}) (journey_rolling)", NOW / 1000)
        found[name] = sorted(one.labels[name] for one in series if name in one.labels)
    return found


def answer(server: Prometheus, target: Json, values: Mapping[str, str]) -> list[Series]:
    """What the panel gets: at the end of the time range, or every quarter of an hour within it."""
    expression = put(target["expr"], values)
    if target["instant"]:
        return server.query(expression, NOW / 1000)
    return server.query_range(expression, (NOW - 3_600_000) / 1000, NOW / 1000, STEP / 1000)


def empty(series: list[Series]) -> bool:
    return not any(math.isfinite(value) for one in series for _, value in one.points)


def sparse(expression: str) -> bool:
    return any(matcher[2] in SPARSE for _, found in selectors(expression) for matcher in found if matcher[0] == "metric")


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_something_to_show(name: str, server: Prometheus, asked: dict[str, list[str]]) -> None:
    board = load(name)
    chosen = {**next(choices(board, asked)), "least": "10"}  # a day of so small a shop has few values with more
    longest = {**chosen, "window": "28d", "by_window": "28d", "least": "3"}
    nothing = []
    for panel in panels(board):
        for target in panel["targets"]:
            days = longest if sparse(target["expr"]) else chosen
            if TOO_LATE not in target["expr"] and empty(answer(server, target, days)):
                nothing.append((panel["title"], put(target["expr"], days)))
    assert nothing == []


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_chosen_prometheus_answers(name: str, server: Prometheus, asked: dict[str, list[str]]) -> None:
    board = load(name)
    wanted = {put(expression, chosen) for chosen in choices(board, asked) for expression in expressions(board)}
    for expression in wanted:
        server.query(expression, NOW / 1000)


def test_cards_show_what_the_exporter_read(server: Prometheus, steps: list[Reading], asked: dict[str, list[str]]) -> None:
    """Every metric of the catalogue, now and a week ago, although the exporter has moved since."""
    chosen = {**next(choices(load("overview"), asked)), "currency": "EUR", "week": "1"}
    compared = 0
    for metric in METRICS:
        window = put(queries.window(metric), chosen)
        for reading, offset in ((steps[-1], ""), (steps[MOMENTS.index(HOURS[0])], queries.WEEK)):
            dimensions = ((metric.always, chosen[metric.always]),) if metric.always else ()
            (value,) = [
                one for one in reading.values if (one.metric, one.window, one.dimensions) == (metric.name, window, dimensions)
            ]
            expected = value.stats.p50 if value.stats else value.value
            stat = queries.centre(metric)
            found = server.query(put(queries.rolling(metric, stat, offset=offset), chosen), NOW / 1000)
            assert [one.points[0][1] for one in found] == ([] if expected is None else [pytest.approx(expected)]), metric.name
            compared += expected is not None
    assert compared > 1.5 * len(METRICS)


def test_intervals_of_breakdowns_are_wilsons(server: Prometheus, asked: dict[str, list[str]]) -> None:
    chosen = next(choices(load("tasks"), asked))
    metric = queries.METRIC["task_abandonment_rate"]
    assert metric.kind is Kind.SHARE

    def ask(expression: str) -> dict[str, float]:
        return {one.labels["value"]: one.points[0][1] for one in server.query(put(expression, chosen), NOW / 1000)}

    n, share = ask(queries.by(metric, "n", "$dimension")), ask(queries.by(metric, "value", "$dimension"))
    low, high = (ask(queries.wilson(metric, "$dimension", sign)) for sign in "-+")
    assert len(share) > 2
    for value, part in share.items():
        expected = wilson(round(part * n[value]), round(n[value]))
        assert expected is not None
        assert [low[value], high[value]] == pytest.approx(expected, abs=1e-5)


def test_small_samples_draw_no_line(server: Prometheus, asked: dict[str, list[str]]) -> None:
    chosen = next(choices(load("tasks"), asked))
    metric = queries.METRIC["task_abandonment_rate"]
    n = server.query(put(queries.by(metric, "n", "$dimension"), chosen), NOW / 1000)
    sizes = {one.labels["value"]: one.points[0][1] for one in n}
    least = sorted(sizes.values())[1]
    drawn = server.query(put(queries.by_at_least(metric, "$dimension"), {**chosen, "least": f"{least:.0f}"}), NOW / 1000)
    assert {one.labels["value"] for one in drawn} == {value for value, size in sizes.items() if size >= least} != set(sizes)


def test_a_verdict_is_given_only_where_intervals_do_not_touch(server: Prometheus, asked: dict[str, list[str]]) -> None:
    chosen = {**next(choices(load("overview"), asked)), "week": "1"}
    seen = set()
    for metric in METRICS:
        if not queries.has_interval(metric):
            continue
        better = judgement(metric).better
        bounds = [
            server.query(put(queries.rolling(metric, stat, offset=offset), chosen), NOW / 1000)
            for offset in ("", queries.WEEK)
            for stat in ("low", "high")
        ]
        verdict = server.query(put(queries.verdict(metric, better), chosen), NOW / 1000)
        if not all(bounds):
            assert verdict == []
            continue
        low, high, low_then, high_then = (one[0].points[0][1] for one in bounds)
        expected = better * ((low > high_then) - (high < low_then))
        assert [one.points[0][1] for one in verdict] == [expected], metric.name
        seen.add(expected)
    assert 0 in seen
    assert len(seen) > 1
