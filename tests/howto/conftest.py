"""The servers that the pages ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.embedded.valkey import RedisServer
from tests.integration.conftest import own_kafka, own_redis


@pytest.fixture(scope="module")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    for broker in own_kafka(request):
        yield broker.bootstrap


@pytest.fixture(scope="module")
def redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    yield from own_redis(request)
