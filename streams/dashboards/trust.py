"""Panels that say whether the figures can be trusted: alerts, how old the figures are, and whether the pipeline keeps up."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult

from streams.dashboards import alerts
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
    expr = f"count({alerts.FIRING}) or vector(0)"
    return figure("Alerts firing", "Alerts of this pipeline that fire now.", units.Short, expr, (1, RED))


def watermark_age() -> stat.Panel:
    """How far event time is behind the clock."""
    return figure(
        "Watermark, behind now",
        families()["journey_watermark_timestamp_seconds"].help + "; here its distance from now. A history namespace lies behind.",
        units.Seconds,
        f"time() - max({selector('journey_watermark_timestamp_seconds')})",
        (alerts.threshold("watermark_age_seconds"), RED),
    )


def snapshot_age() -> stat.Panel:
    """How old the exporter's snapshot is."""
    return figure(
        "Age of the figures",
        families()["journey_snapshot_timestamp_seconds"].help
        + "; here their age. The exporter withholds figures that are too old.",
        units.Seconds,
        f"time() - max({selector('journey_snapshot_timestamp_seconds')})",
        (alerts.threshold("snapshot_age_seconds"), RED),
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


def chunk_age() -> stat.Panel:
    """How long the slowest worker has been trying its chunk."""
    return figure(
        "Oldest chunk at hand",
        families()["journey_worker_chunk_age_seconds"].help + "; here the longest of all workers.",
        units.Seconds,
        f"max({selector('journey_worker_chunk_age_seconds')})",
        (alerts.threshold("chunk_age_seconds"), RED),
    )


def lag() -> stat.Panel:
    """Records that wait in Kafka."""
    return figure(
        "Records waiting",
        families()["journey_worker_lag_records"].help + ", over all partitions.",
        units.Short,
        f"sum({selector('journey_worker_lag_records')})",
        (alerts.threshold("lag_records"), RED),
    )


def alert_list() -> table.Panel:
    """Pending and firing alerts, each with its heading in the runbook."""
    # The heading is a column of its own, made of the name by a mapping: a link can quote a cell, not change it to lower case.
    headings = {alert.name: ValueMappingResult(alert.heading) for alert in alerts.alerts()}
    page = alerts.alerts()[0].url.partition("#")[0]
    link = builders.DashboardLink("What to do").url(page + "#${__value.text}").target_blank(True).build()
    labels = "alertstate, severity, alertname, runbook, metric, task, dimension, value"
    expr = f'max by ({labels}) (label_replace({alerts.ALL}, "runbook", "$1", "alertname", "(.*)"))'
    return (
        listed("Alerts", "Alerts that are pending or firing; the last column leads to what to do.", units.Short, "alertstate")
        .no_value("No alert is pending or firing.")
        .with_target(cells(expr))
        .override_by_name("runbook", [DynamicConfigValue("links", [link]), DynamicConfigValue("mappings", [ValueMap(headings)])])
        .transformations(arranged({}, ["Time", "Value"]))
    )
