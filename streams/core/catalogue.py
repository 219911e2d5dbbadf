"""The catalogue: every metric that is read from cells, as data.

A metric is declared once, in `ux_metrics`, `cx_metrics`, `support_metrics` or `voice_metrics`; windows, figures, the exporter's label sets, docs and checks are derived
from that. To add one, add one `Metric` there and the cells that its cases write, if they are new, in `fields`. Whoever
changes what a number means raises its `version`.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from streams.core.cx_metrics import CX
from streams.core.fields import CELLS
from streams.core.metric import Kind, Metric, Unit
from streams.core.support_metrics import CONTACTS
from streams.core.ux_metrics import UX
from streams.core.voice_metrics import VOICE

__all__ = ["METRICS", "METRIC_NAMES", "Kind", "Metric", "Unit", "catalogue_digest"]

METRICS: tuple[Metric, ...] = (*UX, *CX, *CONTACTS, *VOICE)
"""Every metric, in the order in which they are printed."""

METRIC_NAMES = tuple(metric.name for metric in METRICS)


def catalogue_digest() -> str:
    """A digest of all declarations, 32 hex digits; a part of a namespace's definitions digest."""
    return blake2b(msgspec.json.encode((tuple(CELLS.values()), METRICS)), digest_size=16).hexdigest()
