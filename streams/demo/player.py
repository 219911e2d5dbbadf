"""Sends the demo's records: history at full speed, then thirty hours at the asked speed, the spacing of arrivals kept.

Timestamps are arrivals. Clock records tell every partition how far time has come, so that a partition without records
holds no watermark back. Methods block; they run in a thread, and `stop` ends them from another one.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from kafka import KafkaProducer

from schemas.outcomes import JOURNEY_CLOCK
from streams.demo.content import Item
from streams.kafka_access import KafkaAccess
from streams.kafka_produce import CLOCK_KEY

CLOCK_EVERY_RECORDS = 4_000
CLOCK_EVERY_SECONDS = 0.2
LIVE_CLOCK_EVERY_SECONDS = 1.0
STEP_SECONDS = 0.05
FLUSH_SECONDS = 30.0


class Player:
    """One producer for all topics.

    topics: name -> number of partitions, in the order that items count them in. start: where history ends and the playing
    starts, ms. sent: records so far, clock records included; of_data: those without. event_time: how far time has come,
    ms, -1 before the first.
    """

    def __init__(self, access: KafkaAccess, topics: Mapping[str, int], items: Sequence[Item], start: int) -> None:
        self.start = start
        self.sent = 0
        self.of_data = 0
        self.event_time = -1
        self._names = list(topics)
        self._topics = topics
        self._items = items
        self._next = 0
        self._stopped = threading.Event()
        self._refused: list[BaseException] = []
        self._producer = KafkaProducer(**access.client_options(), linger_ms=10, batch_size=256 * 1024)

    def before(self, at: int) -> int:
        """How many records arrive before `at`, clock records not counted."""
        return bisect_left(self._items, at, key=attrgetter("arrival_ms"))

    def load(self) -> None:
        """Everything before `start`, as fast as the broker takes it."""
        end = self.before(self.start)
        while self._next < end and not self._stopped.is_set():
            self._send(min(end, self._next + CLOCK_EVERY_RECORDS))
            self._clock(self._items[self._next - 1].arrival_ms)
            self._check()
        self._clock(self.start - 1)
        self._flush()

    def play(self, end: int, seconds: float) -> None:
        """From `start` to `end` (ms) in so many seconds."""
        self._run(self.start, end, (end - self.start) / seconds / 1_000, CLOCK_EVERY_SECONDS)

    def go_on(self, start: int) -> None:
        """From `start` (ms) on, a second in a second, until stopped."""
        self._run(start, None, 1.0, LIVE_CLOCK_EVERY_SECONDS)

    def _run(self, start: int, end: int | None, speed: float, clock_seconds: float) -> None:
        begun = clocked = time.monotonic()
        while not self._stopped.is_set():
            now = start + int((time.monotonic() - begun) * 1_000 * speed)
            if end is not None and now >= end:
                break
            self._send(bisect_left(self._items, now, lo=self._next, key=attrgetter("arrival_ms")))
            if time.monotonic() - clocked >= clock_seconds:
                clocked = time.monotonic()
                self._clock(now - 1)
            self._check()
            self._stopped.wait(STEP_SECONDS)
        if end is not None:
            self._send(bisect_left(self._items, end + 1, lo=self._next, key=attrgetter("arrival_ms")))
            self._clock(end)
        self._flush()

    def _send(self, end: int) -> None:
        for item in self._items[self._next : end]:
            self._put(self._names[item.topic], item.arrival_ms, key=item.key, value=item.value, headers=list(item.headers))
        self.of_data += end - self._next
        self._next = end

    def _clock(self, at: int) -> None:
        for topic, partitions in self._topics.items():
            for partition in range(partitions):
                self._put(topic, at, key=CLOCK_KEY, value=None, headers=[(JOURNEY_CLOCK, b"")], partition=partition)

    def _put(self, topic: str, at: int, **record: Any) -> None:
        self._producer.send(topic, timestamp_ms=at, **record).add_errback(self._refused.append)
        self.sent += 1
        self.event_time = max(self.event_time, at)

    def _check(self) -> None:
        if self._refused:
            raise self._refused[0]

    def _flush(self) -> None:
        if self._stopped.is_set():
            return
        self._producer.flush(timeout=FLUSH_SECONDS)
        self._check()

    def stop(self) -> None:
        """Ends whatever is being sent, from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Releases the connections."""
        self.stop()
        self._producer.close(timeout=1)
