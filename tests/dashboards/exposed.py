"""What the processes can serve at most, as label sets, asked of the code that serves it; and which of it a query selects."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from streams.core.catalogue import METRICS
from streams.core.fields import CELLS
from streams.core.metrics import compute, needed
from streams.core.policy import Policy
from streams.core.windows import EVER
from streams.dashboards.exported import families
from streams.export.collector import Snapshot
from streams.export.reader import Reading
from streams.export.server import Exporter
from streams.store.memory import MemoryStore
from streams.worker.metrics import WorkerMetrics

NOW = 1_715_000_000_000
ALWAYS = {"task": "checkout", "currency": "EUR", "week": "1"}
SAMPLES = ("", "_bucket")
"""What of a family a query may name; `.._total` and `.._info` are in `families` already."""

_SELECTOR = re.compile(r"\b([a-zA-Z_:]+)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_NAME = re.compile(r"\bjourney_\w+")

Matcher = tuple[str, str, str]
"""Label, operator, value."""


def _fields() -> Iterator[str]:
    """A field for every cell, in total and with one value of each dimension."""
    for cell in CELLS.values():
        for part in (".n", ".sum", ".ln", ".p1") if cell.parts else (".t1",) if cell.since else ("",):
            always = f"|{cell.always}={ALWAYS[cell.always]}" if cell.always else ""
            yield f"{cell.name}{part}{always}"
            yield from (f"{cell.name}{part}{always}|{dimension}=x" for dimension in cell.dimensions)


def exposed() -> list[Sample]:
    """Everything that an exporter serves when every cell has something, and a worker from its start."""
    policy = Policy()
    fields = list(_fields())
    # More ever than since, so that there were customers at the windows' starts.
    cells = {bucket: dict.fromkeys(fields, 1_000 if bucket == EVER else 1) for bucket in needed(NOW, policy)}
    exporter = Exporter(MemoryStore(), policy)
    taken = time.time()
    exporter._snapshot = Snapshot(Reading(NOW, NOW, compute(NOW, cells, policy)), taken, taken)
    registry = CollectorRegistry()
    worker = WorkerMetrics(registry)
    for gauge in (worker.lag, worker.clock):
        gauge.labels("touchpoints", "0")
    served: Iterable[Metric] = [*exporter.registry.collect(), *registry.collect()]
    return [sample for family in served for sample in family.samples]


def selectors(expression: str) -> Iterator[tuple[str, list[Matcher]]]:
    """The series that an expression asks for: name and matchers, without the namespace, which Prometheus attaches."""
    for name, inside in _SELECTOR.findall(expression):
        yield name, [matcher for matcher in _MATCHER.findall(inside) if matcher[0] != "namespace"]


def selected(name: str, matchers: list[Matcher], samples: Iterable[Sample]) -> bool:
    """Whether at least one sample is asked for."""
    return any(sample.name == name and all(_fits(sample, matcher) for matcher in matchers) for sample in samples)


def _fits(sample: Sample, matcher: Matcher) -> bool:
    label, operator, value = matcher
    found = sample.labels.get(label, "")
    same = bool(re.fullmatch(value, found)) if "~" in operator else found == value
    return same is not operator.startswith("!")


def uncovered(expressions: Iterable[str], metrics: Iterable[str] = (), names: Iterable[str] = ()) -> set[str]:
    """Which of the catalogue's metrics (all unless said) and of the served families no expression asks for."""
    asked: set[str] = set()
    for expression in expressions:
        asked.update(_NAME.findall(expression))
        asked.update(value for _, found in selectors(expression) for label, _, value in found if label == "metric")
    wanted = {*(metrics or (metric.name for metric in METRICS)), *(names or families())}
    return {name for name in wanted if not any(name + suffix in asked for suffix in SAMPLES)}
