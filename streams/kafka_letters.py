"""The dead-letter topic, read: every rejected record that nobody has dealt with. Nothing is committed, no group is joined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from streams.core.model import Partition, Record
from streams.kafka_access import KafkaAccess
from streams.worker.dead_letters import DETAILS, PREFIX, position_of

ANSWER_MS = 10_000
POLL_MS = 500


class LettersError(RuntimeError):
    """The topic is not there; one sentence that says what to do."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A rejected record. at: when it was rejected, ms. record: as it came; its value is cut where `truncated`."""

    partition: Partition
    record: Record
    at: int
    stage: str
    reason: str
    detail: str
    truncated: bool

    @property
    def position(self) -> str:
        """topic/partition/offset of the record, the letter's key."""
        return position_of(self.partition, self.record)

    @property
    def headers(self) -> dict[str, str]:
        """The record's own headers, as text."""
        return {name: (value or b"").decode("utf-8", "replace") for name, value in self.record.headers}


def read_letters(access: KafkaAccess, topic: str) -> Iterator[DeadLetter]:
    """The letters that there are at this moment, in no order. Of several about one record the newest counts, and none where that
    one has no value: somebody has dealt with it. Raises LettersError.

    The topic is read twice, so that only keys are kept in memory.
    """
    with closing(KafkaConsumer(**access.client_options(), enable_auto_commit=False, group_id=None)) as consumer:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise LettersError(f"Topic {topic} is not there; `journey topics create` makes it.")
        partitions = [TopicPartition(topic, number) for number in numbers]
        ends = consumer.end_offsets(partitions, ANSWER_MS)
        latest: dict[bytes, tuple[int, int]] = {}
        for record in _records(consumer, ends):
            if record.value is None:
                latest.pop(record.key, None)
            else:
                latest[record.key] = record.partition, record.offset
        for record in _records(consumer, ends):
            if latest.get(record.key) == (record.partition, record.offset) and (letter := _letter(record)) is not None:
                yield letter


def _records(consumer: Any, ends: dict[Any, int]) -> Iterator[Any]:
    """From the start of the logs up to these ends."""
    consumer.assign(list(ends))
    consumer.seek_to_beginning(*ends)
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for partition, records in consumer.poll(timeout_ms=POLL_MS).items():
            yield from (record for record in records if record.offset < ends[partition])


def _letter(record: Any) -> DeadLetter | None:
    """None for what is no letter of a worker's."""
    told = {name.removeprefix(PREFIX): value for name, value in record.headers if name in DETAILS and value is not None}
    try:
        partition = Partition(told["topic"].decode(), int(told["partition"]))
        offset, timestamp = int(told["offset"]), int(told["timestamp"])
    except (KeyError, ValueError):
        return None
    own = tuple((name, value) for name, value in record.headers if name not in DETAILS)
    stage, reason, detail = (told.get(name, b"").decode("utf-8", "replace") for name in ("stage", "reason", "detail"))
    rejected = Record(offset, timestamp, record.value, told.get("key"), own)
    return DeadLetter(partition, rejected, record.timestamp, stage, reason, detail, "truncated" in told)
