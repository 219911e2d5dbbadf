"""Windows between refreshes: a refresh adds what was booked since, and takes off what has left a window."""

from __future__ import annotations

from collections.abc import Mapping

from streams.core.fields import CELLS, Dims, Field, field_at, kind_of
from streams.core.metrics import Span, Summed, Table
from streams.core.model import Bucket, Rows

_NOTHING: Rows = {}


class Sums:
    """The tables of all spans (`streams.core.metrics.summed`), kept from one moment to the next.

    Cells are integers, so adding differences gives exactly what adding everything up anew would.
    """

    def __init__(self) -> None:
        self._sums: dict[Span, _Sum] = {}
        self._cells: Mapping[Bucket, Rows] = {}

    def move(self, wanted: Mapping[Span, Summed], cells: Mapping[Bucket, Rows]) -> dict[Span, Table]:
        """The tables of these spans; they are good until the next call.

        cells: those of every bucket of the plans. One that is the same object as in the last call was not written since,
        and is not looked at again (`CachedCells`).
        """
        before, self._cells = self._cells, cells
        changes: dict[Bucket, Rows] = {}
        for bucket in before.keys() | cells.keys():
            old, new = before.get(bucket, _NOTHING), cells.get(bucket, _NOTHING)
            if old is not new:
                changes[bucket] = _difference(old, new)
        self._sums = {span: self._sums.get(span) or _Sum(what.cells) for span, what in wanted.items()}
        return {span: self._sums[span].move(what, before, changes, cells) for span, what in wanted.items()}


class _Sum:
    """The table of one span. signs: which buckets are in it, 1 for those added, -1 for those taken off."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._rows = {CELLS[name].row for name in names}
        self._signs: dict[Bucket, int] = {}
        self._table: dict[str, dict[Dims, dict[str, int]]] = {}

    def move(
        self, what: Summed, before: Mapping[Bucket, Rows], changes: Mapping[Bucket, Rows], after: Mapping[Bucket, Rows]
    ) -> Table:
        signs = {**dict.fromkeys(what.plan.add, 1), **dict.fromkeys(what.plan.subtract, -1)}
        for bucket in self._signs.keys() | signs.keys():
            old, new = self._signs.get(bucket, 0), signs.get(bucket, 0)
            if old == new:
                self._add(changes.get(bucket, _NOTHING), new)
            else:
                self._add(before.get(bucket, _NOTHING), -old)
                self._add(after.get(bucket, _NOTHING), new)
        self._signs = signs
        return self._table

    def _add(self, rows: Rows, sign: int) -> None:
        """Zeros are not kept: a breakdown without cells has no value."""
        if not sign:
            return
        for row, slots in rows.items():
            if kind_of(row) not in self._rows:
                continue
            for slot, n in slots.items():
                field = field_at(row, slot)
                if field is not None and field.cell in self._names:
                    self._add_to(field, sign * n)

    def _add_to(self, field: Field, n: int) -> None:
        by_dims = self._table.setdefault(field.cell, {})
        parts = by_dims.get(field.dims)
        if parts is None:
            parts = by_dims[field.dims] = {}
        total = parts.get(field.part, 0) + n
        if total:
            parts[field.part] = total
        else:
            parts.pop(field.part, None)
            if not parts:
                del by_dims[field.dims]


def _difference(old: Rows, new: Rows) -> Rows:
    """What adding to the old rows makes the new ones; most rows are equal."""
    if not old:
        return new
    found: dict[str, dict[int, int]] = {}
    for row in old.keys() | new.keys():
        was, now = old.get(row) or {}, new.get(row) or {}
        if was != now:
            found[row] = {slot: now.get(slot, 0) - was.get(slot, 0) for slot in was.keys() | now.keys()}
    return found
