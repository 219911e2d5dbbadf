"""Rejected records, as they came, in the dead-letter topic, acknowledged before their position is passed.

The key is the record's position, so a record that is rejected again replaces itself when the topic is compacted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError
from faust.exceptions import ProducerSendError

from streams.core.decode import received_at
from streams.core.model import Partition, Record, Rejected

PREFIX = "journey-"
DETAILS = frozenset(
    PREFIX + name for name in ("topic", "partition", "offset", "timestamp", "key", "stage", "reason", "detail", "truncated")
)
"""The headers that are ours; all others are the record's own."""
MAX_BYTES = 15 * 1024 * 1024
"""Below the topic's max.message.bytes (deploy/topics.yaml), with room for headers."""

Headers = list[tuple[str, bytes]]


class DeadLetters:
    """Sends through the app's producer; what it raises, the caller retries."""

    def __init__(self, app: Any, topic: str) -> None:
        self._app = app
        self._topic = topic

    async def send(self, partition: Partition, rejected: Sequence[tuple[Record, Rejected]]) -> int:
        """Returns how many records the topic has acknowledged: all of them."""
        reasons: dict[int, tuple[Record, list[Rejected]]] = {}
        for record, why in rejected:
            reasons.setdefault(record.offset, (record, []))[1].append(why)
        letters = [self._letter(partition, record, why) for record, why in reasons.values()]
        await asyncio.gather(*(letters))
        return len(letters)

    async def _letter(self, partition: Partition, record: Record, why: Sequence[Rejected]) -> None:
        key = position_of(partition, record).encode()
        headers = headers_of(partition, record, why)
        value = record.value
        if value is not None and len(value) > MAX_BYTES:
            await self._send(key, value[:MAX_BYTES], [*headers, (f"{PREFIX}truncated", b"%d" % len(value))])
            return
        try:
            await self._send(key, value, headers)
        except MessageSizeTooLargeError:
            # The topic takes less than it should. Its position says where the whole record is.
            await self._send(key, b"", [*headers, (f"{PREFIX}truncated", b"%d" % len(value or b""))])

    async def _send(self, key: bytes, value: bytes | None, headers: Headers) -> None:
        try:
            await self._app.producer.send_and_wait(self._topic, key, value, None, None, headers)
        except ProducerSendError as error:  # Faust wraps what aiokafka raises
            raise (error.__cause__ or error) from None


def position_of(partition: Partition, record: Record) -> str:
    """topic/partition/offset: the key of a record's letter, and what people call it by."""
    return f"{partition}/{record.offset}"


def headers_of(partition: Partition, record: Record, why: Sequence[Rejected]) -> Headers:
    """The record's own headers, then where it was and why it was refused."""
    first = why[0]
    details = "; ".join(dict.fromkeys(reason.detail for reason in why if reason.detail))
    own: dict[str, bytes | None] = {
        "topic": partition.topic.encode(),
        "partition": b"%d" % partition.number,
        "offset": b"%d" % record.offset,
        "timestamp": b"%d" % received_at(record),
        "key": record.key,
        "stage": str(first.stage).encode(),
        "reason": str(first.reason).encode(),
        "detail": details.encode("utf-8", "replace"),
    }
    kept = [(name, value if value is not None else b"") for name, value in record.headers if name not in DETAILS]
    return kept + [(PREFIX + name, value) for name, value in own.items() if value is not None]
