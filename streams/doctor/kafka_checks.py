"""Kafka: version, topics, the consumer group, how far the namespace has read, and the clock of the newest record."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from streams.core.model import Partition, Position
from streams.doctor.check import NOT_PERMITTED, Check, counted, fail, judged, ok, warn
from streams.doctor.clocks import compare_with_kafka
from streams.doctor.topic_checks import Topic, judge_dead_letters, judge_input, missing
from streams.kafka_access import KafkaAccess
from streams.kafka_admin import NO_ERROR, topic_configs
from streams.reaching import first_line, refusal
from streams.settings import Settings

TIMEOUT_MS = 5_000
GROUP_RIGHT = "READ"
CLOCK = "clock of Kafka"
"""Not every broker can tell its newest record; only Apache Kafka 3.0 and later is sure to."""


class KafkaDoctor:
    """Looks at a cluster that has let us in."""

    def __init__(self, admin: KafkaAdminClient, access: KafkaAccess, settings: Settings) -> None:
        self._admin: Any = admin
        self._access = access
        self._settings = settings
        self._topics: dict[str, Topic] = {}

    def checks(self, positions: Mapping[Partition, Position] | None, listed: Collection[Partition]) -> Iterator[Check]:
        """Every line. positions, listed: what Redis holds, None where nobody could look."""
        yield self._guarded("Kafka", self._cluster)
        names = [*self._settings.topics, self._settings.dead_letter_topic]
        for name in names:
            yield self._guarded(f"topic {name}", partial(self._topic, name))
        yield self._guarded("consumer group", self._group)
        if positions is not None:
            yield self._guarded("positions", lambda: self._positions(positions, listed))
        yield self._guarded(CLOCK, self._clock)

    def _guarded(self, what: str, look: Callable[[], Check]) -> Check:
        try:
            return look()
        except (KafkaError, OSError) as error:
            trouble = refusal(error)
            if trouble is not None:
                return warn(what, f"{NOT_PERMITTED}: {trouble.sentence}")
            return (warn if what == CLOCK else fail)(what, f"Kafka does not tell ({first_line(error)})")
        except ValueError as error:  # kafka-python, on what another broker than Apache Kafka says
            return warn(what, f"the broker's answer is not understood ({first_line(error)})")

    def _cluster(self) -> Check:
        access = self._access
        brokers = self._admin.describe_cluster()["brokers"]
        version = ".".join(map(str, self._admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version))
        who = "with a certificate" if access.cert_file else "as anybody"
        if "sasl" in access.security:
            who = f"as {access.user} ({access.mechanism})"
        facts = [f"{access.bootstrap} {who}", access.security, f"Kafka {version} or later", counted(len(brokers), "broker")]
        return judged("Kafka", facts)

    def _topic(self, name: str) -> Check:
        (described,) = self._admin.describe_topics([name])
        if described["error_code"] == TopicAuthorizationFailedError.errno:
            return fail(f"topic {name}", f"{NOT_PERMITTED}, so workers cannot either: see deploy/security.md")
        if described["error_code"] != NO_ERROR:
            return missing(name)
        operations = described.get("authorized_operations")
        rights = frozenset(map(str, operations)) if operations else None
        configs = topic_configs(self._admin, [name]).get(name, {}) if rights is None or "DESCRIBE_CONFIGS" in rights else None
        topic = self._topics[name] = Topic(name, described["partitions"], configs, rights)
        read = next((policy for policy in self._settings.topic_policies if policy.name == name), None)
        if read is None:
            sizes = (
                int((found.configs or {}).get("max.message.bytes", "0")) for found in self._topics.values() if found != topic
            )
            return judge_dead_letters(topic, max(sizes, default=0))
        return judge_input(topic, read, self._settings.policy())

    def _group(self) -> Check:
        name = self._settings.consumer_group
        denied = f"this user may not read as {name}: see deploy/security.md"
        try:
            found = self._admin.describe_groups([name])[name]
        except GroupAuthorizationFailedError:
            return fail("consumer group", denied)
        except CoordinatorNotAvailableError:
            return warn("consumer group", f"{name}: no coordinator yet; brokers are starting, or no group was ever used here")
        members = len(found.get("members") or ())
        operations = found.get("authorized_operations")
        facts = [name, f"{counted(members, 'member')}, {str(found.get('group_state')).lower()}" if members else "no worker runs"]
        return judged("consumer group", facts, [denied] if operations and GROUP_RIGHT not in operations else [])

    def _positions(self, positions: Mapping[Partition, Position], listed: Collection[Partition]) -> Check:
        there = [Partition(topic.name, number) for topic in self._inputs() for number in range(len(topic.partitions))]
        starts, ends = self._offsets(there, OffsetSpec.EARLIEST), self._offsets(there, OffsetSpec.LATEST)
        wrong, lag = [], 0
        for partition in there:
            position = positions.get(partition)
            if position is None:
                continue
            where, start, end = f"{partition.topic}/{partition.number}", starts[partition], ends[partition]
            lag += max(0, end - position.offset)
            if position.offset > end:
                wrong.append(
                    f"{where} is at {position.offset} and its log ends at {end}: restore the log, or is this another cluster?"
                )
            elif position.offset < start:
                wrong.append(
                    f"{where} is at {position.offset} and its log starts at {start}: {start - position.offset} records are lost"
                )
        new = len(set(there) - set(positions) - set(listed))
        facts = [f"{len(set(there) & set(positions))} partitions read, lag {lag}", *([f"{new} not begun yet"] if new else [])]
        return judged("positions", facts, wrong)

    def _inputs(self) -> list[Topic]:
        return [self._topics[name] for name in self._settings.topics if name in self._topics]

    def _offsets(self, partitions: Collection[Partition], spec: Any) -> dict[Partition, int]:
        wanted = {TopicPartition(partition.topic, partition.number): spec for partition in partitions}
        found = self._admin.list_partition_offsets(wanted, timeout_ms=TIMEOUT_MS) if wanted else {}
        return {Partition(tp.topic, tp.partition): result.offset for tp, result in found.items()}

    def _clock(self) -> Check:
        """Only topics whose records the broker stamps say what its clock is."""
        stamped = [topic for topic in self._inputs() if (topic.configs or {}).get("message.timestamp.type") == "LogAppendTime"]
        wanted = {
            TopicPartition(topic.name, partition["partition_index"]): OffsetSpec.MAX_TIMESTAMP
            for topic in stamped
            for partition in topic.partitions
        }
        found = self._admin.list_partition_offsets(wanted, timeout_ms=TIMEOUT_MS) if wanted else {}
        times = [result.timestamp for result in found.values() if result.timestamp is not None and result.timestamp >= 0]
        if not times:
            return ok(CLOCK, "no record yet that a broker has stamped")
        return compare_with_kafka(time.time_ns() // 1_000_000, max(times))


def look_at_kafka(
    access: KafkaAccess, settings: Settings, positions: Mapping[Partition, Position] | None, listed: Collection[Partition]
) -> list[Check]:
    """Every line about a cluster that lets us in."""
    options = {**access.client_options(), "request_timeout_ms": TIMEOUT_MS, "bootstrap_timeout_ms": TIMEOUT_MS}
    try:
        with closing(KafkaAdminClient(**options)) as admin:
            return list(KafkaDoctor(admin, access, settings).checks(positions, listed))
    except (KafkaError, OSError) as error:
        return [fail("Kafka", f"{access.bootstrap} does not answer ({first_line(error)})")]
