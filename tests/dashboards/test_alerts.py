"""Dashboards and alerts know each other: every alert is a click away from a panel, every link has a heading to go to."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.dashboards import alerts
from tests.dashboards.committed import NAMES, load, panels

RUNBOOK = Path(__file__).parents[2] / "deploy" / "runbook.md"


def linked() -> dict[str, set[str]]:
    """Alert -> the addresses that panels give for it."""
    found: dict[str, set[str]] = {}
    for link in (link for name in NAMES for panel in panels(load(name)) for link in panel.get("links", [])):
        if link["title"] == "Details":
            continue
        found.setdefault(link["title"], set()).add(link["url"])
    return found


def test_every_alert_has_a_panel_that_leads_to_its_runbook() -> None:
    assert linked() == {alert.name: {alert.url} for alert in alerts.alerts()}
    assert len(alerts.alerts()) > 20


def test_every_link_has_a_heading() -> None:
    headings = {line.strip("# ").lower() for line in RUNBOOK.read_text("utf-8").splitlines() if line.startswith("#")}
    assert {alert.page for alert in alerts.alerts()} == {f"deploy/runbook.md#{alert.heading}" for alert in alerts.alerts()}
    assert {alert.heading for alert in alerts.alerts()} - headings == set()


def test_the_list_of_alerts_knows_each_heading() -> None:
    (board,) = (load(name) for name in NAMES if name == "overview")
    (panel,) = (panel for panel in panels(board) if panel["title"] == "Alerts")
    (override,) = (one for one in panel["fieldConfig"]["overrides"] if one["matcher"]["options"] == "runbook")
    properties = {one["id"]: one["value"] for one in override["properties"]}
    (mapping,) = properties["mappings"]
    assert {name: to["text"] for name, to in mapping["options"].items()} == {
        alert.name: alert.heading for alert in alerts.alerts()
    }
    assert properties["links"][0]["url"].endswith("deploy/runbook.md#${__value.text}")


def test_limits_are_those_of_the_alerts() -> None:
    assert alerts.threshold("watermark_age_seconds") > 0
    with pytest.raises(KeyError):
        alerts.threshold("no_such_number")
