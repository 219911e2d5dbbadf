"""Files of a producer's payloads to Kafka: validated with the worker's own decoder, keyed by person, positions kept.

Plain: records in the file's order, with Kafka's own timestamps. Backfill: sorted by event time, then line; record
timestamps are the event times; clock records tell every partition how far time has come, so that no partition without
records holds the watermark back, and a last one at T ends the playing where `fold` would end it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec
from kafka import KafkaAdminClient, KafkaProducer

from schemas.outcomes import JOURNEY_CLOCK, JOURNEY_POSITION
from streams.core.decode import Decoder
from streams.core.model import Ignored, Record, Touchpoint
from streams.core.policy import Policy, TopicPolicy
from streams.files import file_name, read_file
from streams.kafka_access import KafkaAccess
from streams.kafka_admin import NO_ERROR, topic_configs
from streams.kafka_shift import shift_payload

CLOCK_KEY = b"journey-clock"  # kafka-python sends no record without key and value
CLOCK_EVERY_SECONDS = 0.5
CLOCK_EVERY_RECORDS = 5_000
PROGRESS_EVERY_SECONDS = 0.2
MAX_UNACKNOWLEDGED = 20_000
ACKNOWLEDGED_SECONDS = 60.0
DAY_MS = 86_400_000


class ProduceError(RuntimeError):
    """The topic is not there, or is not made for what was asked; one sentence that says what to do."""


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is played.

    rate: records per second at most. backfill: see the module. shift_to: all times are moved by one offset, so that the
    latest accepted event is at this moment (ms); implies backfill. speed: event time per wall-clock time, such as 60
    for an hour in a minute; implies backfill. until: T in ms; later events are left out.
    """

    rate: float | None = None
    backfill: bool = False
    shift_to: int | None = None
    speed: float | None = None
    until: int | None = None

    @property
    def by_event_time(self) -> bool:
        """Whether records are sorted and stamped by event time."""
        return self.backfill or self.shift_to is not None or self.speed is not None


class Produced(msgspec.Struct):
    """Counts so far. payloads = records + ignored + rejected + after_until, once all are read.

    reasons: of the ignored and rejected ones, `ignored|REASON` and `rejected|STAGE|REASON`. examples: `file:line` of
    the first rejected payload for each reason. event_time: the latest sent so far, in ms, -1 before the first.
    """

    payloads: int = 0
    records: int = 0
    touchpoints: int = 0
    ignored: int = 0
    rejected: int = 0
    after_until: int = 0
    clock_records: int = 0
    event_time: int = -1
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    examples: dict[str, str] = msgspec.field(default_factory=dict)


class Event(msgspec.Struct, frozen=True):
    """One accepted payload. at: its latest event time in ms, `number` its place in what was read."""

    at: int
    number: int
    key: bytes
    value: bytes
    position: bytes
    touchpoints: int


Progress = Callable[[Produced], None]
"""Called now and then while playing, and once at the end."""


def no_progress(_: Produced) -> None:
    """For those who do not watch."""


def produce_file(
    access: KafkaAccess,
    paths: Sequence[str],
    topic: TopicPolicy,
    policy: Policy,
    playing: Playing | None = None,
    progress: Progress = no_progress,
) -> Produced:
    """Validates and produces files (`streams.files`), and returns when Kafka has acknowledged every record.

    Rejected and ignored payloads are counted and not sent. Raises ProduceError, UnreadableFileError, FormatError, and
    what kafka-python raises.
    """
    playing = playing or Playing()
    counts = Produced()
    events: Iterable[Event] = read_events(paths, Decoder(topic, policy), counts)
    end = -1
    if playing.by_event_time:
        events, end = _in_time(list(events), Decoder(topic, policy), policy, playing, counts)
    with closing(_Sender(access, topic.name, counts, progress)) as sender:
        if playing.by_event_time:
            sender.require_own_timestamps()
        sender.play(events, playing)
        if end >= 0:
            sender.clock(end + policy.disorder_ms)  # the watermark stays behind the clocks by the disorder
        sender.finish()
    progress(counts)
    return counts


def read_events(paths: Iterable[str], decoder: Decoder, counts: Produced) -> Iterator[Event]:
    """The accepted payloads of files in their order, while the others are counted."""
    for path in paths:
        name = file_name(path)
        for line in read_file(path):
            position = f"{name}:{line.number}".encode()
            counts.payloads += 1
            found = decode_payload(decoder, line.payload, position, 0)
            if isinstance(found, tuple) and found:
                yield _event(found, counts.payloads, line.payload, position)
            elif isinstance(found, tuple | Ignored):
                counts.ignored += 1
                counts.reasons[f"ignored|{found.reason if isinstance(found, Ignored) else 'nothing'}"] += 1
            else:
                counts.rejected += 1
                reason = f"rejected|{found.stage}|{found.reason}"
                counts.reasons[reason] += 1
                counts.examples.setdefault(reason, f"{position.decode()} {found.detail}".strip())


def decode_payload(decoder: Decoder, payload: bytes, position: bytes, timestamp: int) -> Any:
    """What the worker will make of this payload."""
    return decoder.decode(Record(0, timestamp, payload, None, ((JOURNEY_POSITION, position),)))


def _event(touchpoints: tuple[Touchpoint, ...], number: int, payload: bytes, position: bytes) -> Event:
    best = (touchpoints[0].persons or touchpoints[0].references)[0]
    at = max(touchpoint.at for touchpoint in touchpoints)
    return Event(at, number, best.encode(), payload, position, len(touchpoints))


