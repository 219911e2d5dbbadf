"""Cells, the rows that they are stored in, and the fields that name them.

The closed set of what a journey can feed. A field is `name` for a total and `name|dimension=value` for a breakdown; a
task's cells always carry the task (`attempts|task=cart|device=mobile`), money its currency. A distribution's parts stand
before the dimensions: `queue_wait.n|medium=phone`, likewise `.sum` (ms), `.ln` (millionths), `.z`, `.p<k>` and `.m<k>`
(`part_of`), or `.c<k>` where values are counts; those of what is there since some minute are `.t<minutes since 1970>`. A field that is not of this set is no figure.

Cells that change together are stored together: a *row* holds the cells of one name and one breakdown as slot -> integer
(`visit|device=mobile` -> {1: 3, 2: 1}), because for a store a field costs more than a number. The counts of a
distribution's buckets lie in rows of their own, 32 neighbouring ones each (`visit.0.9|device=mobile`), so that a row
stays small however many values were counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from streams.core.model import Bucket, Rows

_PART = re.compile(r"n|sum|ln|z|[pm]-?[0-9]+|[ct][0-9]+")

SITE = ("channel", "device", "market", "segment", "acquisition")
PLACE = ("channel", "market", "segment")
SUPPORT = (*PLACE, "medium", "reason")
CUSTOMER = ("market", "segment", "acquisition")
WORTH = ("market", "segment")
COHORT_WEEKS = (*range(1, 13), 26, 52)
"""So many weeks after the one of the first order it is looked whether a customer still does anything."""

Dims = tuple[tuple[str, str], ...]
"""What a cell or value is about: (dimension, value) pairs, the one it always has first; empty for the total."""


class Cell(msgspec.Struct, frozen=True):
    """A cell that cases write.

    row: the row that it is stored in; cells of one row have the same dimensions. dimensions: what it is broken down by,
    one at a time. always: a dimension that every field of it carries. parts: a distribution, kept as several cells; counts:
    of whole numbers, of which small ones have a bucket each (`MANY`). since: a stock, kept by the minute in which each began.
    daily: booked by local day and ever only.
    """

    name: str
    row: str
    dimensions: tuple[str, ...]
    always: str = ""
    parts: bool = False
    counts: bool = False
    since: bool = False
    daily: bool = False


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        *(Cell(name, "visit", SITE) for name in ("visits", "visits_converted", "visits_bounced", "visit_pages")),
        Cell("visit_duration", "visit", SITE, parts=True),
        *(Cell(name, "visit", SITE) for name in ("payment_attempts", "payments_refused")),
        *(Cell(f"visit_{what}", "visit", SITE) for what in ("errors", "searches", "zero_results", "navigations")),
        *(Cell(f"visit_{what}", "visit", SITE) for what in ("rage_clicks", "dead_clicks")),
        *(Cell(f"attempts{which}", "attempt", SITE, always="task") for which in ("", "_completed", "_failed", "_errored")),
        Cell("time_to_complete", "attempt", SITE, always="task", parts=True),
        Cell("clicks_to_complete", "attempt", SITE, always="task", parts=True, counts=True),
        Cell("time_on_page", "page", ("page_group",), parts=True),
        Cell("orders", "order", SITE),
        Cell("revenue", "money", SITE, always="currency"),
        Cell("orders_valued", "money", SITE, always="currency"),
        *(
            Cell(name, "order", SITE)
            for name in ("orders_due", "orders_kept", "orders_due_latest", "orders_kept_latest", "orders_overdue")
        ),
        *(Cell(f"orders_{what}", "order", SITE) for what in ("backordered", "settled", "damaged", "returned")),
        Cell("delivery_delay", "order", SITE, parts=True),
        Cell("delivery_delay_latest", "order", SITE, parts=True),
        *(Cell(name, "contact", SUPPORT) for name in ("contacts", "complaints", "open_contacts", "resolution_channels")),
        *(Cell(name, "contact", SUPPORT) for name in ("waits", "waits_short", "contacts_abandoned")),
        *(
            Cell(name, "contact", SUPPORT, parts=True)
            for name in ("queue_wait", "hold", "handle", "first_response", "resolution")
        ),
        *(Cell(name, "answer", PLACE) for name in ("csat", "csat_top", "nps", "nps_promoters", "nps_detractors")),
        *(Cell(name, "answer", PLACE) for name in ("ces", "ces_sum", "ces_easy", "sus", "sus_points")),
        *(Cell(name, "answer", PLACE) for name in ("invitations", "invitations_answered", "reviews", "review_points")),
        *(
            Cell(f"messages_{what}", "message", PLACE)
            for what in ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
        ),
        *(Cell(name, "customer", CUSTOMER, daily=True) for name in ("customers", "new_customers", "reactivated_customers")),
        *(Cell(name, "customer", CUSTOMER, daily=True) for name in ("churned_7d", "churned_28d")),
        *(Cell(name, "customer", CUSTOMER, daily=True) for name in ("customers_ordered", "customers_repeated")),
        *(Cell(f"active_customers_{window}", "customer", CUSTOMER, daily=True) for window in ("24h", "7d", "28d")),
        Cell("customer_value", "worth", WORTH, always="currency", parts=True, daily=True),
        *(Cell(name, "cohort", (), always="week", daily=True) for name in ("cohort", "cohort_active")),
        *(
            Cell(f"users{what}_{window}", "user", (), daily=True)
            for window in ("24h", "7d", "28d")
            for what in ("", "_searched", "_found", "_visited", "_converted")
        ),
        *(Cell(name, "cart", SITE) for name in ("carts_abandoned", "carts_recovered")),
        *(Cell(name, "contact", SUPPORT) for name in ("contacts_handled", "contacts_resolved_first")),
        *(Cell(name, "order", SITE) for name in ("orders_broken", "orders_chained")),
        Cell("cancellation_requests", "cancellation", CUSTOMER),
        Cell("open_since", "since", (), since=True),
        *(Cell(f"referrals{what}", "referral", CUSTOMER) for what in ("", "_settled", "_converted")),
    )
}
"""Every cell by its name. Slots are numbered in this order, and the definitions digest depends on it."""

_EXACT_PARTS = ("n", "sum", "ln")
BAND = 32
"""Neighbouring buckets of a distribution that share a row."""
MANY = BAND - 1
"""Of a distribution of counts, this and all above it share a bucket, so that all of it is one row."""
_ZERO = 256
"""Bucket k > -256 of positive values has code k + 256, of negative ones the opposite; zero has code 0."""


def _numbered() -> tuple[dict[str, tuple[str, int]], dict[str, str]]:
    """(cell or part -> its row and slot, distribution -> its row and number)."""
    places: dict[str, tuple[str, int]] = {}
    bands: dict[str, str] = {}
    slots: dict[str, int] = {}
    for cell in CELLS.values():
        exact = [f"{cell.name}.{part}" for part in _EXACT_PARTS] if cell.parts else [] if cell.since else [cell.name]
        for name in exact:
            slots[cell.row] = slots.get(cell.row, 0) + 1
            places[name] = (cell.row, slots[cell.row])
        if cell.parts or cell.since:
            number = sum(known.startswith(f"{cell.row}.") for known in bands.values())
            bands[cell.name] = f"{cell.row}.{number}"
    return places, bands


PLACES, BANDS = _numbered()
"""Cell, or exact part of a distribution (`hold.sum`), -> the row that it is in and its slot there, from 1 on; distribution -> the row of
its buckets, without the number of the band."""

_CELL_AT = {place: name for name, place in PLACES.items()}
_DISTRIBUTION_AT = {band: name for name, band in BANDS.items()}


@lru_cache(maxsize=65_536)
def place_of(distribution: str, code: int) -> tuple[str, int]:
    """The row and slot of a distribution's bucket, by its code (`cells.bucket_of`), or of a minute that something is there since."""
    return f"{BANDS[distribution]}.{code // BAND}", code % BAND + 1


