"""`journey mapping`: first mappings for unknown files."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli.failure import Failure, Misuse

LINES = 2_000
"""Payloads that a draft is guessed from, unless --lines says otherwise."""

app = typer.Typer(no_args_is_help=True, help="Mappings: what an unknown producer's payloads mean.")


@app.command()
def draft(
    file: Annotated[str, typer.Argument(help="JSON Lines or CSV, plain or .gz; - is standard input.")],
    out: Annotated[str, typer.Option("--out", help="Write it to this file; without, to standard output.")] = "",
    lines: Annotated[int, typer.Option("--lines", help="Payloads to guess from.", min=1, max=100_000)] = LINES,
) -> None:
    """A first mapping for an unknown file: times, event names, identifiers and fields are guessed, and said why."""
    from schemas.drafting import draft as drafted
    from streams.files import file_name, read_file

    payloads: list[dict[str, Any]] = []
    for line in islice(read_file(file), lines):
        try:
            payload = json.loads(line.payload)
        except ValueError:
            continue
        if isinstance(payload, dict):
            payloads.append(payload)
    if not payloads:
        raise Misuse(
            f"{file} has no JSON objects and no CSV rows in its first {lines:,} lines, so there is nothing to guess from."
        )
    text = drafted(payloads, file_name(file).partition(".")[0] or "file")
    if not out:
        sys.stdout.write(text)
        return
    path = Path(out)
    if path.exists():
        raise Failure(f"{out} is there already: give another name, or remove it.")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{out} cannot be written ({error.strerror or error}).") from error
    sys.stderr.write(f"Go through {out}, then: journey validate {file} --format mapping:{out}\n")
