"""What the processes serve beside the figures: the metric families with their types and help texts, asked of the code itself."""

from __future__ import annotations

import asyncio
from functools import cache

import msgspec
from prometheus_client import CollectorRegistry

from streams.core.policy import Policy
from streams.export.server import Exporter
from streams.store.memory import MemoryStore
from streams.worker.metrics import WorkerMetrics


class Family(msgspec.Struct, frozen=True):
    """A family: its type (counter, gauge, histogram, info) and its help text."""

    type: str
    help: str


@cache
def families() -> dict[str, Family]:
    """Every family that a worker or the exporter serves, by the name that queries use for it (`.._total`, `.._info`)."""
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    exporter = Exporter(MemoryStore(), Policy())
    asyncio.run(exporter.refresh())  # of an empty store, so that the rolling families are there
    served = [*registry.collect(), *exporter.registry.collect()]
    suffixes = {"counter": "_total", "info": "_info"}
    return {family.name + suffixes.get(family.type, ""): Family(family.type, family.documentation) for family in served}
