"""The walk of a run: servers, a filled topic, worker and empty agent alternately, each in a process of its own; figures."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec

from streams.bench import servers
from streams.bench.figures import Asked, Measured
from streams.bench.report import Report, Surroundings, lines
from streams.bench.traffic import HISTORY, PARTITIONS, fill
from streams.core import is_compiled
from streams.embedded import ServerError

RUN_SECONDS = 1_800.0
"""A process that has not ended by then hangs."""


def main(arguments: Sequence[str]) -> int:
    """0, or 1 where servers or a measuring process fail: the sentence that says why goes to stderr."""
    options = _options(arguments)
    try:
        report = _run(options)
    except (ServerError, RuntimeError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    for line in lines(report):
        sys.stdout.write(line + "\n")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="End to end on real servers, against an empty Faust agent.")
    parser.add_argument("--events", type=_positive, default=300_000, help="records in the topic (300000)")
    parser.add_argument("--customers", type=_positive, default=20_000, help="people who act more than once, at most (20000)")
    parser.add_argument("--repeats", type=_positive, default=3, help="runs of each side, of which the median counts (3)")
    parser.add_argument("--profile", type=Path, help="profile one more run of the worker into this file")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("should be at least 1")
    return number


def _run(options: argparse.Namespace) -> Report:
    with servers.broker() as (kafka, broker), servers.store() as (redis, store):
        from tests.rig import topics  # noqa: PLC0415 -- not part of what is installed

        _say(f"{broker}; {store}")
        topic = topics.create(kafka, PARTITIONS, prefix="bench", configs=HISTORY)
        dead = topics.create(kafka, 1, prefix="dead", configs={"cleanup.policy": "compact"})
        size = fill(kafka, topic, options.events, options.customers)
        about = Surroundings(
            broker=broker,
            store=store,
            core="compiled" if is_compiled() else "not compiled",
            events=options.events,
            customers=options.customers,
            bytes_per_event=size / options.events,
        )
        task = Asked(kafka=kafka, redis=redis, topic=topic, dead_letter_topic=dead, name="", records=options.events)
        report = Report(about=about)
        for number in range(1, options.repeats + 1):
            before = servers.used_bytes(redis, emptied=True)
            report.worker.append(_measure("worker", task))
            report.store_bytes.append(servers.used_bytes(redis) - before)
            _say(f"run {number}: worker {report.worker[-1].per_second:,.0f} events/s")
            report.empty.append(_measure("empty", task))
            _say(f"run {number}: empty agent {report.empty[-1].per_second:,.0f} events/s")
        if options.profile:
            servers.used_bytes(redis, emptied=True)
            _measure("worker", msgspec.structs.replace(task, profile=str(options.profile.resolve())))
            _say(f"profile in {options.profile}")
        return report


def _measure(side: Literal["worker", "empty"], task: Asked) -> Measured:
    """Runs a measuring process to its end; Faust leaves its directory where it runs, so that is a temporary one."""
    named = msgspec.structs.replace(task, name=f"{side}-{uuid4().hex[:8]}")
    command = [sys.executable, "-m", f"streams.bench.{side}", msgspec.json.encode(named).decode()]
    with tempfile.TemporaryDirectory(prefix="journey-bench-") as directory:
        try:
            done = subprocess.run(  # noqa: S603 -- our own module
                command, cwd=directory, stdout=subprocess.PIPE, text=True, timeout=RUN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"the process of the {side} did not end within {RUN_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise RuntimeError(f"the process of the {side} failed with {done.returncode}; what it said stands above")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Measured)


def _say(text: str) -> None:
    sys.stderr.write(f"bench    {text}\n")
