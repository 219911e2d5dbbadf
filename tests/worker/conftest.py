"""A log of three partitions, and what comes of it where nothing happens."""

from __future__ import annotations

import asyncio

import pytest

from streams.core.model import Partition, Record
from tests.faults.history import History, history
from tests.worker.reading import PARTITIONS, POLICY, Log, Reading


@pytest.fixture(scope="module")
def told() -> History:
    return history(seed=11, customers=60, events=1_500, policy=POLICY)


@pytest.fixture(scope="module")
def log(told: History) -> Log:
    """By key, with a last clock record in each partition."""
    found: dict[Partition, list[Record]] = {partition: [] for partition in PARTITIONS}
    for one in told.sent:
        records = found[PARTITIONS[sum(one.key) % len(PARTITIONS)]]
        records.append(Record(len(records), one.timestamp, one.value, one.key))
    for records in found.values():
        records.append(Record(len(records), told.end, None))
    return found


@pytest.fixture(scope="module")
def expected(log: Log) -> str:
    """What a worker makes of it that never decodes ahead."""

    async def read() -> str:
        worker = Reading(log)
        await worker.assigned()
        while (fetched := worker.reader.upcoming()) is not None:
            worker.reader.waiting.popleft()
            await worker.loop.take(fetched)
        return await worker.dump()

    return asyncio.run(read())
