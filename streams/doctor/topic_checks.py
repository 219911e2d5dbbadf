"""Topics as a worker needs them: judged by their description and configs, without any I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.core.policy import DAY, Policy, TopicPolicy
from streams.doctor.check import Check, counted, fail, judged
from streams.durations import format_duration
from streams.worker.dead_letters import MAX_BYTES

MARGIN_MS = DAY
"""How much longer than the allowance a log must keep: what an outage may last, and what a rollback of Redis reads again."""
HEADERS_BYTES = 64 * 1024

Configs = Mapping[str, str]
"""Kafka's own names and values; empty where the broker does not tell."""


class Topic(msgspec.Struct, frozen=True):
    """What a broker says about a topic. partitions: as kafka-python describes them; configs None: not permitted to look."""

    name: str
    partitions: list[dict[str, Any]]
    configs: Configs | None
    rights: frozenset[str] | None = None


def missing(name: str) -> Check:
    """A topic that is not there."""
    return fail(f"topic {name}", "is not there: `journey topics create` makes those of deploy/topics.yaml")


def judge_input(topic: Topic, read: TopicPolicy, policy: Policy) -> Check:
    """A topic that workers read."""
    facts, wrong, doubtful = _basics(topic, "READ")
    configs = topic.configs or {}
    facts.append(read.cadence)
    if "compact" in configs.get("cleanup.policy", "delete"):
        wrong.append("cleanup.policy compact removes touchpoints before they are read: set delete")
    stamped = configs.get("message.timestamp.type")
    if stamped:
        facts.append(stamped)
    if policy.clock == "live" and read.cadence == "live" and stamped == "CreateTime":
        doubtful.append("producers set the time that a live namespace goes by: set message.timestamp.type=LogAppendTime")
    if policy.clock == "history" and stamped == "LogAppendTime":
        doubtful.append("`journey produce --backfill` needs message.timestamp.type=CreateTime")
    if "retention.ms" in configs:
        _retention(int(configs["retention.ms"]), read, policy, facts, wrong, doubtful)
    if int(configs.get("retention.bytes", "-1")) >= 0:
        doubtful.append("retention.bytes may remove records before retention.ms does: set -1")
    if "max.message.bytes" in configs:
        facts.append(f"records up to {_size(int(configs['max.message.bytes']))}, read up to {_size(policy.limits.record_bytes)}")
    return judged(f"topic {topic.name}", facts, wrong, doubtful)


def _retention(kept_ms: int, read: TopicPolicy, policy: Policy, facts: list[str], wrong: list[str], doubtful: list[str]) -> None:
    if kept_ms < 0:
        facts.append("kept for ever")
        return
    facts.append(f"kept {format_duration(kept_ms)}")
    if policy.clock == "history":
        doubtful.append("old event times are removed on arrival: set retention.ms=-1")
        return
    needed_ms = MARGIN_MS + (policy.allowance_ms if read.cadence == "live" else 0)
    if kept_ms < needed_ms:
        why = f"{'JOURNEY_ALLOWANCE' if read.cadence == 'live' else 'a load'} and a day"
        wrong.append(f"too short for {why}: set retention.ms to {needed_ms} or more")


def judge_dead_letters(topic: Topic, largest_input_bytes: int) -> Check:
    """The topic of rejected records. largest_input_bytes: max.message.bytes of the largest input."""
    facts, wrong, doubtful = _basics(topic, "WRITE")
    configs = topic.configs or {}
    policy = configs.get("cleanup.policy")
    if policy:
        facts.append(policy)
        if policy != "compact":
            doubtful.append("records that are rejected again do not replace themselves: set cleanup.policy=compact")
    if "max.message.bytes" in configs:
        most = int(configs["max.message.bytes"])
        facts.append(f"records up to {_size(most)}")
        needed = min(largest_input_bytes, MAX_BYTES) + HEADERS_BYTES
        if most < needed:
            doubtful.append(f"large records would be cut: set max.message.bytes to {needed} or more")
    return judged(f"topic {topic.name}", facts, wrong, doubtful)


def _basics(topic: Topic, right: str) -> tuple[list[str], list[str], list[str]]:
    """Facts, what is wrong and what is doubtful about any topic of ours."""
    facts, wrong, doubtful = [counted(len(topic.partitions), "partition")], [], []
    if topic.rights is not None and right not in topic.rights:
        wrong.append(f"this user may not {right.lower()} it: see deploy/security.md")
    if headless := [partition["partition_index"] for partition in topic.partitions if partition["leader_id"] < 0]:
        wrong.append(f"partitions {headless} have no leader: see that all brokers run")
    least = int((topic.configs or {}).get("min.insync.replicas", "1"))
    in_sync = min((len(partition["isr_nodes"]) for partition in topic.partitions), default=0)
    if in_sync < least:
        wrong.append(f"{in_sync} replicas in sync of {least} that it needs: nothing can be written")
    if topic.configs is None:
        doubtful.append("not permitted to look at its configs (DescribeConfigs)")
    elif not topic.configs:
        doubtful.append("the broker does not tell its configs")
    return facts, wrong, doubtful


def _size(number: int) -> str:
    return f"{number / 1024 / 1024:.0f} MiB" if number >= 1024 * 1024 else f"{number / 1024:.0f} KiB"
