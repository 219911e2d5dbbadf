"""What commands read of Kafka's logs: where they begin and end. Nothing is committed, no group is joined."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.core.model import Partition
from streams.kafka_access import KafkaAccess
from streams.rebuild import Log

ANSWER_MS = 10_000


def log_ends(access: KafkaAccess, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The offset behind the last record of each partition."""
    with closing(KafkaConsumer(**access.client_options(), enable_auto_commit=False, group_id=None)) as consumer:
        wanted = {TopicPartition(found.topic, found.number): found for found in partitions}
        return {wanted[found]: end for found, end in consumer.end_offsets(list(wanted), ANSWER_MS).items()}


def logs_of(access: KafkaAccess, topics: Sequence[str]) -> dict[Partition, Log]:
    """The log of every partition of these topics; when the first record was written is asked only where earlier ones are gone."""
    with closing(KafkaConsumer(**access.client_options(), enable_auto_commit=False, group_id=None)) as consumer:
        found = [
            TopicPartition(topic, number) for topic in topics for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        starts, ends = consumer.beginning_offsets(found), consumer.end_offsets(found)
        return {
            Partition(tp.topic, tp.partition): Log(
                starts[tp], ends[tp], _first_at(consumer, tp) if 0 < starts[tp] < ends[tp] else None
            )
            for tp in found
        }


def _first_at(consumer: KafkaConsumer, tp: TopicPartition) -> int | None:
    consumer.assign([tp])
    consumer.seek_to_beginning(tp)
    try:
        records = consumer.poll(timeout_ms=ANSWER_MS, max_records=1).get(tp, [])
    except KafkaError:
        return None  # the rebuild itself will say what is wrong
    return records[0].timestamp if records else None
