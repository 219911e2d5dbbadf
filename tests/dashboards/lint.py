"""What a dashboard must have that is provisioned from a file; each rule gives sentences, none where all is well."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from grafana_foundation_sdk.models import units

from tests.dashboards.committed import Json, panels, used_variables

COLUMNS = 24
UNITS = {value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)}


def complaints(board: Json, datasource_uid: str) -> list[str]:
    """Everything that is wrong with it."""
    rules = (_identity, _sources, _askers, _words, _units, _variables, _links, _grid)
    return [f"{board['title']}: {sentence}" for rule in rules for sentence in rule(board, datasource_uid)]


def _identity(board: Json, _: str) -> Iterator[str]:
    if not board["uid"].startswith("journey-"):
        yield "its uid does not begin with journey-"
    if board.get("id") is not None:
        yield "it has an id, which is for the database to give"
    for number, count in Counter(panel["id"] for panel in board["panels"]).items():
        if count > 1 or number < 1:
            yield f"panel id {number} is there {count} times"
    for title, count in Counter(panel["title"] for panel in panels(board)).items():
        if count > 1:
            yield f"{count} panels are called {title}"


def _sources(board: Json, uid: str) -> Iterator[str]:
    for key in ("__inputs", "__requires"):
        if key in board:
            yield f"{key} is for imports by hand; provisioning never resolves it"
    if "${DS_" in json.dumps(board):
        yield "a data source is a placeholder"
    for panel in panels(board):
        refs = [target["refId"] for target in panel["targets"]]
        if not refs or len(set(refs)) < len(refs):
            yield f"{panel['title']} has queries {refs}"
        for where in (panel, *panel["targets"]):
            if where.get("datasource") != {"type": "prometheus", "uid": uid}:
                yield f"{panel['title']} asks {where.get('datasource')}"


def _askers(board: Json, uid: str) -> Iterator[str]:
    """Variables and alert marks."""
    variables = [one for one in board["templating"]["list"] if one["type"] == "query"]
    for where in (*board["annotations"]["list"], *variables):
        if where["datasource"]["uid"] != uid:
            yield f"{where['name']} asks {where['datasource']}"
    for mark in board["annotations"]["list"]:
        if mark["target"]["expr"] != mark["expr"] or mark["target"]["datasource"]["uid"] != uid:
            yield f"{mark['name']} has the target {mark['target']}"


def _words(board: Json, _: str) -> Iterator[str]:
    if not board.get("description"):
        yield "it has no description"
    for panel in panels(board):
        if not panel.get("title") or len(panel.get("description", "")) < 20:
            yield f"panel {panel['id']} has no title or no description"


def _units(board: Json, _: str) -> Iterator[str]:
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        found = [defaults.get("unit")]
        overridden = [one for override in panel["fieldConfig"]["overrides"] for one in override["properties"]]
        found += [one["value"] for one in overridden if one["id"] == "unit"]
        for unit in found:
            if unit not in UNITS:
                yield f"{panel['title']} has the unit {unit}"
        steps = defaults.get("thresholds", {}).get("steps", [])
        limits = [step["value"] for step in steps]
        if not steps or limits[0] is not None or limits[1:] != sorted(limits[1:]):
            yield f"{panel['title']} has the thresholds {limits}"


def _variables(board: Json, _: str) -> Iterator[str]:
    declared = [one["name"] for one in board["templating"]["list"]]
    if len(set(declared)) < len(declared):
        yield f"variables are declared twice: {declared}"
    body = {key: value for key, value in board.items() if key != "links"}
    used = used_variables(json.dumps(body, ensure_ascii=False))
    for name in used - set(declared):
        yield f"${name} is not declared"
    for name in set(declared) - used:
        yield f"${name} is not used"
    for one in board["templating"]["list"]:
        offered = [option["value"] for option in one.get("options", [])]
        if one["type"] == "custom" and (one["current"]["value"] not in offered or one["query"] != ",".join(offered)):
            yield f"${one['name']} offers {offered}"


def _links(board: Json, _: str) -> Iterator[str]:
    declared = {one["name"] for one in board["templating"]["list"]}
    for link in board["links"]:
        if not used_variables(link["url"]) <= declared:
            yield f"the link to {link['title']} passes on what is not declared"


def _grid(board: Json, _: str) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["w"] < 1 or place["h"] < 1 or place["x"] < 0 or place["x"] + place["w"] > COLUMNS:
            yield f"{panel['title']} lies beside the grid: {place}"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']} lies over {other}"
                    break
