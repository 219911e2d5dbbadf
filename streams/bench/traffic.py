"""The topic that both sides read: simulated touchpoints in order of arrival, keyed by person, lz4, stamped on arrival."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

from kafka import KafkaProducer

from streams.simulate import simulate

PARTITIONS = 4
LONGEST_MS = str(2**63 - 1)
HISTORY = {"message.timestamp.before.max.ms": LONGEST_MS, "message.timestamp.after.max.ms": LONGEST_MS, "retention.ms": "-1"}
ORDINARY = {"duplicates": 0.01, "late": 0.01, "disorder": 0.1, "rubbish": 0.002}
"""Shares of what ordinary traffic has: see `streams.simulate.Options`."""
ACKNOWLEDGED_SECONDS = 120.0


def fill(bootstrap: str, topic: str, events: int, customers: int) -> int:
    """Produces the first `events` payloads of a simulation and waits until they are there; returns their bytes."""
    simulation = simulate(customers, events, 1, **ORDINARY)
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", linger_ms=50, batch_size=256 * 1024)
    total = 0
    with closing(producer):
        for one in islice(simulation, events):
            value = one.value
            total += len(value)
            producer.send(topic, value=value, key=one.key, timestamp_ms=one.arrival_ms)
        producer.flush(timeout=ACKNOWLEDGED_SECONDS)
    return total
