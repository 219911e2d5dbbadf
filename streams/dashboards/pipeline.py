"""Pipeline health: does what comes in get counted, and how fast?"""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

from streams.dashboards import trust
from streams.dashboards.alerts import threshold
from streams.dashboards.board import Board, Section, column
from streams.dashboards.exported import families
from streams.dashboards.panels import AMBER, GREEN, RED, arranged, cells, lines, listed, query, states, thresholds
from streams.dashboards.queries import selector
from streams.dashboards.sections import HEIGHT

_QUANTILES = (0.5, 0.9, 0.99)


def board() -> Board:
    """From the log's end to the exporter."""
    trusted = (
        trust.alerts_firing(),
        trust.watermark_age(),
        trust.snapshot_age(),
        trust.workers_ready(),
        trust.lag(),
        trust.chunk_age(),
        _progress_age(),
        _refresh(),
    )
    trouble = (
        _trouble("Rollbacks of the store", "journey_worker_rollbacks_total", AMBER),
        _trouble("Records lost", "journey_worker_lost_total"),
        _trouble("Chunks that fail", "journey_worker_failures_total"),
        _trouble("Too late to count", "journey_worker_late_total", AMBER),
        _trouble("Refreshes that failed", "journey_exporter_refresh_failures_total", AMBER),
        _dropped(),
        _gave_up(),
        _history(),
    )
    return Board(
        name="pipeline",
        title="Journey / Pipeline health",
        description="Does what comes in get counted, and how fast: records, rejections, lag, commits, and the exporter.",
        variables={"namespace": ()},
        since="now-6h",
        sections=(
            Section(
                "Now",
                (
                    tuple(column(3, 4, panel) for panel in trusted),
                    tuple(column(3, 4, panel) for panel in trouble),
                    (column(24, 5, _up()),),
                ),
            ),
            Section(
                "What comes in",
                (
                    (
                        column(8, HEIGHT, _rates("Records", "journey_worker_records_total", "outcome")),
                        column(8, HEIGHT, _rates("Touchpoints", "journey_worker_touchpoints_total", "outcome")),
                        column(8, HEIGHT, _lag()),
                    ),
                    (
                        column(8, HEIGHT, _rates("Rejected", "journey_worker_rejected_total", "reason")),
                        column(8, HEIGHT, _rates("Ignored", "journey_worker_ignored_total", "reason")),
                        column(8, HEIGHT, _rates("Dead letters", "journey_worker_dead_letters_total")),
                    ),
                ),
            ),
            Section(
                "How it is counted",
                (
                    (
                        column(8, HEIGHT, _quantiles("Commit", "journey_worker_commit_seconds", units.Seconds)),
                        column(8, HEIGHT, _quantiles("Decoding", "journey_worker_decode_seconds", units.Seconds)),
                        column(8, HEIGHT, _quantiles("Chunk size", "journey_worker_chunk_records", units.Short)),
                    ),
                    (
                        column(8, HEIGHT, _rates("Answers of the store", "journey_worker_answers_total", "verdict")),
                        column(8, HEIGHT, _rates("Journeys swept", "journey_worker_swept_total")),
                        column(8, HEIGHT, _clocks()),
                    ),
                ),
            ),
            Section(
                "What the figures mean",
                ((column(16, 12, _definitions()), column(4, 12, _followed()), column(4, 12, _clock_kind())),),
            ),
        ),
    )


def _help(name: str) -> str:
    return f"{families()[name].help} (`{name}`)."


def _rates(title: str, name: str, label: str = "") -> timeseries.Panel:
    """Per second, over all workers; label values that do not occur are left out."""
    rate = f"rate({selector(name)}[$__rate_interval])"
    expr = f"sum by ({label}) ({rate}) > 0" if label else f"sum({rate})"
    panel = lines(f"{title} per second", _help(name), units.CountsPerSecond)
    return panel.with_target(query(expr, f"{{{{{label}}}}}" if label else title.lower()))


