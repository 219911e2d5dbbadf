"""Topics and records for tests on a broker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

Message = tuple[int, bytes | None]
"""Partition and value."""


def create(bootstrap: str, partitions: int = 1, *, prefix: str = "t", configs: dict[str, str] | None = None) -> str:
    """A new topic under a name of its own."""
    name = f"{prefix}-{uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1, topic_configs=configs or {})])
    finally:
        admin.close()
    return name


def send(bootstrap: str, topic: str, messages: Iterable[Message]) -> int:
    """Produces and waits for every acknowledgement; returns how many."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)
    try:
        futures = [producer.send(topic, value=value, partition=partition) for partition, value in messages]
        for future in futures:
            future.get(timeout=30)
    finally:
        producer.close()
    return len(futures)


def numbered(count: int, partitions: int = 1, *, start: int = 0) -> Sequence[Message]:
    """Values that say their number, round robin over the partitions."""
    return [(number % partitions, b"%d" % number) for number in range(start, start + count)]
