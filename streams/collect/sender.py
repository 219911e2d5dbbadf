"""Bodies to Kafka: acks=all, idempotent, and nothing is called done before the broker has said so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streams.kafka_access import KafkaAccess
from streams.reaching import kafka_trouble

ACKNOWLEDGED_SECONDS = 10.0
"""What the broker has not acknowledged by then, the producer is asked to send again."""
RETRY_SECONDS = 2.0
STOP_SECONDS = 5.0
ROOM_BYTES = 64 * 1024
"""For headers and what the protocol adds."""

Headers = list[tuple[str, bytes]]

log = logging.getLogger(__name__)


class AwayError(Exception):
    """Kafka has not acknowledged; whether it has the record is not known."""


class TooLargeError(Exception):
    """The topic takes no record of this size."""


class Sender:
    """A Kafka producer that is connected as soon as Kafka is there, and again when it has been away."""

    def __init__(self, access: KafkaAccess, topics: Iterable[str], body_bytes: int) -> None:
        self._access = access
        self._topics = sorted(set(topics))
        self._body_bytes = body_bytes
        self._producer: Any = None
        self._connecting: asyncio.Task[None] | None = None
        self._lacking: set[str] = set()
        self.failure = ""
        """Why trying again is of no use, such as a wrong password; empty otherwise."""
        self.failed = asyncio.Event()

    def start(self) -> None:
        """Begins to connect."""
        self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Ends the connection; everybody who waits for an acknowledgement has had an answer by then."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._producer is not None:
            try:
                await asyncio.wait_for(self._producer.stop(), STOP_SECONDS)
            except TimeoutError:
                log.warning("Kafka did not answer while the connection was closed")

    def trouble(self) -> str:
        """Why nothing can be taken, for people; empty where all is well."""
        if self._producer is None:
            return "Kafka is not connected yet"
        return (
            f"there is no topic {min(self._lacking)}; journey topics create makes those of topics.yaml" if self._lacking else ""
        )

    async def send(self, topic: str, value: bytes, headers: Headers) -> None:
        """Returns when the broker and its replicas have it. Raises AwayError or TooLargeError."""
        if self._producer is None:
            raise AwayError
        try:
            await asyncio.wait_for(self._producer.send_and_wait(topic, value, headers=headers), ACKNOWLEDGED_SECONDS)
        except MessageSizeTooLargeError as error:
            raise TooLargeError from error
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("%s: not acknowledged (%s)", topic, type(error).__name__)
            raise AwayError from error
        self._lacking.discard(topic)

    async def _connect(self) -> None:
        while True:
            if await self._try():
                log.info("Kafka is connected")
                return
            if self.failure:
                self.failed.set()
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _try(self) -> bool:
        trouble = await kafka_trouble(self._access, self._topics)
        if trouble is not None:
            self.failure = trouble.sentence if trouble.lasting else ""
            log.warning("Kafka: %s", trouble.sentence)
            return False
        producer = AIOKafkaProducer(
            **self._access.client_options(),
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_request_size=self._body_bytes + ROOM_BYTES,
            request_timeout_ms=round(ACKNOWLEDGED_SECONDS * 1000),
        )
        try:
            await producer.start()
            self._lacking = {topic for topic in self._topics if not await self._exists(producer, topic)}
        except (KafkaError, OSError) as error:
            await producer.stop()
            log.warning("Kafka: %s", type(error).__name__)
            return False
        self._producer = producer
        return True

    @staticmethod
    async def _exists(producer: Any, topic: str) -> bool:
        try:
            return bool(await asyncio.wait_for(producer.partitions_for(topic), RETRY_SECONDS))
        except (KafkaError, TimeoutError):
            return False
