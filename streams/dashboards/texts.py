"""Titles, units and descriptions, from the catalogue."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from streams.core.catalogue import Metric, Unit
from streams.dashboards import queries

UNITS: dict[Unit, str] = {
    "ratio": units.PercentUnit,
    "count": units.Short,
    "seconds": units.Seconds,
    "score": units.NoUnit,
    "money": units.Short,  # Grafana's currency units cannot follow a variable; titles name the currency
    "pages": units.NoUnit,
    "number": units.NoUnit,
}
_ACRONYMS = {"ces", "csat", "nps", "sus"}


def name(metric: Metric) -> str:
    """`queue_wait_seconds` as `Queue wait`: the unit stands at the axis."""
    words = metric.name.removesuffix("_seconds").split("_")
    first = words[0].upper() if words[0] in _ACRONYMS else words[0].capitalize()
    return " ".join([first, *words[1:]])


def title(metric: Metric) -> str:
    """Its name, of which task or in which currency, and the window."""
    of = f" (${metric.always})" if metric.always else ""
    return f"{name(metric)}{of}, {queries.window(metric)}"


def unit(metric: Metric) -> str:
    """Its unit as Grafana calls it."""
    return UNITS[metric.unit]


def description(metric: Metric, *more: str) -> str:
    """Its definition with version and source, and what else a panel has to say."""
    return " ".join([metric.definition, f"`{metric.name}`, version {metric.version}, after {metric.source}.", *more])
