"""The servers that the pages ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.embedded.valkey import RedisServer
from tests.integration.conftest import missing, own_kafka, redis_binaries, running_redis


@pytest.fixture(scope="module")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    for broker in own_kafka(request):
        yield broker.bootstrap


@pytest.fixture(scope="module")
def redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    binaries = redis_binaries()
    if not binaries:
        missing("Neither redis-server nor the embedded Valkey can run here")
    with running_redis(request, binaries[0]) as server:
        yield server
