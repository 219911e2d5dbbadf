"""Real servers for the integration tests; each says once which one it is. With CI=true a missing one fails, never skips."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.embedded import ServerError, tansu_broker, valkey_binary
from streams.embedded.valkey import RedisServer, redis_server
from tests.integration.shop import OpenShop, Shop, simulated
from tests.rig import kafka as rig
from tests.rig import registry as registries
from tests.rig.kafka import KafkaBroker, kafka_broker
from tests.rig.registry import SchemaRegistry, schema_registry

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def say(request: pytest.FixtureRequest, text: str) -> None:
    """Past pytest's capture, so that a run always shows what it ran against."""
    plugins = request.config.pluginmanager
    reporter, capture = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(text)


def missing(text: str) -> None:
    """Skips, and fails in CI."""
    if IN_CI:
        pytest.fail(text)
    pytest.skip(text)


def own_kafka(request: pytest.FixtureRequest) -> Iterator[KafkaBroker]:
    """An Apache Kafka, for a fixture to yield from."""
    if not rig.available():
        missing("Apache Kafka needs java and mvn on PATH")
    with kafka_broker() as broker:
        say(request, f"Kafka: Apache Kafka {rig.version()}")
        yield broker


@pytest.fixture(scope="session")
def real_kafka(request: pytest.FixtureRequest) -> Iterator[KafkaBroker]:
    """Apache Kafka itself, for what the embedded broker cannot do (restarts, codecs, transactions, log start)."""
    yield from own_kafka(request)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers: Apache Kafka where it can run, else the embedded broker."""
    if rig.available() or IN_CI:
        yield request.getfixturevalue("real_kafka").bootstrap
        return
    try:
        with tansu_broker() as bootstrap:
            say(request, "Kafka: the embedded broker (Apache Kafka needs java and mvn on PATH)")
            yield bootstrap
    except ServerError as error:
        missing(str(error))


def redis_binaries() -> list[str]:
    """The one on PATH, then the embedded one."""
    return [binary for binary in (shutil.which("redis-server"), valkey_binary()) if binary is not None]


@contextmanager
def running_redis(request: pytest.FixtureRequest, binary: str) -> Iterator[RedisServer]:
    with redis_server(binary, persistent=True) as server:
        say(request, f"Redis: {server.process.name}")
        yield server


def own_redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A Redis where it is on PATH, else the embedded Valkey, for a fixture to yield from; with an append-only file."""
    binaries = redis_binaries()
    if not binaries:
        missing("Neither redis-server nor the embedded Valkey can run here")
    with running_redis(request, binaries[0]) as server:
        yield server


@pytest.fixture(scope="session")
def redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """The one that most tests share."""
    yield from own_redis(request)


@pytest.fixture(scope="session")
def other_redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """The second kind of server, for what must be seen on both."""
    binaries = redis_binaries()
    if len(binaries) < 2:
        missing("Only one kind of Redis server is here")
    with running_redis(request, binaries[1]) as server:
        yield server


@pytest.fixture(scope="session")
def registry(request: pytest.FixtureRequest) -> Iterator[SchemaRegistry]:
    """A schema registry."""
    if not registries.available():
        missing("The schema registry needs java and mvn on PATH")
    with schema_registry() as server:
        say(request, f"Schema registry: Apicurio {registries.VERSION}")
        yield server


@pytest.fixture
async def open_shop(kafka: str, redis: RedisServer) -> AsyncIterator[OpenShop]:
    """Opens shops whose connections are closed at the end."""
    shops: list[Shop] = []

    def open_one(**options: Any) -> Shop:
        shops.append(Shop(kafka, redis.url, **options))
        return shops[-1]

    yield open_one
    if not redis.process.running:  # a test that failed may have left it so
        redis.start()
    for shop in shops:
        await shop.store.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return simulated(tmp_path / "f.jsonl", events=1_200, duplicates=0.05)
