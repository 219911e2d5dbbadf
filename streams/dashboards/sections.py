"""Lines of panels that several dashboards have alike."""

from __future__ import annotations

from streams.dashboards.board import COLUMNS, Column, column
from streams.dashboards.panels import by_lines, by_table, trend
from streams.dashboards.queries import METRIC

HEIGHT = 9

Line = tuple[Column, ...]


def trends(*names: str, width: int = COLUMNS) -> Line:
    """The courses of metrics beside one another, this wide together."""
    return tuple(column(width // len(names), HEIGHT, trend(METRIC[name])) for name in names)


def broken_down(name: str, dimension: str, width: int = COLUMNS) -> Line:
    """A metric by a dimension: lines at the left, the table with the samples at the right."""
    half = width // 2
    return column(half, HEIGHT, by_lines(METRIC[name], dimension)), column(half, HEIGHT, by_table(METRIC[name], dimension))
