"""`journey config show`: the settings as this process reads them, secrets masked."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli import output

app = typer.Typer(no_args_is_help=True, help="The settings.")


@app.callback()
def _group() -> None:
    """Keeps `show` a subcommand while it is the only one."""


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Every setting, where it comes from and its value, secrets masked."""
    from streams.settings import load_settings
    from streams.settings_table import described

    rows = described(load_settings())
    if as_json:
        output.document({"settings": [row._asdict() for row in rows]})
    else:
        output.table(("setting", "source", "value"), [(row.name, row.source, row.value) for row in rows])
