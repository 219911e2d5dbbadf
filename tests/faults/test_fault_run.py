"""Fifty thousand events through two workers while processes are killed and stopped, the store dies and a fold raises:
in the end everything is as if nothing had happened."""

from __future__ import annotations

import asyncio
import difflib
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError

from streams.core.model import Partition
from streams.core.policy import TopicPolicy
from streams.embedded.valkey import RedisServer
from streams.fold import Folded, fold_records
from streams.store.dump import canonical_cells, canonical_dump
from streams.worker.run import FINE
from tests.faults.history import History, history, produce
from tests.integration.conftest import say
from tests.integration.shop import POLICY, Shop
from tests.integration.worker_process import FAULT

PARTITIONS = 4
CUSTOMERS, EVENTS = 3_000, 50_000
TORN_BYTES = 1_000_000
"""How much of its append-only file a killed server loses: several commits that it had acknowledged."""
FAULT_SECONDS, SWEPT_SECONDS = 40.0, 90.0

SEED = int(os.environ.get("FAULTS_SEED", "4711"))


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> History:
    say(request, f"Fault runs: seed {SEED} (FAULTS_SEED chooses another)")
    return history(SEED, CUSTOMERS, EVENTS, POLICY)


class Expected:
    """What `fold` makes of a history."""

    def __init__(self, folded: Folded, dump: str) -> None:
        self.dump = dump
        self.outcomes = folded.outcomes


@pytest.fixture(scope="module")
def expected(told: History) -> Expected:
    async def fold() -> Expected:
        folded = await fold_records(told.records(), TopicPolicy("touchpoints"), POLICY, told.end)
        return Expected(folded, await canonical_dump(folded.store, POLICY))

    return asyncio.run(fold())


