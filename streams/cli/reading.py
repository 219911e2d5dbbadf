"""What commands read of Kafka's logs: their ends. Nothing is committed, no group is joined."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from streams.core.model import Partition
from streams.kafka_access import KafkaAccess

ANSWER_MS = 10_000


def log_ends(access: KafkaAccess, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The offset behind the last record of each partition."""
    with closing(KafkaConsumer(**access.client_options(), enable_auto_commit=False, group_id=None)) as consumer:
        wanted = {TopicPartition(found.topic, found.number): found for found in partitions}
        return {wanted[found]: end for found, end in consumer.end_offsets(list(wanted), ANSWER_MS).items()}
