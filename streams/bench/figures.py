"""What the processes of a run tell each other, as JSON, and the names of the stages."""

from __future__ import annotations

import sys
from typing import Literal

import msgspec

Stage = Literal["fetch", "decode", "load", "fold", "sweep", "commit", "dead_letters", "rest"]
"""Where the wall-clock time of a worker goes; the stages add up to all of it.

fetch: the chunk loop waits for its next chunk (Kafka, aiokafka, Faust). load, commit: round trips to Redis for a chunk.
sweep: deadlines, with their round trips. dead_letters: rejected records, until they are acknowledged. rest: what a chunk
waits for otherwise. The next chunks are decoded during round trips: that counts as decode, and a round trip is here only what
of it was not filled so.
"""

STAGES: tuple[Stage, ...] = ("fetch", "decode", "load", "fold", "sweep", "commit", "dead_letters", "rest")


TIMED_SHARE = 0.95
"""Of the records. Towards the end partitions run dry one after another, and polls wait for their time-outs: on both sides,
and by chance, and it says nothing about speed."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What one measuring process is asked for: to read `records`, and time the first `timed` of them.

    name: of its namespace and consumer group. profile: the file for its profile, empty for none.
    """

    kafka: str
    redis: str
    topic: str
    dead_letter_topic: str
    name: str
    records: int
    profile: str = ""

    @property
    def timed(self) -> int:
        """How many records are timed."""
        return max(1, int(self.records * TIMED_SHARE))


class Measured(msgspec.Struct, kw_only=True):
    """What it found. seconds: from the first record to the last that is timed. other_cpu_seconds: of all threads but the main
    one, which do the fetching. peak_mb: the largest resident size of the process, to its end.
    """

    records: int
    seconds: float
    cpu_seconds: float
    other_cpu_seconds: float
    peak_mb: float
    stages: dict[str, float] = {}

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def asked() -> Asked:
    """This process's task, from its one argument."""
    return msgspec.json.decode(sys.argv[1], type=Asked)


def answer(measured: Measured) -> None:
    """This process's findings, as the last line of its output."""
    sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")
