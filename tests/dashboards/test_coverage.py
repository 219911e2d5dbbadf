"""Coverage both ways: whatever a query asks for is served, and whatever is served has a panel."""

from __future__ import annotations

import re

import pytest
from prometheus_client.samples import Sample

from streams.core.catalogue import METRICS
from streams.dashboards import texts
from streams.dashboards.queries import METRIC
from tests.dashboards.committed import NAMES, choices, expressions, load, panels, put
from tests.dashboards.exposed import ALWAYS, exposed, selected, selectors, uncovered

PROMETHEUS_OWN = {"ALERTS", "up"}
NAMED = re.compile(r"\bjourney_\w+")
ASKED = {"namespace": ["shop"], **{name: [value] for name, value in ALWAYS.items()}}


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return exposed()


def everything() -> list[str]:
    return [expression for name in NAMES for expression in expressions(load(name))]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_asked_for_is_served(name: str, samples: list[Sample]) -> None:
    """For every choice of every variable: names, windows, stats, dimensions and labels."""
    board = load(name)
    wanted = {put(expression, chosen) for chosen in choices(board, ASKED) for expression in expressions(board)}
    asked = {(series, tuple(found)) for one in wanted for series, found in selectors(one)}
    assert {series for series, _ in asked} >= set(NAMED.findall("".join(wanted)))
    assert len(asked) > 10
    wrong = [
        (series, found) for series, found in asked if series not in PROMETHEUS_OWN and not selected(series, list(found), samples)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "expression",
    [
        'journey_rolling{metric="task_sucess_rate",window="1h",stat="value",task="checkout"}',
        'journey_rolling{metric="churn_rate",window="24h",stat="value"}',
        'journey_rolling{metric="visits",window="1h",stat="low"}',
        'journey_rolling_by{metric="visits",window="5m",stat="value",dimension="device"}',
        'journey_rolling_by{metric="csat",window="1h",stat="value",dimension="device"}',
        'journey_worker_records{outcome="decoded"}',
    ],
)
def test_what_is_not_served_is_found(expression: str, samples: list[Sample]) -> None:
    ((name, matchers),) = selectors(expression)
    assert not selected(name, matchers, samples)


def test_every_series_is_of_the_chosen_namespace() -> None:
    assert [
        one
        for one in everything()
        if one.count("{") != one.count('namespace="$namespace"') + one.count('namespace=~"$namespace|"')
    ] == []


def test_whatever_is_served_has_a_panel() -> None:
    assert uncovered(everything()) == set()


def test_a_new_metric_is_missed_until_it_has_a_panel() -> None:
    metrics, names = ["visits", "new_metric"], ["journey_worker_records_total", "journey_worker_new"]
    assert uncovered(everything(), metrics, names) == {"new_metric", "journey_worker_new"}
    panels_of_both = ['journey_rolling{metric="new_metric"}', "rate(journey_worker_new[5m])"]
    assert uncovered([*everything(), *panels_of_both], metrics, names) == set()


def test_units_and_definitions_are_the_catalogues() -> None:
    """Every panel whose first query is of a metric has that metric's unit and says its definition."""
    seen = set()
    for panel in (panel for name in NAMES for panel in panels(load(name))):
        asked = [value for _, found in selectors(panel["targets"][0]["expr"]) for label, _, value in found if label == "metric"]
        if not asked or panel["type"] == "state-timeline":
            continue
        metric = METRIC[asked[0]]
        seen.add(metric.name)
        assert metric.definition in panel["description"], panel["title"]
        counts = panel["type"] == "bargauge"  # the counts that a share is made of

        assert panel["fieldConfig"]["defaults"]["unit"] == ("short" if counts else texts.unit(metric)), panel["title"]
    assert seen == {metric.name for metric in METRICS}
