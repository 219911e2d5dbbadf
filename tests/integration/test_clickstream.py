"""Half a year of a shop's clickstream through the broker: two workers end where `fold` ends, with the figures that others
counted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from streams.core.policy import TopicPolicy
from streams.embedded.valkey import RedisServer
from streams.store.dump import canonical_cells
from tests.ecom.clickstream import EVENTS, FORMAT, clickstream, differing
from tests.integration.shop import Shop, folded

SECONDS = 180.0
PARTITIONS = 4


@pytest.fixture
async def shop(kafka: str, redis: RedisServer) -> AsyncIterator[Shop]:
    opened = Shop(kafka, redis.url, PARTITIONS)
    opened.topic = TopicPolicy(opened.topic.name, FORMAT)
    opened.settings = msgspec.structs.replace(opened.settings, topics=[opened.topic], chunk_records=1_000)
    yield opened
    await opened.store.close()


async def test_two_workers_count_what_fold_counts(shop: Shop) -> None:
    produced = shop.produce(clickstream())
    assert (produced.records, produced.ignored, produced.rejected) == (EVENTS, 0, 0)
    expected, end = await folded([clickstream()], shop.topic)
    async with shop.worker() as first, shop.worker() as second:

        async def shared() -> bool:
            owned = [worker.owner.known for worker in (first, second)]
            return all(owned) and sum(map(len, owned)) == PARTITIONS

        await shop.until(shared)
        assert await shop.records() < EVENTS, "the first worker had nothing left to share"
        await shop.swept(end, SECONDS)
    assert differing(await canonical_cells(shop.store)) == {}
    assert await shop.dump() == expected
    assert await shop.records() == EVENTS + produced.clock_records
