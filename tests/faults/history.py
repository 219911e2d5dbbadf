"""A simulated shop as a log: records in order of arrival, stamped with it, and what is known about them beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
from kafka import KafkaProducer

from schemas.outcomes import JOURNEY_CLOCK
from streams.core.model import Record
from streams.core.policy import DAY, HOUR, Policy
from streams.simulate import Simulated, Simulation, Truth, simulate

CLOCK_KEY = b"journey-clock"
UNTIMELY_EVERY = 500
"""So many payloads of the simulation come between two that are too late, or ahead of their time."""


class Sent(msgspec.Struct, frozen=True):
    """One record to be produced. refused: whether it must end in the dead-letter topic."""

    key: bytes
    value: bytes
    timestamp: int
    refused: bool


class History(msgspec.Struct):
    """See the module. end: T, when everything has closed."""

    seed: int
    sent: list[Sent]
    truth: Truth
    end: int

    def records(self) -> list[Record]:
        """As `fold` reads them: one partition, in order of arrival."""
        return [Record(offset, one.timestamp, one.value, one.key) for offset, one in enumerate(self.sent)]


def history(seed: int, customers: int, events: int, policy: Policy) -> History:
    """A few thousand customers with duplicates, disorder, lateness, and payloads that must be refused."""
    simulation = simulate(customers, events, seed, duplicates=0.05, late=0.03, disorder=0.3, rubbish=0.02)
    sent = list(_with_untimely(simulation, policy))
    end = max(simulation.truth.settled_ms, sent[-1].timestamp + policy.drain_ms)
    return History(seed, sent, simulation.truth, end)


def _with_untimely(simulation: Simulation, policy: Policy) -> Iterator[Sent]:
    """The simulation, and from the time on when its beginning is too late, events of then, and of an hour ahead."""
    first: Simulated | None = None
    for number, one in enumerate(simulation):
        yield Sent(one.key, one.value, one.arrival_ms, one.payload is None)
        if first is None and one.payload is not None:
            first = one
        if first is not None and number % UNTIMELY_EVERY == 0 and one.arrival_ms > first.at_ms + policy.allowance_ms + DAY:
            yield _untimely(first, f"old-{number}", first.at_ms, one.arrival_ms)
            yield _untimely(first, f"early-{number}", one.arrival_ms + policy.future_ms + HOUR, one.arrival_ms)


def _untimely(one: Simulated, name: str, at_ms: int, arrival_ms: int) -> Sent:
    time = datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    payload = {**(one.payload or {}), "id": name, "time": time}
    return Sent(name.encode(), orjson.dumps(payload), arrival_ms, refused=True)


def produce(bootstrap: str, topic: str, found: History, partitions: int) -> set[tuple[int, int]]:
    """Sends everything, and at the end a clock record at T to every partition; where the refused records lie."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, batch_size=256 * 1024)
    waiting: list[tuple[bool, Any]] = []
    try:
        for one in found.sent:
            future = producer.send(topic, key=one.key, value=one.value, timestamp_ms=one.timestamp)
            waiting.append((one.refused, future))
        for number in range(partitions):
            headers = [(JOURNEY_CLOCK, b"")]
            future = producer.send(topic, key=CLOCK_KEY, value=None, headers=headers, timestamp_ms=found.end, partition=number)
            waiting.append((False, future))
        stored = [(refused, future.get(timeout=60)) for refused, future in waiting]
    finally:
        producer.close()
    return {(metadata.partition, metadata.offset) for refused, metadata in stored if refused}