@lru_cache(maxsize=65_536)
def name_at(row: str, slot: int) -> str | None:
    """The cell at a row and slot, with the part of a distribution; None for one that is not of this set."""
    known = _CELL_AT.get((row, slot))
    if known is not None:
        return known
    band, _, number = row.rpartition(".")
    distribution = _DISTRIBUTION_AT.get(band)
    if distribution is None or not 1 <= slot <= BAND:
        return None
    code = int(number) * BAND + slot - 1
    cell = CELLS[distribution]
    return f"{distribution}.{f't{code}' if cell.since else f'c{code}' if cell.counts else part_of(code)}"


def part_of(code: int) -> str:
    """What a distribution's bucket is called: `z` for zero, `p<k>` or `m<k>` for gamma^(k-1) < |seconds| <= gamma^k."""
    if code == 0:
        return "z"
    return f"p{code - _ZERO}" if code > 0 else f"m{-code - _ZERO}"


def code_of(k: int, sign: int) -> int:
    """The code of bucket k of positive (sign 1) or negative (-1) values; 0 is the code of zero."""
    return sign * (k + _ZERO)


def spell(rows: Rows) -> dict[str, int]:
    """Rows as fields; what the catalogue does not know is left out."""
    fields: dict[str, int] = {}
    for row, slots in rows.items():
        prefix, bar, dims = row.partition("|")
        for slot, n in slots.items():
            name = name_at(prefix, slot)
            if name is not None:
                fields[name + bar + dims] = n
    return fields


def spell_all(tables: Mapping[Bucket, Rows]) -> dict[Bucket, dict[str, int]]:
    """Rows by bucket as fields by bucket."""
    return {bucket: spell(rows) for bucket, rows in tables.items()}


@lru_cache(maxsize=65_536)
def kind_of(row: str) -> str:
    """The row that a stored one is of (`Cell.row`), without its dimensions, and without the number of a band."""
    return row.partition("|")[0].partition(".")[0]


@lru_cache(maxsize=262_144)
def field_at(row: str, slot: int) -> Field | None:
    """The field at a stored row and slot; None for one that the catalogue does not know."""
    prefix, bar, dims = row.partition("|")
    name = name_at(prefix, slot)
    return None if name is None else parse_field(name + bar + dims)


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
    if cell is None or (_PART.fullmatch(part) is None if cell.parts or cell.since else part):
        return None
    dims = tuple((dimension, value) for dimension, _, value in (pair.partition("=") for pair in pairs))
    names = [dimension for dimension, _ in dims]
    if cell.always and (not names or names.pop(0) != cell.always):
        return None
    if len(names) > 1 or any(name not in cell.dimensions for name in names):
        return None
    return Field(cell_name, part, dims)
