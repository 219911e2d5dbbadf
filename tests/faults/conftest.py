"""Servers for the fault runs: Apache Kafka for a module, and a Redis or Valkey of each test's own, to be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.embedded.valkey import RedisServer
from tests.contracts.conftest import started
from tests.integration.conftest import own_kafka


@pytest.fixture(scope="module")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of an Apache Kafka."""
    for broker in own_kafka(request):
        yield broker.bootstrap


@pytest.fixture(params=["redis", "valkey"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server that the test may kill, with an append-only file."""
    yield from started(request.param)
