"""What commands read from Kafka: the ends of logs, and the dead letters. Nothing is committed, no group is joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from streams.cli.failure import Failure
from streams.core.model import Partition
from streams.kafka_access import KafkaAccess
from streams.worker.dead_letters import PREFIX

ANSWER_MS = 10_000
POLL_MS = 500


class DeadLetter(msgspec.Struct, frozen=True):
    """A rejected record. position: topic/partition/offset of the record; at: when it was rejected, ms."""

    position: str
    at: int
    stage: str
    reason: str
    detail: str
    headers: dict[str, str]
    value: bytes


def log_ends(access: KafkaAccess, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The offset behind the last record of each partition."""
    with closing(_consumer(access)) as consumer:
        wanted = {TopicPartition(found.topic, found.number): found for found in partitions}
        return {wanted[found]: end for found, end in consumer.end_offsets(list(wanted), ANSWER_MS).items()}


def dead_letters(access: KafkaAccess, topic: str) -> list[DeadLetter]:
    """Every dead letter, the newest first; of several about one record the newest counts. Failure without the topic."""
    with closing(_consumer(access)) as consumer:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise Failure(f"Topic {topic} is not there; `journey topics create` makes it.")
        found = {letter.position: letter for letter in _read(consumer, [TopicPartition(topic, number) for number in numbers])}
    return sorted(found.values(), key=lambda letter: (-letter.at, letter.position))


def _consumer(access: KafkaAccess) -> Any:
    return KafkaConsumer(**access.client_options(), enable_auto_commit=False, group_id=None)


def _read(consumer: Any, partitions: list[Any]) -> Iterator[DeadLetter]:
    """Up to the ends of the logs at this moment."""
    ends = consumer.end_offsets(partitions, ANSWER_MS)
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            yield from (_letter(record) for record in records)


def _letter(record: Any) -> DeadLetter:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    return DeadLetter(
        position=(record.key or b"").decode("utf-8", "replace"),
        at=record.timestamp,
        stage=headers.get(f"{PREFIX}stage", ""),
        reason=headers.get(f"{PREFIX}reason", ""),
        detail=headers.get(f"{PREFIX}detail", ""),
        headers=headers,
        value=record.value or b"",
    )