class Run:
    """The shop, its two workers, and what is done to them."""

    def __init__(self, shop: Shop, redis: RedisServer, log: Path, records: int) -> None:
        self.shop, self.redis, self.log, self.records = shop, redis, log, records
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, **variables: str) -> subprocess.Popen[bytes]:
        self.workers.append(self.shop.process(self.log, **variables))
        return self.workers[-1]

    async def offsets(self) -> dict[Partition, int]:
        _, positions = await self.shop.store.positions()
        return {partition: position.offset for partition, position in positions.items()}

    async def until(self, what: str, done: Callable[[], Awaitable[bool]], seconds: float = FAULT_SECONDS) -> None:
        """Waits; says what for where it does not come, and how the workers' log ends."""
        try:
            await self.shop.until(done, seconds)
        except AssertionError as error:
            alive = [worker.poll() for worker in self.workers]
            raise AssertionError(f"{what}: {error}; exit codes {alive}; {self.log.read_text()[-3_000:]}") from None

    async def at(self, share: float) -> None:
        """Returns when this share of the log is committed, while enough is left for the fault to matter."""

        async def reached() -> bool:
            return sum((await self.offsets()).values()) >= share * self.records

        await self.until(f"{share:.0%} of the log", reached)
        done = sum((await self.offsets()).values())
        assert done < 0.95 * self.records, f"a fault at {share:.0%} came too late: {done} of {self.records} were committed"

    async def members(self, count: int) -> None:
        """Returns when Kafka has given the partitions to so many workers, each of them some."""
        admin = KafkaAdminClient(bootstrap_servers=self.shop.kafka)

        async def shared() -> bool:
            try:
                (group,) = admin.describe_groups([self.shop.namespace]).values()
            except KafkaError:  # the broker has no coordinator for the first group yet
                return False
            assigned = [member["member_assignment"] for member in group["members"]]
            return group["group_state"] == "Stable" and len(assigned) == count and all(assigned)

        try:
            await self.until(f"{count} workers in the group", shared)
        finally:
            admin.close()

    async def stop_beyond_its_session(self, worker: subprocess.Popen[bytes]) -> None:
        """Stops a worker until the other one has its partitions and has gone on in one of them, and lets it go on."""
        worker.send_signal(signal.SIGSTOP)
        await self.members(1)
        before = sum((await self.offsets()).values())

        async def gone_on() -> bool:
            return sum((await self.offsets()).values()) > before

        await self.until(f"progress beyond {before} records", gone_on)
        worker.send_signal(signal.SIGCONT)

    def restart_redis(self, *, torn: bool) -> None:
        """Killed, with the end of its file lost, or stopped in order."""
        if not torn:
            self.redis.stop()
        else:
            self.redis.process.kill()
            file = max((self.redis.directory / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
            with file.open("r+b") as log:
                log.truncate(file.stat().st_size - TORN_BYTES)
        self.redis.start()

    def end(self) -> None:
        """Both workers end in order."""
        running = [worker for worker in self.workers if worker.poll() is None]
        for worker in running:
            worker.terminate()
        assert [worker.wait(15) for worker in running] == [FINE, FINE]

    def kill(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()


@pytest.fixture
async def run(kafka: str, server: RedisServer, told: History, tmp_path: Path) -> AsyncIterator[Run]:
    shop = Shop(kafka, server.url, PARTITIONS)
    run = Run(shop, server, tmp_path / "workers.log", len(told.sent) + PARTITIONS)
    yield run
    run.kill()
    await shop.store.close()


async def test_nothing_is_lost_and_nothing_counted_twice(run: Run, told: History, expected: Expected) -> None:
    refused = produce(run.shop.kafka, run.shop.topic.name, told, PARTITIONS)
    chance = random.Random(SEED)
    share = [chance.uniform(at, at + 0.05) for at in (0.08, 0.25, 0.50)]
    torn = "redis" in run.redis.process.name
    first = run.start()
    second = run.start(**{FAULT: str(chance.randint(1_000, 3_000))})
    await run.members(2)
    await run.at(share[0])
    first.kill()
    first.wait()
    run.start()
    await run.members(2)
    await run.at(share[1])
    await run.stop_beyond_its_session(second)
    await run.at(share[2])
    run.restart_redis(torn=torn)
    await run.shop.swept(told.end, SWEPT_SECONDS)
    _same(await run.shop.dump(), expected.dump)
    await _conserved(run, told, expected)
    await _true(run.shop, told)
    _buried(run.shop, refused)
    run.end()
    log = run.log.read_text()
    assert log.count("A fault in the fold") == 2, log[-3_000:]
    assert "Traceback" not in log, log[-3_000:]
    assert ("The store went back" in log) == torn, log[-3_000:]


def _same(found: str, wanted: str) -> None:
    if found != wanted:
        lines = difflib.unified_diff(wanted.splitlines(), found.splitlines(), "fold", "workers", n=0, lineterm="")
        raise AssertionError("\n".join(line[:400] for _, line in zip(range(40), lines, strict=False)))


async def _conserved(run: Run, told: History, expected: Expected) -> None:
    """Law 3, and every count as `fold` has it but for the clock records."""
    found = await run.shop.store.outcomes()
    assert found["records"] == found["decoded"] + found["ignored"] + found["rejected"] == run.records
    parts = ("applied", "duplicate", "rejected", "quarantined")
    assert found["touchpoints"] == sum(found.get(f"touchpoints|{part}", 0) for part in parts)
    assert found["rejected"] == sum(told.truth.rejected.values())
    assert found["rejected"] + found["touchpoints|rejected"] == sum(one.refused for one in told.sent)
    assert found["touchpoints|duplicate"] > 0
    for name in ("decoded", "rejected", "touchpoints", *(f"touchpoints|{part}" for part in parts)):
        assert found.get(name, 0) == expected.outcomes.get(name, 0), name


async def _true(shop: Shop, told: History) -> None:
    """Totals over all time are those that the simulation's author decided."""
    cells = {name: value for (grain, _), name, value in await canonical_cells(shop.store) if str(grain) == "e"}
    truth = told.truth
    names = ("visits", "visits_converted", "visits_bounced", "orders", "contacts", "csat", "new_customers")
    assert {name: cells.get(name, 0) for name in names} == {name: getattr(truth, name) for name in names}
    money = {f"revenue|currency={currency}": cents * 100 for currency, cents in truth.revenue.items()}
    assert money
    assert {name: cells.get(name, 0) for name in money} == money


def _buried(shop: Shop, refused: set[tuple[int, int]]) -> None:
    """Every refused record is in the dead-letter topic, by its position; nothing else is."""
    consumer = KafkaConsumer(
        shop.dead_letters, bootstrap_servers=shop.kafka, auto_offset_reset="earliest", consumer_timeout_ms=2_000
    )
    keys = {record.key.decode() for record in consumer}
    consumer.close()
    assert keys == {f"{shop.topic.name}/{number}/{offset}" for number, offset in refused}
