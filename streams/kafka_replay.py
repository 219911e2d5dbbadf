"""Dead letters sent again, for workers that understand them by now.

A letter is sent to the topic that its record came from, with the key, the headers and the bytes that it had, and with the
time at which it first came in a header, so that a producer's clock is judged as it would have been then. Once Kafka has it, the letter is
removed. Nothing counts twice, however often a letter is sent: an event's id does not depend on when or how it came.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

import msgspec
from kafka import KafkaProducer

from schemas.outcomes import JOURNEY_REPLAYED, JOURNEY_TIMESTAMP
from streams.core.decode import Decoder
from streams.core.model import Ignored, Rejected, Touchpoint
from streams.core.policy import Policy, TopicPolicy
from streams.kafka_access import KafkaAccess
from streams.kafka_letters import DeadLetter, read_letters
from streams.registry_access import FrameReader

ACKNOWLEDGED_SECONDS = 60.0
AT_ONCE = 500
"""Letters that are sent before Kafka has to have acknowledged them, and their removal is sent."""

MAX_REQUEST_BYTES = 16 * 1024 * 1024

Wanted = Callable[[DeadLetter], bool]
Progress = Callable[["Replayed"], None]


class Replayed(msgspec.Struct):
    """letters = sent + ignored + kept, of those that were asked for. reasons: of the kept ones. touchpoints: in what was sent."""

    letters: int = 0
    sent: int = 0
    touchpoints: int = 0
    ignored: int = 0
    kept: int = 0
    reasons: Counter[str] = msgspec.field(default_factory=Counter)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How workers read now. clock: the record clock of live topics, ms; `to`: another topic to send to, read by the same format."""

    policy: Policy
    topics: Mapping[str, TopicPolicy]
    clock: int
    frames: FrameReader | None = None
    to: str | None = None


def replay(
    access: KafkaAccess, topic: str, reading: Reading, wanted: Wanted, progress: Progress, *, dry_run: bool = False
) -> Replayed:
    """Sends what can be read by now, removes what is ignored by now, and keeps the rest. Raises LettersError, FormatError."""
    counts = Replayed()
    judge = _Judge(reading)
    with asyncio.Runner() as runner, closing(_Sender(access, topic, dry_run=dry_run)) as sender:
        for letter in read_letters(access, topic):
            if not wanted(letter):
                continue
            counts.letters += 1
            if reading.frames is not None:
                runner.run(reading.frames.prepare([letter.record.value]))
            found = judge.look(letter)
            if isinstance(found, str):
                counts.kept += 1
                counts.reasons[found] += 1
            elif found:
                counts.sent += 1
                counts.touchpoints += found
                sender.send(letter, reading.to)
            else:
                counts.ignored += 1
                sender.remove([letter])
            progress(counts)
        sender.finish()
        if reading.frames is not None:
            runner.run(reading.frames.close())
    return counts


class _Judge:
    """What a worker would make of a letter's record if it came again."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        unframe = None if reading.frames is None else reading.frames.unframe
        self._decoders = {name: Decoder(topic, reading.policy, unframe) for name, topic in reading.topics.items()}

    def look(self, letter: DeadLetter) -> int | str:
        """How many touchpoints it would give, 0 where it would be ignored; or why it would be refused again."""
        name = self._reading.to or letter.partition.topic
        topic = self._reading.topics.get(name)
        if topic is None:
            return "its topic is none of JOURNEY_TOPICS"
        own = self._reading.topics.get(letter.partition.topic)
        if own is not None and own.format != topic.format:
            return f"{name} has another format than its topic"
        if letter.truncated:
            return "the letter is cut; its record is at its position, if Kafka still has it"
        found = self._decoders[name].decode(letter.record)
        if isinstance(found, Rejected):
            return str(found.reason)
        if isinstance(found, Ignored):
            return 0
        return self._untimely(topic, found) or len(found)

    def _untimely(self, topic: TopicPolicy, touchpoints: Iterable[Touchpoint]) -> str:
        policy = self._reading.policy
        if topic.cadence == "live" and any(one.at < self._reading.clock - policy.allowance_ms for one in touchpoints):
            return "too_late"
        return "from_future" if any(one.at > self._reading.clock + policy.future_ms for one in touchpoints) else ""


class _Sender:
    """Letters' records to their topics, and then the letters' removal."""

    def __init__(self, access: KafkaAccess, topic: str, *, dry_run: bool) -> None:
        self._topic = topic
        self._sent: list[tuple[DeadLetter, Any]] = []
        self._removed: list[Any] = []
        self._producer = (
            None if dry_run else KafkaProducer(**access.client_options(), linger_ms=20, max_request_size=MAX_REQUEST_BYTES)
        )

    def send(self, letter: DeadLetter, to: str | None) -> None:
        """On the partition where it was; in another topic Kafka chooses one by the key."""
        if self._producer is None:
            return
        record = letter.record
        headers = [(name, value or b"") for name, value in record.headers if name not in {JOURNEY_TIMESTAMP, JOURNEY_REPLAYED}]
        headers += [(JOURNEY_TIMESTAMP, b"%d" % record.timestamp), (JOURNEY_REPLAYED, letter.position.encode())]
        place: dict[str, Any] = (
            {"topic": letter.partition.topic, "partition": letter.partition.number} if to is None else {"topic": to}
        )
        timestamp = record.timestamp if record.timestamp >= 0 else None
        sent = self._producer.send(**place, key=record.key, value=record.value, headers=headers, timestamp_ms=timestamp)
        self._sent.append((letter, sent))
        if len(self._sent) >= AT_ONCE:
            self._acknowledged()

    def remove(self, letters: Iterable[DeadLetter]) -> None:
        """A record without a value takes the letter's place, until compaction removes both."""
        if self._producer is not None:
            self._removed += [self._producer.send(self._topic, key=letter.position.encode(), value=None) for letter in letters]

    def finish(self) -> None:
        """Returns when Kafka has everything; raises its first refusal."""
        self._acknowledged()
        for removed in self._removed:
            removed.get(ACKNOWLEDGED_SECONDS)

    def _acknowledged(self) -> None:
        sent, self._sent = self._sent, []
        for _, acknowledgement in sent:
            acknowledgement.get(ACKNOWLEDGED_SECONDS)
        self.remove(letter for letter, _ in sent)

    def close(self) -> None:
        """Releases connections."""
        if self._producer is not None:
            self._producer.close(timeout=5)


def in_letters(positions: Iterable[str], reasons: Iterable[str], topics: Iterable[str]) -> Wanted:
    """Letters of these positions, reasons and topics; of all where none is named."""
    places, why, names = set(positions), set(reasons), set(topics)

    def wanted(letter: DeadLetter) -> bool:
        return (
            (not places or letter.position in places)
            and (not why or letter.reason in why)
            and (not names or letter.partition.topic in names)
        )

    return wanted
