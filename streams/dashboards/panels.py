"""The kinds of panels: cards for a glance, trends with their interval and sample, breakdowns that show small samples as such."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from streams.core.catalogue import Kind, Metric
from streams.dashboards import queries, texts
from streams.dashboards.judgement import judgement

GREEN, AMBER, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"
BAND = "Shaded: the 95 % interval."
BOUNDS = "low, high: the 95 % interval."
SAMPLE = "Bars, right axis: n, the size of the sample."
AGO = "Dashed: the same hour a week ago."
LEAST = "Values with fewer than $least in the window are left out; the table beside has them all."


def thresholds(base: str, *steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """Colours from below: the base, then each from its value on."""
    found = [Threshold(None, base), *(Threshold(value, colour) for value, colour in steps)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def judged(metric: Metric) -> dashboard.ThresholdsConfig:
    """The limits of `judgement` as colours; a metric without limits is plain."""
    opinion = judgement(metric)
    if opinion.amber is None or opinion.red is None:
        return thresholds(BLUE)
    if opinion.better < 0:
        return thresholds(GREEN, (opinion.amber, AMBER), (opinion.red, RED))
    return thresholds(RED, (opinion.red, AMBER), (opinion.amber, GREEN))


def query(expr: str, legend: str) -> prometheus.Dataquery:
    """A query over the time range."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).range()


def instant(expr: str, legend: str) -> prometheus.Dataquery:
    """A query of the latest values."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant()


def cells(expr: str) -> prometheus.Dataquery:
    """A query of the latest values, labels as columns of a table."""
    return prometheus.Dataquery().expr(expr).format(PromQueryFormat.TABLE).instant()


def latest() -> common.ReduceDataOptions:
    """Of a series, its last value."""
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def card(metric: Metric) -> stat.Panel:
    """The figure now, large, over the line of its course."""
    centre = queries.centre(metric)
    return (
        stat.Panel()
        .title(texts.title(metric) + ("" if centre == "value" else f", {centre}"))
        .description(texts.description(metric))
        .unit(texts.unit(metric))
        .thresholds(judged(metric))
        .graph_mode(shapes.BigValueGraphMode.AREA)
        .reduce_options(latest())
        .with_target(query(queries.rolling(metric, centre), texts.name(metric)))
    )


def strip(metric: Metric) -> stat.Panel:
    """What a card has to be read with: the sample, the interval, and what it was yesterday and a week ago."""
    centre = queries.centre(metric)
    bounds = ("low", "high") if queries.has_interval(metric) else ()
    sample = ("n",) if queries.sampled(metric) else ()
    more = ("p90",) if metric.kind is Kind.DISTRIBUTION else ()
    explained = [*(["n: the size of the sample."] if sample else []), *([BOUNDS] if bounds else [])]
    panel = (
        stat.Panel()
        .title(f"{texts.name(metric)}: sample, interval, then")
        .description(texts.description(metric, *explained))
        .unit(texts.unit(metric))
        .thresholds(thresholds("text"))
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .color_mode(shapes.BigValueColorMode.NONE)
        .text_mode(shapes.BigValueTextMode.VALUE_AND_NAME)
        .orientation(shapes.VizOrientation.VERTICAL)
        .reduce_options(latest())
        .override_by_name("n", [_set("unit", units.Short)])
        .override_by_name("change in a week", [_set("unit", units.PercentUnit), _set("decimals", 0)])
    )
    for name in (*sample, *bounds, *more):
        panel.with_target(query(queries.rolling(metric, name), name))
    panel.with_target(query(queries.rolling(metric, centre, offset=queries.DAY), "yesterday"))
    panel.with_target(query(queries.rolling(metric, centre, offset=queries.WEEK), "a week ago"))
    if not bounds:
        panel.with_target(query(queries.change(metric), "change in a week"))
    return panel


def lines(title: str, description: str, unit: str) -> timeseries.Panel:
    """An empty chart of lines with a legend that tells the last value."""
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .thresholds(thresholds(GREEN))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .line_width(2)
        .fill_opacity(0)
        .show_points(shapes.VisibilityMode.NEVER)
        .legend(common.VizLegendOptions().show_legend(True).display_mode(shapes.LegendDisplayMode.LIST).calcs(["lastNotNull"]))
        .tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    )


def listed(title: str, description: str, unit: str, order: str, *, descending: bool = False) -> table.Panel:
    """An empty table, ordered by a column."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .thresholds(thresholds("text"))
        .align(shapes.FieldTextAlignment.AUTO)
        .sort_by([common.TableSortByFieldState().display_name(order).desc(descending)])
    )


def trend(metric: Metric) -> timeseries.Panel:
    """A figure's course, with its interval as a band, its sample as bars, and its course a week ago."""
    if metric.kind is Kind.DISTRIBUTION:
        return _spread(metric)
    banded = queries.has_interval(metric)
    counted = queries.sampled(metric)
    description = texts.description(metric, *([BAND] if banded else []), *([SAMPLE] if counted else []), AGO)
    panel = lines(texts.title(metric), description, texts.unit(metric)).thresholds(judged(metric))
    panel.with_target(query(queries.rolling(metric, "value"), texts.name(metric)))
    panel.override_by_name(texts.name(metric), [_colour(BLUE)])
    if banded:
        for name in ("low", "high"):
            panel.with_target(query(queries.rolling(metric, name), name))
        edge = [_colour(BLUE), _set("custom.lineWidth", 0), _hidden()]
        panel.override_by_name("low", edge)
        panel.override_by_name("high", [*edge, _set("custom.fillBelowTo", "low"), _set("custom.fillOpacity", 18)])
    if counted:
        _sample(panel, metric)
    return _ago(panel, metric, "value")


