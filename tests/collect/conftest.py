"""A Kafka of the module's own, which a test may stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import missing, say
from tests.rig import kafka as rig
from tests.rig.kafka import KafkaBroker, kafka_broker


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest) -> Iterator[KafkaBroker]:
    if not rig.available():
        missing("Apache Kafka needs java and mvn on PATH")
    with kafka_broker() as running:
        say(request, f"Kafka: Apache Kafka {rig.version()}")
        yield running
