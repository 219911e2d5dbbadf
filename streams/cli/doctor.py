"""`journey doctor`: what a worker or the exporter needs, one line each."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from streams.cli import output


class For(StrEnum):
    """Whose surroundings."""

    worker = "worker"
    exporter = "exporter"


def doctor(
    role: Annotated[
        For, typer.Option("--for", help="Whose surroundings: the exporter needs no Kafka, and only reads.")
    ] = For.worker,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Look at Kafka, Redis, clocks and settings, and say what to do; exit code 1 if anything fails."""
    from streams.doctor.examine import examine

    checks = examine(role.value)
    if as_json:
        output.document({"checks": [{"state": check.state, "what": check.what, "found": check.found} for check in checks]})
    else:
        output.table(("state", "what", "found"), [(check.state, check.what, check.found) for check in checks])
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)
