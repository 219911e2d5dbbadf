"""The dashboards against the lint, and the lint against dashboards that each have one thing wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import yaml

from tests.dashboards.committed import GRAFANA, NAMES, Json, datasource_uid, expressions, load, panels
from tests.dashboards.lint import complaints


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_complain_about(name: str) -> None:
    assert complaints(load(name), datasource_uid()) == []


def test_uids_differ_and_links_lead_somewhere() -> None:
    boards = [load(name) for name in NAMES]
    uids = {board["uid"] for board in boards}
    assert len(uids) == len(boards) == 7
    for board in boards:
        leading = {link["url"].removeprefix("/d/").partition("?")[0] for link in board["links"]}
        assert leading == uids - {board["uid"]}


def test_cards_lead_to_the_dashboard_that_has_more_of_the_metric() -> None:
    boards = {board["uid"]: "".join(expressions(board)) for board in map(load, NAMES)}
    cards = [panel for panel in panels(load("overview")) if any(link["title"] == "Details" for link in panel.get("links", []))]
    assert len(cards) > 10
    for panel in cards:
        (url,) = (link["url"] for link in panel["links"] if link["title"] == "Details")
        assert panel["targets"][0]["expr"] in boards[url.removeprefix("/d/").partition("?")[0]], panel["title"]


def test_a_link_passes_on_only_what_the_other_one_offers_too() -> None:
    boards = {board["uid"]: board for board in map(load, NAMES)}
    for board in boards.values():
        mine = {one["name"]: one["query"] for one in board["templating"]["list"]}
        for link in board["links"]:
            uid, _, passed = link["url"].removeprefix("/d/").partition("?")
            theirs = {one["name"]: one["query"] for one in boards[uid]["templating"]["list"]}
            names = [one.strip("${}").partition(":")[0] for one in passed.split("&") if one]
            assert names == [name for name in mine if theirs.get(name) == mine[name]]


def _first(board: Json) -> Json:
    return panels(board)[0]


def _pop(key: str, of: Callable[[Json], Json]) -> Callable[[Json], object]:
    return lambda board: of(board).pop(key)


def _set(key: str, value: object, of: Callable[[Json], Json]) -> Callable[[Json], object]:
    return lambda board: of(board).__setitem__(key, value)


def _defaults(board: Json) -> Json:
    found: Json = _first(board)["fieldConfig"]["defaults"]
    return found


BROKEN: dict[str, Callable[[Json], object]] = {
    "panel id": _set("id", 2, lambda board: panels(board)[3]),
    "are called": _set("title", "Alerts", _first),
    "__inputs": _set("__inputs", [], lambda board: board),
    "placeholder": _set("description", "${DS_PROMETHEUS}", _first),
    "asks": _set("datasource", {"type": "prometheus", "uid": "other"}, lambda board: _first(board)["targets"][0]),
    "has the target": _set("expr", "up", lambda board: board["annotations"]["list"][0]["target"]),
    "has queries": _set("refId", "B", lambda board: _first(board)["targets"][0]),
    "no description": _pop("description", lambda board: board),
    "no title or no description": _pop("description", _first),
    "has the unit": _set("unit", "secs", _defaults),
    "has the thresholds": _pop("thresholds", _defaults),
    "is not declared": _set("expr", "x{y='$nobody'}", lambda board: _first(board)["targets"][0]),
    "is not used": _set("name", "nobody", lambda board: board["templating"]["list"][0]),
    "offers": _set("query", "1h,2h", lambda board: board["templating"]["list"][1]),
    "passes on": _set("url", "/d/journey-tasks?${nobody:queryparam}", lambda board: board["links"][0]),
    "beside the grid": _set("x", 20, lambda board: _first(board)["gridPos"]),
    "lies over": _set("y", 2, lambda board: panels(board)[-1]["gridPos"]),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_one_thing_wrong_is_found(sentence: str) -> None:
    board = copy.deepcopy(load("overview"))
    BROKEN[sentence](board)
    assert any(sentence in found for found in complaints(board, datasource_uid()))


def test_grafana_finds_the_files() -> None:
    (path,) = (GRAFANA / "provisioning" / "dashboards").glob("*.yaml")
    (provider,) = yaml.safe_load(path.read_text("utf-8"))["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    (path,) = (GRAFANA / "provisioning" / "datasources").glob("*.yaml")
    (source,) = yaml.safe_load(path.read_text("utf-8"))["datasources"]
    assert (source["type"], source["uid"], source["url"]) == ("prometheus", "journey-prometheus", "http://prometheus:9090")
