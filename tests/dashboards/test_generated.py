"""What is committed is what the generator makes, and what Grafana's own models understand."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.dashboards.__main__ import main
from tests.dashboards.committed import FILES, NAMES, Json, load

ROOT = Path(__file__).parents[2]
UNKNOWN_TO_THE_MODELS = ("target", "titleFormat", "textFormat")
"""Of an annotation; Grafana's Prometheus data source reads them."""


@pytest.fixture(scope="module", autouse=True)
def _models_of_panels_and_queries() -> None:
    register_default_plugins()


def test_the_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}")
    main(tmp_path)
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text("utf-8") for path in FILES}
    assert sorted(made) == sorted(committed)
    behind = [name for name, text in made.items() if text != committed[name]]
    assert behind == [], "deploy/grafana/dashboards lags behind the code; `make dashboards` mends it"


def there_and_back(board: Json) -> Json:
    again: Json = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    return again


def known(name: str) -> Json:
    board = load(name)
    for mark in board["annotations"]["list"]:
        for key in UNKNOWN_TO_THE_MODELS:
            mark.pop(key)
    return board


@pytest.mark.parametrize("name", NAMES)
def test_the_models_keep_every_key(name: str) -> None:
    board = known(name)
    assert there_and_back(board) == board


@pytest.mark.parametrize("where", ["board", "panel", "query", "options"])
def test_a_misspelt_key_is_lost_on_the_way(where: str) -> None:
    board = known("overview")
    panel = next(panel for panel in board["panels"] if panel["type"] == "stat")
    {"board": board, "panel": panel, "query": panel["targets"][0], "options": panel["options"]}[where]["untt"] = "s"
    assert there_and_back(board) != board


def test_the_product_does_not_import_the_generator() -> None:
    product = [path for path in (ROOT / "streams").rglob("*.py") if "dashboards" not in path.parts]
    importing = [
        path.name
        for path in product
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom) and "dashboards" in ast.unparse(node)
    ]
    assert product
    assert importing == []
