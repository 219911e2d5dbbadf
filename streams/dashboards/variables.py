"""The dashboards' variables, each in one place: name, label, what it offers and what is chosen at first."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableModel, VariableOption, VariableRefresh, VariableSort

from streams.core.fields import COHORT_WEEKS
from streams.core.windows import WINDOWS
from streams.dashboards import queries
from streams.export.collector import BREAKDOWN_WINDOWS

_LABELS = {
    "namespace": ("Namespace", "Whose journeys; empty where Prometheus attaches no such label"),
    "window": ("Window", "The rolling window of the figures; it ends at the watermark"),
    "days": ("Window of days", "The rolling window of figures that are kept by the day"),
    "by_window": ("Window of breakdowns", "Breakdowns are exported over these windows"),
    "dimension": ("By", "What figures are broken down by"),
    "least": ("At least", "Lines of breakdowns leave out values with a smaller sample"),
    "task": ("Task", "A task that is configured or reported"),
    "currency": ("Currency", "Money is counted by currency"),
    "week": ("Week", "How many weeks after the one of the first order"),
}
_OPTIONS = {
    "window": queries.LIVE,
    "days": queries.long_windows(),
    "by_window": tuple(name for name in WINDOWS if name in BREAKDOWN_WINDOWS),
    "least": ("1", "10", "30", "100", "300"),
    "week": tuple(map(str, COHORT_WEEKS)),
}
_CHOSEN = {"window": "24h", "days": "28d", "by_window": "24h", "least": "30", "task": "checkout", "week": "1"}
_ASKED = {
    "namespace": "journey_watermark_timestamp_seconds",
    "task": queries.selector("journey_rolling", {"metric": "task_success_rate"}),
    "currency": queries.selector("journey_rolling", {"metric": "revenue"}),
}
"""The series whose label values a variable offers."""


def dimensions(first: str, names: Sequence[str]) -> tuple[str, ...]:
    """What `dimension` offers: these names, the one that is chosen at first before the others."""
    return (first, *(name for name in names if name != first))


def declared(name: str, options: Sequence[str], datasource: DataSourceRef) -> VariableModel:
    """A variable. options: what `dimension` offers, the first one chosen; the others know what they offer."""
    label, description = _LABELS[name]
    if name in _ASKED:
        return _asked(name, label, description, datasource)
    offered = options or _OPTIONS[name]
    chosen = _CHOSEN.get(name, offered[0])
    return (
        builders.CustomVariable(name)
        .label(label)
        .description(description)
        .values(",".join(offered))
        .allow_custom_value(False)
        .options([VariableOption(value == chosen, value, value) for value in offered])
        .current(VariableOption(None, chosen, chosen))
        .build()
    )


def _asked(name: str, label: str, description: str, datasource: DataSourceRef) -> VariableModel:
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(datasource)
        .query(f"label_values({_ASKED[name]}, {name})")
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    if name in _CHOSEN:
        variable.current(VariableOption(None, _CHOSEN[name], _CHOSEN[name]))
    return variable.build()
