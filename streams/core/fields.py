"""Cells and their fields: the closed set of what a journey can feed, and how a field names it.

A field is `name` for the total and `name|dimension=value` for a breakdown; a task's cells always carry the task
(`attempts|task=cart|device=mobile`), money its currency. A distribution's parts stand before the dimensions:
`queue_wait.n|medium=phone`, likewise `.sum` (ms), `.ln` (millionths), `.z`, `.p<k>` and `.m<k>` (`cells.bucket_of`).
A field that is not of this set is no figure.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_PART = re.compile(r"n|sum|ln|z|[pm]-?[0-9]+")

SITE = ("channel", "device", "market", "segment", "acquisition")
PLACE = ("channel", "market", "segment")
SUPPORT = (*PLACE, "medium", "reason")
CUSTOMER = ("market", "segment", "acquisition")

Dims = tuple[tuple[str, str], ...]
"""What a cell or value is about: (dimension, value) pairs, the one it always has first; empty for the total."""


class Cell(msgspec.Struct, frozen=True):
    """A cell that cases write.

    dimensions: what it is broken down by, one at a time. always: a dimension that every field of it carries.
    parts: a distribution, kept as several fields. daily: booked by local day and ever only.
    """

    name: str
    dimensions: tuple[str, ...]
    always: str = ""
    parts: bool = False
    daily: bool = False


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        *(Cell(name, SITE) for name in ("visits", "visits_converted", "visits_bounced", "visit_pages")),
        Cell("visit_duration", SITE, parts=True),
        *(Cell(f"attempts{which}", SITE, always="task") for which in ("", "_completed", "_failed", "_errored")),
        Cell("time_to_complete", SITE, always="task", parts=True),
        Cell("orders", SITE),
        Cell("revenue", SITE, always="currency"),
        Cell("orders_valued", SITE, always="currency"),
        *(
            Cell(name, SITE)
            for name in ("orders_due", "orders_kept", "orders_due_latest", "orders_kept_latest", "orders_overdue")
        ),
        Cell("delivery_delay", SITE, parts=True),
        Cell("delivery_delay_latest", SITE, parts=True),
        Cell("contacts", SUPPORT),
        Cell("queue_wait", SUPPORT, parts=True),
        Cell("hold", SUPPORT, parts=True),
        *(Cell(name, PLACE) for name in ("csat", "csat_top", "nps", "nps_promoters", "nps_detractors")),
        *(Cell(name, CUSTOMER, daily=True) for name in ("customers", "new_customers", "reactivated_customers")),
        *(Cell(name, CUSTOMER, daily=True) for name in ("churned_7d", "churned_28d", "cancellation_requests")),
    )
}
"""Every cell by its name."""


class Field(msgspec.Struct, frozen=True):
    """A field read back: cell, part of a distribution (empty for a plain cell) and dimensions."""

    cell: str
    part: str
    dims: Dims


@lru_cache(maxsize=262_144)
def parse_field(field: str) -> Field | None:
    """What a field says; None for one that the catalogue does not know."""
    name, *pairs = field.split("|")
    cell_name, _, part = name.partition(".")
    cell = CELLS.get(cell_name)
    if cell is None or (_PART.fullmatch(part) is None if cell.parts else part):
        return None
    dims = tuple((dimension, value) for dimension, _, value in (pair.partition("=") for pair in pairs))
    names = [dimension for dimension, _ in dims]
    if cell.always and (not names or names.pop(0) != cell.always):
        return None
    if len(names) > 1 or any(name not in cell.dimensions for name in names):
        return None
    return Field(cell_name, part, dims)