def _quantiles(title: str, name: str, unit: str) -> timeseries.Panel:
    panel = lines(title, _help(name) + " Estimated from the histogram's buckets, over all workers.", unit)
    for quantile in _QUANTILES:
        expr = f"histogram_quantile({quantile}, sum by (le) (rate({selector(f'{name}_bucket')}[$__rate_interval])))"
        panel.with_target(query(expr, f"p{round(100 * quantile)}"))
    return panel


def _trouble(title: str, name: str, colour: str = RED) -> stat.Panel:
    expr = f"sum(increase({selector(name)}[$__range]))"
    return trust.figure(title, _help(name) + " Counted over the time range.", units.Short, expr, (0.5, colour))


def _dropped() -> stat.Panel:
    name = "journey_exporter_series_dropped"
    return trust.figure("Breakdowns left out", _help(name), units.Short, f"max({selector(name)})", (1, AMBER))


def _gave_up() -> stat.Panel:
    name = "journey_worker_halted"
    expr = f"sum(max_over_time({selector(name)}[$__range]))"
    return trust.figure("Workers that gave up", _help(name) + " In the time range.", units.Short, expr, (1, RED))


def _history() -> stat.Panel:
    name = "journey_worker_history_timestamp_seconds"
    text = _help(name) + " Here how long ago, a week at most. For a week the alerts on lost customers and overdue orders wait."
    ago = f"clamp_max(time() - max(max_over_time({selector(name)}[7d])), 604800)"
    return trust.figure("History came, ago", text, units.Seconds, ago)


def _clock_kind() -> stat.Panel:
    name = "journey_worker_live_clock"
    panel = trust.figure("Clock", _help(name), units.NoUnit, f"max({selector(name)})")
    return panel.mappings([ValueMap({"0": ValueMappingResult("history"), "1": ValueMappingResult("live")})])


def _progress_age() -> stat.Panel:
    name = "journey_progress_timestamp_seconds"
    text = _help(name) + " Here how long ago; a namespace of history rightly stands still when it has been read."
    return trust.figure("Last progress, ago", text, units.Seconds, f"time() - max({selector(name)})")


def _refresh() -> stat.Panel:
    name = "journey_exporter_refresh_seconds"
    return trust.figure("Refresh of the figures", _help(name), units.Seconds, f"max({selector(name)})")


def _followed() -> stat.Panel:
    name = "journey_clock_info"
    panel = trust.figure("What the watermark follows", _help(name), units.NoUnit, f"max by (clock) ({selector(name)})")
    panel.text_mode(shapes.BigValueTextMode.NAME).graph_mode(shapes.BigValueGraphMode.NONE)
    return panel.targets([query(f"max by (clock) ({selector(name)})", "{{clock}}")])


def _up() -> statetimeline.Panel:
    expr = 'max by (job, instance) (up{namespace="$namespace",job=~"journey-.*"})'
    panel = states(
        "Processes that answer",
        "Whether Prometheus' scrapes of the exporter and of each worker succeed.",
        {"0": ValueMappingResult("away", RED), "1": ValueMappingResult("up", GREEN)},
    )
    return panel.with_target(query(expr, "{{job}} {{instance}}"))


def _lag() -> timeseries.Panel:
    name = "journey_worker_lag_records"
    limit = thresholds(GREEN, (threshold("lag_records"), RED))
    panel = lines("Records waiting by partition", _help(name), units.Short).thresholds(limit)
    return panel.with_target(query(f"max by (topic, partition) ({selector(name)})", "{{topic}} {{partition}}"))


def _clocks() -> timeseries.Panel:
    name = "journey_worker_clock_seconds"
    panel = lines("Record clocks, behind now", _help(name) + " The slowest one holds the watermark.", units.Seconds)
    return panel.with_target(query(f"time() - max by (topic, partition) ({selector(name)})", "{{topic}} {{partition}}"))


def _definitions() -> table.Panel:
    name = "journey_definitions_info"
    return (
        listed("Definitions in force", _help(name) + " The README has the definitions.", units.Short, "metric")
        .with_target(cells(f"max by (metric, definition, unit, kind, catalogue) ({selector(name)})"))
        .transformations(arranged({}, ["Time", "Value"]))
    )
