"""What the doctor makes of topics and clocks, at the boundaries."""

from __future__ import annotations

import pytest

from streams.core.policy import DAY, Policy, TopicPolicy
from streams.doctor.check import Check
from streams.doctor.clocks import compare_with_kafka, compare_with_redis
from streams.doctor.topic_checks import Topic, judge_dead_letters, judge_input

LIVE, HISTORY = Policy(disorder_ms=1), Policy(clock="history")
PARTITION = {"partition_index": 0, "leader_id": 1, "isr_nodes": [1]}
WELL = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}


def topic(partitions: list[dict[str, object]] | None = None, /, **configs: str) -> Topic:
    return Topic(
        "t", [PARTITION] if partitions is None else partitions, WELL | {k.replace("_", "."): v for k, v in configs.items()}
    )


def live(**configs: str) -> Check:
    return judge_input(topic(**configs), TopicPolicy("t"), LIVE)


@pytest.mark.parametrize(("kept_ms", "state"), [(8 * DAY, "ok"), (8 * DAY - 1, "fail"), (-1, "ok")])
def test_a_log_is_kept_for_the_allowance_and_a_day(kept_ms: int, state: str) -> None:
    assert live(retention_ms=str(kept_ms)).state == state


@pytest.mark.parametrize(("kept_ms", "state"), [(DAY, "ok"), (DAY - 1, "fail")])
def test_a_batch_topic_has_no_allowance(kept_ms: int, state: str) -> None:
    found = judge_input(topic(retention_ms=str(kept_ms)), TopicPolicy("t", cadence="batch"), LIVE)
    assert found.state == state


def test_history_wants_the_times_of_its_records_for_ever() -> None:
    def judged(**configs: str) -> Check:
        return judge_input(topic(**configs), TopicPolicy("t"), HISTORY)

    assert judged(message_timestamp_type="CreateTime").state == "ok"
    assert "needs message.timestamp.type=CreateTime" in judged().found
    assert "set retention.ms=-1" in judged(message_timestamp_type="CreateTime", retention_ms=str(900 * DAY)).found


def test_partitions_that_cannot_be_used() -> None:
    headless = {"partition_index": 3, "leader_id": -1, "isr_nodes": [1]}
    found = judge_input(topic([PARTITION, headless]), TopicPolicy("t"), LIVE)
    assert found.state == "fail"
    assert "partitions [3] have no leader" in found.found
    assert "1 replicas in sync of 2 that it needs" in live(min_insync_replicas="2").found


def test_a_broker_that_does_not_tell_is_a_warning() -> None:
    assert judge_input(Topic("t", [PARTITION], {}), TopicPolicy("t"), LIVE).state == "warn"


def test_dead_letters_take_what_the_inputs_take() -> None:
    needed = 1_048_576 + 64 * 1024
    for most, state in ((needed, "ok"), (needed - 1, "warn")):
        letters = topic(cleanup_policy="compact", max_message_bytes=str(most))
        assert judge_dead_letters(letters, 1_048_576).state == state


@pytest.mark.parametrize(("off_ms", "state"), [(0, "ok"), (-1_000, "ok"), (1_001, "warn"), (-60_000, "warn"), (60_001, "fail")])
def test_the_clock_of_redis(off_ms: int, state: str) -> None:
    assert compare_with_redis(1_000_000, 1_000_000 + off_ms).state == state


@pytest.mark.parametrize(("off_ms", "state"), [(-10 * DAY, "ok"), (1_000, "ok"), (1_001, "warn"), (60_001, "fail")])
def test_records_are_not_of_the_future(off_ms: int, state: str) -> None:
    assert compare_with_kafka(20 * DAY, 20 * DAY + off_ms).state == state
