"""Readings as OpenMetrics text with time stamps, and that as blocks of a Prometheus data directory.

The samples are those of the exporter's own collector, so series, labels and what is left out are the exporter's.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from streams.core.policy import Policy
from streams.drill.servers import program
from streams.embedded import ServerError
from streams.export.collector import RollingCollector, Snapshot
from streams.export.reader import Reading

PROMTOOL_SECONDS = 600.0
BLOCK_DURATION = "162h"
"""The longest block; promtool reads the whole text once per block. One of the durations that Prometheus knows."""


def samples(reading: Reading, at: int, target: Mapping[str, str] | None = None) -> Iterator[str]:
    """The lines of a scrape at this time in ms, as if the exporter had read the store that moment.

    target: the labels that a scrape adds, `job` and `instance`; none unless given.
    """
    snapshot = Snapshot(reading, at / 1_000)
    collector = RollingCollector(lambda: snapshot, Policy(), clock=lambda: snapshot.taken)
    for family in collector.collect():
        for sample in family.samples:
            yield line(sample.name, {**sample.labels, **(target or {})}, sample.value, at)


def line(name: str, labels: Mapping[str, str], value: float, at: int) -> str:
    """One sample of OpenMetrics text, its time in ms."""
    parts = ",".join([f'{label}="{_escaped(text)}"' for label, text in labels.items()])
    return f"{name}{{{parts}}} {float(value)!r} {at / 1_000:.3f}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def write_text(lines: Iterable[str], path: Path) -> int:
    """Writes lines of samples as a whole OpenMetrics text; returns how many. A series' times have to ascend."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for one in lines:
            file.write(one)
            count += 1
        file.write("# EOF\n")
    return count


def create_blocks(text: Path, data: Path) -> None:
    """Adds an OpenMetrics text to a data directory, whose Prometheus is not running. ServerError where promtool refuses."""
    promtool("tsdb", "create-blocks-from", "openmetrics", f"--max-block-duration={BLOCK_DURATION}", "--quiet", text, data)


def promtool(*arguments: str | Path) -> str:
    """Runs promtool to its end; what it prints. ServerError, with what it says, where it fails."""
    command = [program("promtool"), *map(str, arguments)]
    try:
        done = subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
            command, capture_output=True, text=True, timeout=PROMTOOL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ServerError(f"promtool did not end within {PROMTOOL_SECONDS:.0f} s.") from None
    if done.returncode != 0:
        raise ServerError(f"promtool {arguments[0]} failed: {' | '.join((done.stdout + done.stderr).split(chr(10))[-6:])}")
    return done.stdout
