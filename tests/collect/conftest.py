"""A Kafka of the module's own, which a test may stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import own_kafka
from tests.rig.kafka import KafkaBroker


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest) -> Iterator[KafkaBroker]:
    yield from own_kafka(request)
