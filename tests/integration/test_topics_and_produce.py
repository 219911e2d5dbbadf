"""Topics and files on a real broker."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, TopicPartition

from streams.core.policy import Policy, TopicPolicy
from streams.kafka_access import KafkaAccess
from streams.kafka_admin import TopicsError, TopicSpec, check_topics, create_topics, load_topics
from streams.kafka_produce import Playing, Produced, ProduceError, produce_file
from streams.kafka_shift import shift_payload
from tests.rig import topics
from tests.rig.kafka import KafkaBroker

DAY_MS = 86_400_000
EVENT_MS = 1_700_000_000_000
FAR = "9223372036854775807"


def event(number: int, at: str, person: str | None = None, kind: str = "page.viewed") -> dict[str, Any]:
    identifiers = {"anonymous_id": person or f"a{number}"}
    data = {"identifiers": identifiers, "channel": "web", "page": "/"}
    return {"specversion": "1.0", "id": str(number), "source": "/t", "type": kind, "time": at, "data": data}


def written(path: Path, events: list[Any]) -> str:
    lines = "".join(json.dumps(item) + "\n" if not isinstance(item, str) else item + "\n" for item in events).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return str(path)


def read_all(bootstrap: str, topic: str, partitions: int) -> dict[int, list[Any]]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    tps = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(tps)
    ends = consumer.end_offsets(tps)
    found: dict[int, list[Any]] = {number: [] for number in range(partitions)}
    deadline = time.monotonic() + 15
    while any(consumer.position(tp) < ends[tp] for tp in tps) and time.monotonic() < deadline:
        for tp, records in consumer.poll(timeout_ms=200).items():
            found[tp.partition].extend(records)
    consumer.close()
    return found


def history(bootstrap: str, partitions: int = 2) -> TopicPolicy:
    configs = {"message.timestamp.before.max.ms": FAR, "message.timestamp.after.max.ms": FAR, "retention.ms": "-1"}
    return TopicPolicy(topics.create(bootstrap, partitions, configs=configs))


def test_the_shipped_topics_are_made_once_and_found_fine(real_kafka: KafkaBroker) -> None:
    access = KafkaAccess(bootstrap=real_kafka.bootstrap)
    wanted = load_topics()
    assert {finding.state for finding in check_topics(access, wanted)} == {"missing"}
    made = create_topics(access, wanted)
    assert {finding.state for finding in made} == {"created"}
    assert "replication 1 instead of 3" in made[0].detail
    assert {finding.state for finding in create_topics(access, wanted)} == {"exists"}
    assert [finding for finding in check_topics(access, wanted) if finding.state != "fine"] == []


def test_a_topic_that_differs_is_told_how(real_kafka: KafkaBroker) -> None:
    access = KafkaAccess(bootstrap=real_kafka.bootstrap)
    name = topics.create(real_kafka.bootstrap, 2)
    (found,) = check_topics(access, [TopicSpec(name, 3, 1, {"message.timestamp.type": "LogAppendTime"})])
    assert found.state == "differs"
    assert found.detail == "2 partitions, should be 3; message.timestamp.type is CreateTime, should be LogAppendTime"


def test_a_topics_file_that_says_nothing_usable_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("topics: [{name: x}]")
    with pytest.raises(TopicsError, match=r"t\.yaml does not list topics"):
        load_topics(tmp_path / "t.yaml")


def test_a_file_arrives_keyed_with_positions_and_counted(kafka: str, tmp_path: Path) -> None:
    topic = TopicPolicy(topics.create(kafka, 3))
    lines: list[Any] = [event(number, "2023-11-14T22:13:20Z", f"a{number % 5}") for number in range(20)]
    lines[3] = "no json"
    lines[7] = event(7, "2023-11-14T22:13:20Z", kind="no.such.type")
    seen: list[int] = []
    counts = produce_file(
        KafkaAccess(bootstrap=kafka),
        [written(tmp_path / "f.jsonl.gz", lines)],
        topic,
        Policy(),
        progress=lambda so_far: seen.append(so_far.records),
    )
    assert (counts.payloads, counts.records, counts.rejected, counts.clock_records) == (20, 18, 2, 0)
    assert counts.examples["rejected|contract|unknown_type"].startswith("f.jsonl.gz:8")
    assert seen[-1] == 18
    found = read_all(kafka, topic.name, 3)
    for records in found.values():
        lines_there = [int(dict(record.headers)["journey-position"].split(b":")[1]) for record in records]
        assert lines_there == sorted(lines_there)
    places = {(record.key, number) for number, records in found.items() for record in records}
    assert {key for key, _ in places} == {b"anonymous_id:a%d" % number for number in range(5)}
    assert len(places) == 5  # a person stays on one partition


def test_a_backfill_is_in_event_time_and_ends_with_the_clock_at_t(kafka: str, tmp_path: Path) -> None:
    topic = history(kafka)
    lines = [event(number, f"2023-11-{day:02}T00:00:00Z") for number, day in enumerate([14, 12, 13, 12, 15])]
    access, policy = KafkaAccess(bootstrap=kafka), Policy(clock="history")
    counts = produce_file(access, [written(tmp_path / "f.jsonl", lines)], topic, policy, Playing(backfill=True))
    found = read_all(kafka, topic.name, 2)
    sent = sorted((record.timestamp, record.headers) for records in found.values() for record in records if record.value)
    assert [int(dict(headers)["journey-position"].split(b":")[1]) for _, headers in sent] == [2, 4, 3, 1, 5]
    end = 1_700_006_400_000 + policy.drain_ms  # 2023-11-15T00:00Z
    for records in found.values():
        assert [record.timestamp for record in records] == sorted(record.timestamp for record in records)
        assert (records[-1].value, records[-1].timestamp) == (None, end)
        assert records[-1].headers[0][0] == "journey-clock"
    assert counts.clock_records == 2


def test_until_cuts_and_ends_there(kafka: str, tmp_path: Path) -> None:
    topic = history(kafka, 1)
    lines = [event(number, f"2023-11-{day}T00:00:00Z") for number, day in enumerate([14, 12, 13])]
    until = 1_699_833_600_000  # 2023-11-13T00:00Z
    playing = Playing(backfill=True, until=until)
    policy = Policy(clock="history")
    counts = produce_file(KafkaAccess(bootstrap=kafka), [written(tmp_path / "f.jsonl", lines)], topic, policy, playing)
    assert (counts.records, counts.after_until) == (2, 1)
    assert read_all(kafka, topic.name, 1)[0][-1].timestamp == until


def test_a_shift_moves_all_times_and_keeps_their_spacing(kafka: str, tmp_path: Path) -> None:
    topic = history(kafka, 1)
    lines = [event(number, f"2023-11-14T22:13:{20 + number}.500Z") for number in range(3)]
    now = int(time.time() * 1_000)
    path = written(tmp_path / "f.jsonl", lines)
    counts = produce_file(KafkaAccess(bootstrap=kafka), [path], topic, Policy(clock="history"), Playing(shift_to=now, speed=10.0))
    records = [record for record in read_all(kafka, topic.name, 1)[0] if record.value]
    assert [record.timestamp for record in records] == [now - 2_000, now - 1_000, now]
    assert counts.event_time == now


def test_playing_at_a_rate_takes_its_time(kafka: str, tmp_path: Path) -> None:
    topic = TopicPolicy(topics.create(kafka, 1))
    path = written(tmp_path / "f.jsonl", [event(number, "2023-11-14T22:13:20Z") for number in range(11)])
    started = time.monotonic()
    produce_file(KafkaAccess(bootstrap=kafka), [path], topic, Policy(), Playing(rate=20))
    assert time.monotonic() - started >= 0.5


def test_a_missing_topic_and_one_of_the_wrong_kind_are_named(real_kafka: KafkaBroker, tmp_path: Path) -> None:
    access = KafkaAccess(bootstrap=real_kafka.bootstrap)
    path = written(tmp_path / "f.jsonl", [event(1, "2023-11-14T22:13:20Z")])
    with pytest.raises(ProduceError, match="is not there"):
        produce_file(access, [path], TopicPolicy(f"none-{uuid4().hex}"), Policy())
    stamped = topics.create(real_kafka.bootstrap, configs={"message.timestamp.type": "LogAppendTime"})
    with pytest.raises(ProduceError, match="CreateTime"):
        produce_file(access, [path], TopicPolicy(stamped), Policy(clock="history"), Playing(backfill=True))


def test_an_empty_file_ends_nothing(kafka: str, tmp_path: Path) -> None:
    topic = history(kafka, 1)
    counts = produce_file(
        KafkaAccess(bootstrap=kafka), [written(tmp_path / "f.jsonl", [])], topic, Policy(), Playing(backfill=True)
    )
    assert counts == Produced()


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ('{"time":"2023-11-14T22:13:20Z"}', '{"time":"2023-11-15T23:13:20Z"}'),
        ('{"x":"2023-11-14T22:13:20.123+02:00"}', '{"x":"2023-11-15T23:13:20.123000+02:00"}'),
        ('{"x":"2023-11-14 22:13:20"}', '{"x":"2023-11-15 23:13:20"}'),
        ('{"promised_at":"2023-11-14"}', '{"promised_at":"2023-11-15"}'),
        ('{"timestamp":1700000000}', '{"timestamp":1700090000}'),
        ('{"sentAt":1700000000123}', '{"sentAt":1700090000123}'),
        ('{"event_time":"1700000000"}', '{"event_time":"1700090000"}'),
        ('{"ts":1700000000.5}', '{"ts":1700090000.5}'),
        ('{"ts":1700000000123456}', '{"ts":1700090000123456}'),
        ('{"order_id":1700000000,"date":"9999-99-99"}', '{"order_id":1700000000,"date":"9999-99-99"}'),
        ('[{"a":{"at":true}}]', '[{"a":{"at":true}}]'),
        ("no json", "no json"),
    ],
)
def test_times_are_seen_by_their_shape(value: str, moved: str) -> None:
    assert shift_payload(value.encode(), 90_000_000).decode() == moved
