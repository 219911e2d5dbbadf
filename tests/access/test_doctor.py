"""`journey doctor` on real servers: what is fine, what is not, and what it may not look at."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ACL, ACLFilter, ACLOperation, ACLPermissionType, ConfigResource, ConfigResourceType

from streams.cli.main import run
from streams.store.wire import Library
from tests.access.conftest import Environment
from tests.access.processes import journey, until
from tests.rig.secure import SecureKafka, SecureRedis, kafka_acls

Become = Callable[..., None]
Look = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str]) -> Look:
    """Runs the doctor: what -> (state, found). The exit code fits the states."""

    def doctor(*arguments: str) -> dict[str, tuple[str, str]]:
        capsys.readouterr()
        code = run(["doctor", "--json", *arguments])
        captured = capsys.readouterr()
        assert captured.err == ""
        found = {check["what"]: (check["state"], check["found"]) for check in json.loads(captured.out)["checks"]}
        assert code == any(state == "fail" for state, _ in found.values())
        assert all("\n" not in text for _, text in found.values())
        return found

    return doctor


@pytest.fixture
def topics(fresh: KafkaAdminClient, become: Become) -> KafkaAdminClient:
    """The document's topics, and a super user's client to change them by."""
    become("journey-operator", "journey-loader")
    assert run(["topics", "create"]) == 0
    assert run(["functions", "load"]) == 0
    return fresh


def configure(admin: KafkaAdminClient, topic: str, **configs: str) -> None:
    values = {name.replace("_", "."): value for name, value in configs.items()}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=values)])


@pytest.mark.usefixtures("topics")
def test_all_is_well(kafka: SecureKafka, become: Become, look: Look, environment: Environment, tmp_path: Path) -> None:
    namespace = {"NAMESPACE": "shop"}
    producer = KafkaProducer(bootstrap_servers=kafka.broker.bootstrap)
    producer.send("touchpoints", b"{}").get(20)
    producer.close()
    become("journey-worker", "journey-worker", **namespace)
    until(lambda: look()["consumer group"][0] == "ok", tmp_path)  # a new cluster has no coordinator at first
    found = look()
    assert {what: state for what, (state, _) in found.items() if state != "ok"} == {}
    assert found["topic touchpoints"][1].startswith("12 partitions, live, LogAppendTime, kept 30d")
    assert found["consumer group"] == ("ok", "journey-shop, no worker runs")
    log = tmp_path / "log"
    with journey(log, environment("journey-worker", "journey-worker", namespace), "worker") as worker:
        until(lambda: look()["positions"][1] == "12 partitions read, lag 0", log)
        found = look()
        assert {what: state for what, (state, _) in found.items() if state != "ok"} == {}
        assert found["consumer group"] == ("ok", "journey-shop, 1 member, stable")
        assert found["definitions"][1].endswith("as the namespace has")
        assert "newest record 20" in found["clock of Kafka"][1]
        assert found["Redis functions"] == ("ok", f"{Library().name} is loaded")
        become("", "journey-exporter", KAFKA="", KAFKA_SECURITY="", KAFKA_CA_FILE="", KAFKA_PASSWORD_FILE="", **namespace)
        found = look("--for", "exporter")
        assert {what: state for what, (state, _) in found.items() if what != "settings"} == dict.fromkeys(
            found.keys() - {"settings"}, "ok"
        )
        assert "Kafka" not in found
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def test_topics_that_lose_data(topics: KafkaAdminClient, become: Become, look: Look) -> None:
    become("journey-worker", "journey-worker", NAMESPACE="shop")
    configure(
        topics, "touchpoints", retention_ms=str(7 * 86_400_000), message_timestamp_type="CreateTime", retention_bytes="1000"
    )
    configure(topics, "dead-letters", cleanup_policy="delete", max_message_bytes="1000000")
    found = look()
    state, text = found["topic touchpoints"]
    assert state == "fail"
    assert "kept 7d" in text
    assert "set retention.ms to 691200000 or more" in text
    assert "set message.timestamp.type=LogAppendTime" in text
    assert "retention.bytes" in text
    state, text = found["topic dead-letters"]
    assert state == "warn"
    assert "set cleanup.policy=compact" in text
    assert "large records would be cut: set max.message.bytes" in text
    configure(topics, "touchpoints", retention_ms="-1", cleanup_policy="compact", retention_bytes="-1")
    state, text = look()["topic touchpoints"]
    assert state == "fail"
    assert "kept for ever" in text
    assert "set delete" in text
    become("journey-worker", "journey-worker", NAMESPACE="shop", TOPICS="{touchpoints: cloudevents, nowhere: cloudevents}")
    assert look()["topic nowhere"][0] == "fail"


def test_what_may_not_be_looked_at(
    topics: KafkaAdminClient, kafka: SecureKafka, redis: SecureRedis, become: Become, look: Look
) -> None:
    become("journey-worker", "journey-worker", NAMESPACE="shop")
    configs = [acl for acl in kafka_acls() if acl.operation == ACLOperation.DESCRIBE_CONFIGS and "worker" in acl.principal]
    topics.delete_acls([as_filter(acl) for acl in configs])
    with redis.admin() as admin:
        admin.execute_command("ACL SETUSER", "journey-worker", "-info", "-time", "-acl", "-function|list")
        try:
            found = look()
        finally:
            admin.execute_command("ACL LOAD")
            kafka.grant(configs)
    denied = {"Redis", "Redis persistence", "Redis memory", "Redis role", "Redis rights", "Redis functions", "clock of Redis"}
    denied |= {"topic touchpoints", "topic dead-letters"}
    assert {what for what, (state, text) in found.items() if state == "warn" and "not permitted to look" in text} == denied
    assert {what: text for what, (state, text) in found.items() if state == "fail"} == {}


def as_filter(acl: ACL) -> ACLFilter:
    return ACLFilter(acl.principal, "*", acl.operation, ACLPermissionType.ALLOW, acl.resource_pattern)


@pytest.mark.usefixtures("topics")
def test_rights_that_a_worker_lacks(become: Become, look: Look) -> None:
    become("journey-producer", "journey-exporter", NAMESPACE="shop")
    found = look()
    assert found["topic touchpoints"][0] == found["topic dead-letters"][0] == "fail"
    assert "may not read it" in found["topic touchpoints"][1]
    assert "may not read as journey-shop" in found["consumer group"][1]
    state, text = found["Redis rights"]
    assert state == "fail"
    assert text.startswith("journey-exporter may not fcall, fcall_ro, del, ")
    become("journey-worker", "journey-worker", NAMESPACE="another", GROUP="journey-shop")
    found = look()
    assert found["Redis rights"][0] == found["namespace"][0] == "fail"
    assert "deploy/security.md" in found["namespace"][1]


@pytest.mark.usefixtures("topics")
def test_redis_that_would_lose_data(redis: SecureRedis, become: Become, look: Look) -> None:
    become("journey-worker", "journey-worker", NAMESPACE="shop")
    with redis.admin() as admin:
        admin.config_set("maxmemory-policy", "allkeys-lru")
        admin.config_set("maxmemory", "100mb")
        admin.config_set("appendonly", "no")
        admin.function_flush("SYNC")
        admin.delete("{shop}:positions")
        admin.sadd("{shop}:listed", "touchpoints/0")
        admin.hset("{shop}:meta", "definitions", "0" * 32)
        try:
            found = look()
        finally:
            for name, value in (("maxmemory-policy", "noeviction"), ("maxmemory", "0"), ("appendonly", "yes")):
                admin.config_set(name, value)
    assert found["Redis memory"][0] == "fail"
    assert "set maxmemory-policy noeviction" in found["Redis memory"][1]
    assert found["Redis persistence"][0] == "warn"
    assert "journey functions load" in found["Redis functions"][1]
    assert found["namespace"][0] == "fail"
    assert "the positions of touchpoints/0 are lost" in found["namespace"][1]
    assert found["definitions"][0] == "fail"
    assert "FENCED" in found["definitions"][1]


@pytest.mark.usefixtures("topics")
def test_positions_that_the_log_does_not_have(redis: SecureRedis, become: Become, look: Look) -> None:
    become("journey-worker", "journey-worker", NAMESPACE="shop")
    with redis.admin() as admin:
        admin.hset("{shop}:positions", "touchpoints/0", "7 -1 -1 x")
    state, text = look()["positions"]
    assert state == "fail"
    assert "touchpoints/0 is at 7 and its log ends at 0" in text


def test_servers_that_are_away_do_not_keep_the_others_from_being_looked_at(become: Become, look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        become("journey-worker", "journey-worker", KAFKA=where)
        found = look()
        assert found["Kafka"][0] == "fail"
        assert found["Redis"][0] == "ok"
        become("journey-worker", "journey-worker", REDIS=f"rediss://journey-worker@{where}/0")
        found = look()
        assert found["Redis"][0] == "fail"
        assert found["Kafka"][0] == "ok"


def test_settings_that_do_not_load_are_a_line(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEY_TIMEZONE", "Nowhere")
    assert look()["settings"] == ("fail", "JOURNEY_TIMEZONE: 'Nowhere' is no time zone; write it like Europe/Berlin")
