"""What commands print: tables by rich on a terminal, aligned text elsewhere, or one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import orjson


def document(value: Any) -> None:
    """Writes one JSON document to stdout, indented on a terminal."""
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    sys.stdout.write(orjson.dumps(value, option=option).decode() + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = (), title: str = "") -> None:
    """Writes a table to stdout. `right` names the columns of numbers; None is an empty cell."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, texts, right, title)
        return
    if title:
        sys.stdout.write(title + "\n")
    widths = [max([len(name), *(len(row[index]) for row in texts)]) for index, name in enumerate(columns)]
    for row in [list(columns), *texts]:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def progress(text: str) -> None:
    """Writes over the last line of progress on stderr, nothing to take it away; only on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _rich_table(columns: Sequence[str], texts: Sequence[Sequence[str]], right: Sequence[str], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        grid.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in texts:
        grid.add_row(*(Text(cell) for cell in row))
    Console().print(grid)
