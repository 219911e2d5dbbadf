"""The pipeline as compose.yaml wires it: the compiled image's commands, Kafka and Redis with their settings and users."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.embedded import ServerProcess, free_port
from streams.embedded.process import accepts
from streams.kafka_access import KafkaAccess
from streams.kafka_admin import check_topics, load_topics
from tests.deploy.composed import environment, services
from tests.deploy.conftest import needs
from tests.deploy.stack import PASSWORDS, ask_health, kafka_of_compose, redis_cli, redis_of_compose
from tests.rig import kafka as rig
from tests.rig import topics

WAIT_SECONDS = 60.0
ORDERS = 40


class Stack(NamedTuple):
    """Addresses, and the image's command."""

    journey: Path
    kafka: str
    redis: int
    directory: Path

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """A service's environment, with the addresses of here, and nothing else."""
        given = environment(service, PASSWORDS)
        given = {name: value.replace("@redis:6379", f"@127.0.0.1:{self.redis}") for name, value in given.items()}
        return {**given, "JOURNEY_KAFKA": self.kafka, "PATH": os.environ["PATH"], **more}

    def run(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command with a service's environment, from a directory that it may not need to write to."""
        return subprocess.run(
            [self.journey, *arguments],
            env=self.environment(service),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def stack(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    needs("java", "redis-server", "redis-cli", *([] if rig.available() else ["mvn"]))
    made = tmp_path_factory.mktemp
    with kafka_of_compose(made("kafka")) as kafka, redis_of_compose(made("redis"), PASSWORDS) as redis:
        stack = Stack(image / "bin" / "journey", kafka, redis, made("work"))
        done = stack.run("topics", *services()["topics"]["command"])
        assert done.returncode == 0, done.stderr
        yield stack


def until(happened: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_topics_job_makes_topics_whose_time_is_the_brokers(stack: Stack) -> None:
    found = check_topics(KafkaAccess(bootstrap=stack.kafka), load_topics())
    assert [(finding.topic, finding.detail) for finding in found if finding.state != "fine"] == []
    configs = {spec.name: spec.configs.get("message.timestamp.type") for spec in load_topics()}
    assert configs["touchpoints"] == "LogAppendTime"
    again = stack.run("topics", *services()["topics"]["command"])
    assert (again.returncode, "created" in again.stdout) == (0, False)


def test_a_worker_and_the_exporter_do_their_work_with_their_own_users(stack: Stack) -> None:
    ports = {"6066": free_port(), "9108": free_port()}
    (stack.directory / "orders.jsonl").write_text("".join(json.dumps(order(number)) + "\n" for number in range(ORDERS)))
    started = {}
    for name, usual, setting in (("worker", "6066", "JOURNEY_WORKER_PORT"), ("exporter", "9108", "JOURNEY_EXPORTER_PORT")):
        given = stack.environment(name, **{setting: str(ports[usual])})
        command = [str(stack.journey), *services()[name]["command"]]
        started[name] = ServerProcess(name, command, stack.directory / f"{name}.log", given)
    try:
        for name, usual in (("worker", "6066"), ("exporter", "9108")):
            started[name].start(lambda port=ports[usual]: accepts(port), WAIT_SECONDS)  # type: ignore[misc]
            until(lambda name=name: ask_health(name, ports) == 0)
        files = [str(stack.directory / "orders.jsonl"), "--format", "cloudevents", "--topic", "touchpoints"]
        sent = stack.run("worker", "produce", *files)
        assert sent.returncode == 0, sent.stderr
        topics.send(stack.kafka, "touchpoints", [(0, b"no json")])
        until(lambda: passed(stack) == ORDERS + 1)
    finally:
        for process in started.values():
            process.stop(WAIT_SECONDS)
    assert ask_health("worker", ports) != 0
    orders = answer(stack, "metrics", "--metric", "orders", "--window", "all")["metrics"]
    assert [found["value"] for found in orders if not found["dimensions"]] == [ORDERS]
    assert answer(stack, "show", "order_id:o7")["identifiers"]
    assert [letter["reason"] for letter in answer(stack, "dlq", "list")["dead_letters"]] == ["invalid_json"]


def test_the_collector_takes_what_has_the_token(stack: Stack) -> None:
    (mount,) = services()["collect"]["volumes"]
    held = mount.split(":")[1]
    (stack.directory / "app.token").write_text("a-token\n")
    port = free_port()
    given = stack.environment("collect", JOURNEY_COLLECT_HOST="127.0.0.1", JOURNEY_COLLECT_PORT=str(port))
    given["JOURNEY_COLLECT"] = given["JOURNEY_COLLECT"].replace(held, str(stack.directory))
    command = [str(stack.journey), *services()["collect"]["command"]]
    collector = ServerProcess("collect", command, stack.directory / "collect.log", given)
    collector.start(lambda: accepts(port), WAIT_SECONDS)
    try:
        until(lambda: ask_health("collect", {"9180": port}) == 0)
        assert [post(port, token) for token in ("a-token", "another", "")] == [202, 401, 401]
    finally:
        collector.stop(WAIT_SECONDS)


def post(port: int, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/app", json.dumps(order(1)).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def order(number: int) -> dict[str, Any]:
    data = {"identifiers": {"customer_id": f"c{number}", "order_id": f"o{number}"}, "channel": "web"}
    time_ = datetime.now(UTC).isoformat()
    return {"specversion": "1.0", "id": str(number), "source": "/t", "type": "order.placed", "time": time_, "data": data}


def answer(stack: Stack, *arguments: str) -> dict[str, Any]:
    """What a command prints with the exporter's user."""
    asked = stack.run("exporter", *arguments, "--json")
    assert asked.returncode == 0, asked.stderr
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def passed(stack: Stack) -> int:
    """How many records are committed."""
    return sum(row["position"] for row in answer(stack, "positions")["positions"])


def test_redis_refuses_whoever_has_no_password_and_what_a_user_has_no_need_of(stack: Stack) -> None:
    def ask(user: str, *command: str) -> str:
        return redis_cli(stack.redis, *command, user=user, password=PASSWORDS.get(f"REDIS_{user.upper()}_PASSWORD", ""))

    assert "NOAUTH" in redis_cli(stack.redis, "get", "x")
    assert "WRONGPASS" in redis_cli(stack.redis, "ping", user="worker", password=PASSWORDS["REDIS_ADMIN_PASSWORD"])
    assert "NOPERM" in ask("worker", "hget", "{other}:meta", "watermark")
    assert "NOPERM" in ask("exporter", "hset", "{shop}:meta", "watermark", "1")
    for user in ("worker", "exporter"):
        assert ask(user, "ping") == "PONG\n"
        for command in (["flushall"], ["config", "get", "*"], ["keys", "*"], ["function", "flush"], ["acl", "list"]):
            assert "NOPERM" in ask(user, *command)
    assert ask("admin", "config", "get", "appendonly").split() == ["appendonly", "yes"]


def test_redis_never_forgets_for_want_of_memory(stack: Stack) -> None:
    def setting(name: str) -> str:
        answer = redis_cli(stack.redis, "config", "get", name, user="admin", password=PASSWORDS["REDIS_ADMIN_PASSWORD"])
        return answer.split()[-1]

    assert setting("maxmemory-policy") == "noeviction"
    assert setting("maxmemory") == str(1024**3)
    assert setting("appendfsync") == "everysec"
    assert setting("hash-max-listpack-entries") == "512"


def test_passwords_are_not_written_where_redis_reads_its_users(tmp_path: Path) -> None:
    needs("redis-server", "redis-cli")
    with redis_of_compose(tmp_path, PASSWORDS) as port:
        written = (tmp_path / "users.acl").read_text("utf-8")
        assert redis_cli(port, "ping", user="admin", password=PASSWORDS["REDIS_ADMIN_PASSWORD"]) == "PONG\n"
    assert (tmp_path / "users.acl").stat().st_mode & 0o777 == 0o600
    assert "@" not in written.replace("@all", "")
    assert not any(password in written for password in PASSWORDS.values())
