"""The services of compose.yaml without Docker: their images' programs with their settings, on ports of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streams.embedded import ServerProcess, free_port
from streams.embedded.process import LOOPBACK, accepts
from streams.embedded.valkey import pings
from tests.deploy.composed import DEPLOY, environment, put_in, services
from tests.rig import kafka as rig

START_SECONDS = 60.0
PASSWORDS = {
    "REDIS_ADMIN_PASSWORD": "a" * 12,
    "REDIS_WORKER_PASSWORD": "w" * 12,
    "REDIS_EXPORTER_PASSWORD": "e" * 12,
    "GRAFANA_ADMIN_PASSWORD": "g" * 12,
}


@contextmanager
def kafka_of_compose(directory: Path) -> Iterator[str]:
    """Apache Kafka, set up by the program that its image runs, from the environment that compose.yaml gives it.

    Yields the address for producers. Only addresses and the directory are others than in the container.
    """
    host, internal, controller = (str(free_port()) for _ in range(3))
    given = environment("kafka", {})
    for name, value in given.items():
        if name.endswith(("_LISTENERS", "_VOTERS")):
            moved = value.replace("kafka:", ":").replace("localhost:", ":").replace("@:", f"@{LOOPBACK}:")
            moved = moved.replace("//:", f"//{LOOPBACK}:")
            given[name] = moved.replace(":9092", f":{host}").replace(":19092", f":{internal}").replace(":9093", f":{controller}")
    given["KAFKA_LOG_DIRS"] = str(directory / "data")
    for name in ("default", "mounted", "final"):
        (directory / name).mkdir()
    java = ["java", *rig.HEAP, f"-Dlog4j2.configurationFile={rig.RIG / 'log4j2.properties'}", "-cp", f"{rig.libraries()}/*"]
    setup = [f"--{name}-configs-dir={directory / name}" for name in ("default", "mounted", "final")]
    command = [*java, "kafka.docker.KafkaDockerWrapper", "setup", *setup]
    done = subprocess.run(
        command, env={**os.environ, **given}, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    server = ServerProcess("kafka", [*java, "kafka.Kafka", str(directory / "final" / "server.properties")], directory / "log")
    try:
        server.start(lambda: accepts(int(host)), START_SECONDS)
        yield f"{LOOPBACK}:{host}"
    finally:
        server.stop()


@contextmanager
def redis_of_compose(directory: Path, variables: Mapping[str, str]) -> Iterator[int]:
    """Redis as deploy/redis/start.sh starts it; yields its port."""
    port = free_port()
    own = ["--port", str(port), "--bind", LOOPBACK, "--dir", str(directory)]
    options = [put_in(option, variables) for option in services()["redis"]["command"]]
    given = {**environment("redis", variables), "PATH": os.environ["PATH"], "REDIS_ACL_FILE": str(directory / "users.acl")}
    server = ServerProcess("redis", ["sh", str(DEPLOY / "redis" / "start.sh"), *own, *options], directory / "log", given)
    try:
        server.start(lambda: pings(port) or refuses(port), START_SECONDS)
        yield port
    finally:
        server.stop()


def refuses(port: int) -> bool:
    """Whether a Redis there asks for a password."""
    return "NOAUTH" in redis_cli(port, "ping")


def redis_cli(port: int, *command: str, user: str = "", password: str = "") -> str:
    """What redis-cli prints."""
    login = ["--user", user, "--no-auth-warning"] if user else []
    done = subprocess.run(
        ["redis-cli", "-h", LOOPBACK, "-p", str(port), *login, *command],
        env={"PATH": os.environ["PATH"], **({"REDISCLI_AUTH": password} if user else {})},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr


def ask_health(service: str, ports: Mapping[str, int]) -> int:
    """The exit code of a service's health check, which is Python, with its port put in place of the container's."""
    *command, code = services()[service]["healthcheck"]["test"][1:]
    assert command == ["python", "-c"]
    for usual, port in ports.items():
        code = code.replace(f":{usual}/", f":{port}/")
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=START_SECONDS, check=False).returncode
