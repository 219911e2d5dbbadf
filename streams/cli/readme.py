"""The README's tables of settings, commands and metrics, made from what the code says; `make readme` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from streams.cli.main import app
from streams.core.catalogue import METRICS
from streams.core.windows import WINDOWS
from streams.settings_table import settings_table


def commands_table() -> str:
    """Every command with the first line of its help, in the order of `journey --help`."""
    rows: list[str] = []

    def walk(node: object, path: list[str]) -> None:
        children: dict[str, object] = getattr(node, "commands", {})
        for name, child in children.items():
            walk(child, [*path, name])
        if not children:
            rows.append(f"| `{' '.join(path)}` | {str(getattr(node, 'help', '')).splitlines()[0]} |")

    walk(typer.main.get_command(app), ["journey"])
    return "\n".join(["| command | does |", "|---|---|", *rows])


def metrics_table() -> str:
    """Every metric of the catalogue with its unit, its definition and its breakdowns."""
    lines = ["| metric | unit | definition | by |", "|---|---|---|---|"]
    for metric in METRICS:
        by = ", ".join(dict.fromkeys(name for name in (metric.always, *metric.dimensions) if name))
        only = "" if metric.windows == WINDOWS else f" ({', '.join(metric.windows)})"
        lines.append(f"| `{metric.name}` | {metric.unit} | {metric.definition}{only} | {by} |")
    return "\n".join(lines)


TABLES = {"settings": settings_table, "commands": commands_table, "metrics": metrics_table}
"""Marker in the README -> what stands between it and its end."""


def filled(text: str) -> str:
    """The README's text with every table as it should be. Raises ValueError where a marker is missing."""
    for marker, table in TABLES.items():
        before, start, rest = text.partition(f"<!-- {marker} -->\n")
        _, end, after = rest.partition(f"<!-- /{marker} -->")
        if not end:
            raise ValueError(f"the README lost its markers of {marker}")
        text = f"{before}{start}{table()}\n{end}{after}"
    return text


if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(filled(readme.read_text("utf-8")), "utf-8")
