"""Kafka and Redis with TLS, users and ACLs as deploy/security.md says; and the settings of each of its users."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from tests.rig import certificates
from tests.rig import kafka as rig
from tests.rig.certificates import Authority
from tests.rig.secure import PASSWORD, SecureKafka, SecureRedis, kafka_acls, secure_kafka, secure_redis

USERS = {"journey-producer": "SCRAM-SHA-512", "journey-worker": "SCRAM-SHA-512", "journey-operator": "SCRAM-SHA-256"}
OUTSIDERS = {"nobody-special": "SCRAM-SHA-512", "late-worker": "SCRAM-SHA-512"}
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

Environment = Callable[..., dict[str, str]]
"""(Kafka user, Redis user, more variables without the prefix) -> JOURNEY_* variables."""


def missing(text: str) -> None:
    (pytest.fail if IN_CI else pytest.skip)(text)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not certificates.available():
        missing("certificates need openssl on PATH")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody here trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def kafka(authority: Authority) -> Iterator[SecureKafka]:
    if not rig.available():
        missing("Apache Kafka needs java and mvn on PATH")
    with secure_kafka(authority, USERS | OUTSIDERS) as server:
        server.grant(kafka_acls())
        yield server


@pytest.fixture(scope="session")
def redis(authority: Authority) -> Iterator[SecureRedis]:
    binary = shutil.which("redis-server")
    if binary is None:
        missing("redis-server is not on PATH")
        return
    with secure_redis(binary, authority) as server:
        yield server


@pytest.fixture
def fresh(kafka: SecureKafka, redis: SecureRedis) -> Iterator[KafkaAdminClient]:
    """No topic and no key; a super user's client."""
    with closing(kafka.admin()) as admin:
        if names := [name for name in admin.list_topics() if not name.startswith("__")]:
            admin.delete_topics(names)
        with redis.admin() as client:
            client.flushdb()
        yield admin


@pytest.fixture
def environment(authority: Authority, kafka: SecureKafka, redis: SecureRedis, tmp_path: Path) -> Environment:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")

    def of(kafka_user: str, redis_user: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        variables = {
            "ENV": "production",
            "CLOCK": "live",
            "WORKER_PORT": "0",
            "KAFKA": kafka.scram,
            "KAFKA_SECURITY": "sasl_ssl",
            "KAFKA_CA_FILE": str(authority.file),
            "KAFKA_SASL": {**USERS, **OUTSIDERS}.get(kafka_user, "SCRAM-SHA-512"),
            "KAFKA_USER": kafka_user,
            "KAFKA_PASSWORD_FILE": str(secret),
            "REDIS": redis.url(redis_user),
            "REDIS_PASSWORD_FILE": str(secret),
            "REDIS_CA_FILE": str(authority.file),
            **(more or {}),
        }
        return {f"JOURNEY_{name}": value for name, value in variables.items() if value}

    return of


@pytest.fixture
def become(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this process one of the document's users."""

    def change(kafka_user: str, redis_user: str, **more: str) -> None:
        for name in [name for name in os.environ if name.startswith("JOURNEY_")]:
            monkeypatch.delenv(name)
        for name, value in environment(kafka_user, redis_user, more).items():
            monkeypatch.setenv(name, value)

    return change
