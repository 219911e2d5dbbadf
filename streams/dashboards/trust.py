"""Panels that say whether the figures can be trusted: alerts, how old the figures are, and whether the pipeline keeps up."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from streams.dashboards.board import ALERTS, FIRING, RUNBOOK_URL
from streams.dashboards.exported import families
from streams.dashboards.panels import AMBER, GREEN, RED, arranged, cells, latest, listed, query, thresholds
from streams.dashboards.queries import selector


def figure(title: str, description: str, unit: str, expr: str, *steps: tuple[float, str], base: str = GREEN) -> stat.Panel:
    """A single figure of the pipeline with its course; steps: its colours from below."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .thresholds(thresholds(base, *steps))
        .graph_mode(shapes.BigValueGraphMode.AREA)
        .reduce_options(latest())
        .with_target(query(expr, title))
    )


def alerts_firing() -> stat.Panel:
    """How many alerts fire."""
    expr = f"count({FIRING}) or vector(0)"
    return figure("Alerts firing", "Alerts of this pipeline that fire now.", units.Short, expr, (1, RED))


def watermark_age() -> stat.Panel:
    """How far event time is behind the clock."""
    return figure(
        "Counted up to, behind now",
        families()["journey_watermark_timestamp_seconds"].help + "; here its distance from now. A history namespace lies behind.",
        units.Seconds,
        f"time() - max({selector('journey_watermark_timestamp_seconds')})",
        (600, AMBER),
        (3600, RED),
    )


def snapshot_age() -> stat.Panel:
    """How old the exporter's snapshot is."""
    return figure(
        "Age of the figures",
        families()["journey_snapshot_timestamp_seconds"].help
        + "; here their age. The exporter withholds figures older than 60 s.",
        units.Seconds,
        f"time() - max({selector('journey_snapshot_timestamp_seconds')})",
        (30, AMBER),
        (60, RED),
    )


def workers_ready() -> stat.Panel:
    """The share of workers that are ready."""
    return figure(
        "Workers ready",
        families()["journey_worker_ready"].help + "; here the share of workers that are.",
        units.PercentUnit,
        f"avg({selector('journey_worker_ready')})",
        (0.5, AMBER),
        (1, GREEN),
        base=RED,
    )


def lag() -> stat.Panel:
    """Records that wait in Kafka."""
    return figure(
        "Records waiting",
        families()["journey_worker_lag_records"].help + ", over all partitions.",
        units.Short,
        f"sum({selector('journey_worker_lag_records')})",
        (10_000, AMBER),
        (100_000, RED),
    )


def alerts() -> table.Panel:
    """Pending and firing alerts; a click on one opens its heading in the runbook."""
    link = builders.DashboardLink("Runbook").url(RUNBOOK_URL + "#${__value.text}").target_blank(True).build()
    return (
        listed("Alerts", "Alerts that are pending or firing. Click a name for what to do.", units.Short, "alertstate")
        .no_value("No alert is pending or firing.")
        .with_target(cells(f"max by (alertstate, severity, alertname, metric, task) ({ALERTS})"))
        .override_by_name("alertname", [DynamicConfigValue("links", [link])])
        .transformations(arranged({}, ["Time", "Value"]))
    )
