"""Commands that need no server at all: `fold` and `simulate`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.cli import output
from streams.cli.failure import Failure, Misuse

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def fold(
    files: Annotated[list[str], typer.Argument(help="JSON Lines or CSV, plain or .gz; - is standard input.")],
    format_: Annotated[str, typer.Option("--format", help="Format of the payloads; `journey formats` lists them.")],
    until: Annotated[str, typer.Option(metavar="TIME", help="The moment to stand at, such as 2026-03-01T10:30:00Z.")] = "",
    window: Annotated[list[str] | None, typer.Option(help="5m, 1h, 24h, 7d, 28d or all; may be repeated.")] = None,
    dump: Annotated[Path | None, typer.Option(help="Write the canonical dump to this file.")] = None,
    as_json: Json = False,
) -> None:
    """The metrics of files: the same pipeline without a broker, in memory."""
    from schemas.formats import find_format
    from streams.cli.figures import check_names, print_values
    from streams.cli.times import parse_time
    from streams.core.metrics import as_json as values_document
    from streams.core.metrics import timestamp
    from streams.core.policy import TopicPolicy
    from streams.export.reader import read_values
    from streams.fold import fold_records, in_event_time, read_records
    from streams.settings import load_settings
    from streams.store.dump import canonical_dump

    check_names(window, None)
    find_format(format_)  # before a large file is read
    settings = load_settings(clock="history")
    policy = settings.policy()
    topic = TopicPolicy("files", format_)
    moment = parse_time(until, "--until") if until else None
    records = in_event_time(read_records(files), topic, policy)
    folded = asyncio.run(fold_records(records, topic, policy, moment))
    if dump is not None:
        dump.write_text(asyncio.run(canonical_dump(folded.store, policy)), "utf-8")
    reading = asyncio.run(read_values(folded.store, policy, windows=window or None))
    refused, ignored = folded.outcomes.get("rejected", 0), folded.outcomes.get("ignored", 0)
    if not folded.outcomes.get("decoded", 0):
        raise Failure(f"No payload of {len(records)} could be used; `journey validate` says why of each.")
    if refused or ignored:
        sys.stderr.write(f"{len(records)} payloads: {refused} rejected, {ignored} ignored; `journey validate` says which.\n")
    if as_json:
        output.document(values_document(reading.values, reading.as_of, settings.namespace))
    elif reading.as_of is not None:
        print_values(reading.values, f"{len(records)} payloads as of {timestamp(reading.as_of)}", breakdowns=False)


def simulate(
    customers: Annotated[int, typer.Option(help="People who act more than once, at most.")] = 1_000,
    events: Annotated[int | None, typer.Option(help="Distinct valid touchpoints; 15 a customer unless given.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    duplicates: Annotated[float, typer.Option(help="Share of events that are sent twice.")] = 0.0,
    late: Annotated[float, typer.Option(help="Share of events that arrive up to two days late.")] = 0.0,
    disorder: Annotated[float, typer.Option(help="Share of events that arrive up to a minute late.")] = 0.0,
    truth: Annotated[Path | None, typer.Option(help="Write the known truth to this file, as JSON.")] = None,
    out: Annotated[str, typer.Option(help="File to write, .gz for gzip; - is standard output.")] = "-",
) -> None:
    """Synthetic touchpoints with known ground truth, as JSON Lines in order of arrival."""
    from streams.simulate import simulate as simulated
    from streams.simulate import write, write_truth

    try:
        simulation = simulated(customers, events, seed, duplicates, late, disorder)
    except ValueError as error:
        raise Misuse(f"{error}.") from error
    try:
        lines = write(simulation, sys.stdout.buffer if out == "-" else Path(out))
        if truth is not None:
            write_truth(simulation, truth)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"{error.filename} cannot be written ({error.strerror}).") from error
    if out != "-":
        sys.stderr.write(f"{lines} payloads written to {out}\n")
