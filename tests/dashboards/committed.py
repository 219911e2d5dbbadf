"""The committed dashboards as the tests look at them: panels, queries, and variables put in place of their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
NAMES = [path.stem for path in FILES]

Json = dict[str, Any]

_VARIABLE = re.compile(r"\$\{?([a-z_]+)\b")
_BUILT_IN = re.compile(r"\$__\w+|\$\{__[^}]*\}")


def load(name: str) -> Json:
    found: Json = json.loads((GRAFANA / "dashboards" / f"{name}.json").read_text("utf-8"))
    return found


def datasource_uid() -> str:
    (path,) = (GRAFANA / "provisioning" / "datasources").glob("*.yaml")
    (source,) = yaml.safe_load(path.read_text("utf-8"))["datasources"]
    return str(source["uid"])


def panels(board: Json) -> list[Json]:
    """Without rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: Json) -> list[str]:
    """Every query of the dashboard: panels, then alert marks."""
    asked = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    return asked + [mark["expr"] for mark in board["annotations"]["list"]]


def used_variables(text: str) -> set[str]:
    return set(_VARIABLE.findall(_BUILT_IN.sub("", text)))


def put(text: str, values: Mapping[str, str]) -> str:
    """The text with variables in place; built-in ones as a dashboard over six hours has them."""
    whole = {"__rate_interval": "5m", "__range": "6h", **values}
    return re.sub(r"\$\{?([a-z_]\w*)\}?", lambda found: whole[found.group(1)], text)


def choices(board: Json, asked: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    """What can be chosen: everything as it is at first, then each other option of each variable.

    asked: variable -> the values that a label has, for those that Grafana asks Prometheus for.
    """
    variables = board["templating"]["list"]
    options = {one["name"]: asked.get(one["name"]) or [option["value"] for option in one["options"]] for one in variables}
    chosen = {one["name"]: one.get("current", {}).get("value", options[one["name"]][0]) for one in variables}
    yield chosen
    for name, values in options.items():
        for value in values:
            if value != chosen[name]:
                yield {**chosen, name: value}