def by_lines(metric: Metric, dimension: str) -> timeseries.Panel:
    """A line for each value of a dimension that has enough of a sample."""
    centre = queries.centre(metric)
    title = f"{_by(metric, dimension)}" + ("" if centre == "value" else f", {centre}")
    description = texts.description(metric, *([LEAST] if queries.sampled(metric) else []))
    panel = lines(title, description, texts.unit(metric)).thresholds(judged(metric))
    return panel.with_target(query(queries.by_at_least(metric, dimension), "{{value}}"))


def by_table(metric: Metric, dimension: str) -> table.Panel:
    """Every value of a dimension with its sample, the largest first; shares with their interval."""
    columns = {"value": queries.by(metric, "value", dimension)}
    if metric.kind is Kind.DISTRIBUTION:
        columns = {stat: queries.by(metric, stat, dimension) for stat in ("p50", "p90")}
    elif metric.kind is Kind.SHARE:
        columns |= {"low": queries.wilson(metric, dimension, "-"), "high": queries.wilson(metric, dimension, "+")}
    if queries.sampled(metric):
        columns["n"] = queries.by(metric, "n", dimension)
    interval = (BOUNDS,) if metric.kind is Kind.SHARE else ()
    title = f"{_by(metric, dimension)}, {'with its sample' if queries.sampled(metric) else 'now'}"
    order = "n" if "n" in columns else "figure"
    panel = listed(title, texts.description(metric, *interval), texts.unit(metric), order, descending=True)
    panel.override_by_name("n", [_set("unit", units.Short), _set("custom.cellOptions", {"type": "gauge", "mode": "basic"})])
    for expr in columns.values():
        panel.with_target(cells(expr))
    # The label is called value, and so is the column of the first query; the table says what they are.
    names = {"value": "part"} | {
        f"Value #{letter}": "figure" if name == "value" else name for letter, name in zip("ABCDEFG", columns, strict=False)
    }
    if len(columns) == 1:
        names = {"value": "part", "Value": "figure"}
    return panel.transformations(arranged(names, ["Time"]))


def arranged(names: dict[str, str], without: Iterable[str]) -> list[DataTransformerConfig]:
    """Merges the frames of a table's queries, renames columns and leaves others out."""
    options: dict[str, Any] = {"renameByName": names, "excludeByName": dict.fromkeys(without, True), "indexByName": {}}
    return [DataTransformerConfig("merge", options={}), DataTransformerConfig("organize", options=options)]


def states(title: str, description: str, names: dict[str, ValueMappingResult]) -> statetimeline.Panel:
    """An empty panel of lines that change colour; names: value -> what it is called, and its colour."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .unit(units.NoUnit)
        .mappings([ValueMap(names)])
        .thresholds(thresholds(GREY))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .fill_opacity(70)
        .show_value(shapes.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
    )


def verdicts(title: str, metrics: Iterable[Metric]) -> statetimeline.Panel:
    """One line a metric: whether it is clearly better or worse than at the same hour a week ago."""
    names = {
        "-1": ValueMappingResult("worse", RED),
        "0": ValueMappingResult("no clear difference", GREY),
        "1": ValueMappingResult("better", GREEN),
    }
    description = (
        "Against the same hour a week ago. Worse or better: the two 95 % intervals do not touch, so a small sample says nothing. "
        "Where a line is missing there is no sample, now or then."
    )
    panel = states(title, description, names)
    for metric in metrics:
        panel.with_target(query(queries.verdict(metric, judgement(metric).better), texts.name(metric)))
    return panel


def funnel(title: str, description: str, steps: dict[str, str]) -> bargauge.Panel:
    """Bars below one another, one a step: legend -> query of the latest count."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .unit(units.Short)
        .min(0)
        .thresholds(thresholds(BLUE))
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .reduce_options(latest())
    )
    for legend, expr in steps.items():
        panel.with_target(instant(expr, legend))
    return panel


def _spread(metric: Metric) -> timeseries.Panel:
    middle = "geometric_mean" if metric.geometric else "mean"
    panel = lines(texts.title(metric), texts.description(metric, SAMPLE, AGO), texts.unit(metric)).thresholds(judged(metric))
    for stat_name in ("p50", "p90", middle):
        panel.with_target(query(queries.rolling(metric, stat_name), stat_name.replace("_", " ")))
    _sample(panel, metric)
    return _ago(panel, metric, "p50")


def _by(metric: Metric, dimension: str) -> str:
    of = f" (${metric.always})" if metric.always else ""
    return f"{texts.name(metric)}{of} by {dimension}, {queries.breakdown_window(metric)}"


def _sample(panel: timeseries.Panel, metric: Metric) -> None:
    panel.with_target(query(queries.rolling(metric, "n"), "n"))
    panel.override_by_name(
        "n",
        [
            _colour(GREY),
            _set("unit", units.Short),
            _set("min", 0),
            _set("custom.drawStyle", shapes.GraphDrawStyle.BARS),
            _set("custom.axisPlacement", shapes.AxisPlacement.RIGHT),
            _set("custom.lineWidth", 0),
            _set("custom.fillOpacity", 25),
        ],
    )


def _ago(panel: timeseries.Panel, metric: Metric, stat_name: str) -> timeseries.Panel:
    name = "a week ago"
    panel.with_target(query(queries.rolling(metric, stat_name, offset=queries.WEEK), name))
    dashed = {"fill": "dash", "dash": [8, 8]}
    return panel.override_by_name(name, [_colour(GREY), _set("custom.lineStyle", dashed), _set("custom.lineWidth", 1)])


def _set(key: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(key, value)


def _colour(colour: str) -> DynamicConfigValue:
    return _set("color", {"mode": "fixed", "fixedColor": colour})


def _hidden() -> DynamicConfigValue:
    return _set("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False})
