"""`journey functions`: the Redis Functions that workers commit with, where workers may not load them themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:  # heavy, and only named here
    from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The Redis Functions that workers commit with.")


@app.callback()
def _group() -> None:
    """Keeps `load` a subcommand while it is the only one."""


@app.command()
def load() -> None:
    """Load the library of this version, for workers that may not do so; those of other versions stay."""
    from streams.settings import load_settings

    typer.echo(f"loaded  {asyncio.run(_load(load_settings()))}")


async def _load(settings: Settings) -> str:
    from streams.redis_access import open_store

    store = open_store(settings)
    try:
        return await store.load_functions()
    finally:
        await store.close()