def _in_time(
    events: list[Event], decoder: Decoder, policy: Policy, playing: Playing, counts: Produced
) -> tuple[list[Event], int]:
    """Sorted by event time, then line, moved and cut as asked; and T, -1 where there is nothing to end."""
    if playing.shift_to is not None and events:
        # Whole days, where dates alone would otherwise move by less than the rest.
        offset = playing.shift_to - max(event.at for event in events)
        events = [_shifted(event, decoder, offset) for event in events]
    if playing.until is not None:
        late = sum(event.at > playing.until for event in events)
        counts.after_until += late
        events = [event for event in events if event.at <= playing.until] if late else events
    events.sort(key=lambda event: (event.at, event.number))
    if playing.until is not None:
        return events, playing.until
    return events, events[-1].at + policy.drain_ms if events else -1


def _shifted(event: Event, decoder: Decoder, offset: int) -> Event:
    payload = shift_payload(event.value, offset)
    found = decode_payload(decoder, payload, event.position, 0)
    if not isinstance(found, tuple) or not found:
        raise ProduceError(f"{event.position.decode()} cannot be moved in time: its times are not seen by their shape")
    moved = _event(found, event.number, payload, event.position)
    if abs(moved.at - event.at - offset) > DAY_MS:
        raise ProduceError(f"{event.position.decode()} cannot be moved in time: its times are not seen by their shape")
    return moved


class _Pace:
    """When the next record may go, and when the partitions should hear the time."""

    def __init__(self, playing: Playing) -> None:
        self._playing = playing
        self._started = self._clocked = time.monotonic()
        self._first_at: int | None = None
        self._records_since_clock = 0

    def seconds_until(self, event: Event, sent: int) -> float:
        """How long to wait before this event; the first one sets where event time starts."""
        if self._first_at is None:
            self._first_at = event.at
        due = self._started
        if self._playing.rate:
            due += sent / self._playing.rate
        if self._playing.speed:
            due = max(due, self._started + (event.at - self._first_at) / 1_000 / self._playing.speed)
        return due - time.monotonic()

    def event_time(self) -> int:
        """Where event time is now, between the events, at the asked speed."""
        elapsed = time.monotonic() - self._started
        return (self._first_at or 0) + int(elapsed * 1_000 * (self._playing.speed or 0))

    def clock_is_due(self, records: int) -> bool:
        """Whether the partitions should hear the time now, after so many more records."""
        self._records_since_clock += records
        now = time.monotonic()
        if now - self._clocked < CLOCK_EVERY_SECONDS and self._records_since_clock < CLOCK_EVERY_RECORDS:
            return False
        self._clocked, self._records_since_clock = now, 0
        return True


class _Sender:
    """One producer on one topic."""

    def __init__(self, access: KafkaAccess, topic: str, counts: Produced, progress: Progress) -> None:
        self._topic = topic
        self._counts = counts
        self._progress = progress
        self._waiting: list[Any] = []
        self._told = time.monotonic()
        with closing(KafkaAdminClient(**access.client_options())) as admin:
            (described,) = admin.describe_topics([topic])
            if described["error_code"] != NO_ERROR:
                raise ProduceError(f"Topic {topic} is not there: `journey topics create` makes it")
            self._configs = topic_configs(admin, [topic]).get(topic, {})
        self._partitions = sorted(partition["partition_index"] for partition in described["partitions"])
        self._producer = KafkaProducer(**access.client_options(), linger_ms=20, batch_size=128 * 1024)

    def require_own_timestamps(self) -> None:
        """ProduceError for a topic where the broker would replace event times by its own."""
        if self._configs.get("message.timestamp.type", "CreateTime") != "CreateTime":
            raise ProduceError(
                f"Topic {self._topic} stamps records with the time they arrive: play a file by event time into a topic "
                "with message.timestamp.type=CreateTime, such as touchpoints.history, and a namespace with JOURNEY_CLOCK=history"
            )

    def play(self, events: Iterable[Event], playing: Playing) -> None:
        """Sends in order, not faster than asked."""
        pace = _Pace(playing)
        for event in events:
            while (wait := pace.seconds_until(event, self._counts.records)) > 0:
                time.sleep(min(wait, PROGRESS_EVERY_SECONDS))
                if playing.speed and pace.clock_is_due(0):
                    self.clock(min(pace.event_time(), event.at))
                self._tell()
            self._send(event, event.at if playing.by_event_time else None)
            if playing.by_event_time and pace.clock_is_due(1):
                self.clock(event.at)
            self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_EVERY_SECONDS:
            self._told = now
            self._progress(self._counts)

    def _send(self, event: Event, timestamp: int | None) -> None:
        headers = [(JOURNEY_POSITION, event.position)]
        self._keep(self._producer.send(self._topic, key=event.key, value=event.value, headers=headers, timestamp_ms=timestamp))
        self._counts.records += 1
        self._counts.touchpoints += event.touchpoints
        self._counts.event_time = max(self._counts.event_time, event.at)

    def clock(self, at: int) -> None:
        """Tells every partition that event time has come to `at`."""
        for partition in self._partitions:
            self._keep(
                self._producer.send(
                    self._topic, key=CLOCK_KEY, value=None, headers=[(JOURNEY_CLOCK, b"")], timestamp_ms=at, partition=partition
                )
            )
        self._counts.clock_records += len(self._partitions)

    def _keep(self, sent: Any) -> None:
        self._waiting.append(sent)
        if len(self._waiting) >= MAX_UNACKNOWLEDGED:
            self.finish()

    def finish(self) -> None:
        """Waits for every acknowledgement; raises the first refusal."""
        self._producer.flush(timeout=ACKNOWLEDGED_SECONDS)
        waiting, self._waiting = self._waiting, []
        for sent in waiting:
            sent.get(timeout=ACKNOWLEDGED_SECONDS)

    def close(self) -> None:
        """Releases the connections; what was not acknowledged by then is given up."""
        self._producer.close(timeout=5)
