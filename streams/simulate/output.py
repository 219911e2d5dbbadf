"""Simulations written to files and handed to producers."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import orjson

from streams.simulate.simulation import Simulation


class Sink(Protocol):
    """A binary file that is open for writing."""

    def write(self, data: bytes, /) -> object:
        """Takes bytes."""


def pairs(simulation: Simulation) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of every record, in order of arrival."""
    for one in simulation:
        yield one.key, one.value


def write(simulation: Simulation, target: Path | Sink) -> int:
    """Writes JSON Lines in order of arrival, compressed if the name ends in .gz; returns how many lines.

    target: a path, which is replaced, or an open binary file. Raises OSError where that cannot be written.
    """
    if isinstance(target, Path):
        with target.open("wb") as file:
            if target.suffix != ".gz":
                return write(simulation, file)
            # Without a name and time of its own, the same simulation gives the same file.
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                return write(simulation, packed)
    lines = 0
    for one in simulation:
        target.write(one.value + b"\n")
        lines += 1
    return lines


def write_truth(simulation: Simulation, path: Path) -> None:
    """Writes the known truth as one JSON document. Raises OSError where it cannot be written."""
    path.write_bytes(orjson.dumps(simulation.truth.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
