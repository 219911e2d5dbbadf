"""What a worker says of itself over HTTP: by progress, each on a port of its own, and nothing else listens."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from prometheus_client import CollectorRegistry

from streams.core.model import Commit
from streams.embedded import free_port
from streams.embedded.valkey import RedisServer
from streams.worker.app import Worker
from streams.worker.health import HANG_SECONDS, STILL_SECONDS, Health
from streams.worker.metrics import Halt
from streams.worker.run import FINE
from tests.integration.shop import OpenShop, Shop
from tests.rig import topics
from tests.rig.kafka import KafkaBroker

LISTENING = "0A"
LOOPBACK_HEX = "0100007F"


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def get(port: int, path: str) -> tuple[int, str]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def timed(worker: Worker) -> Clock:
    """Gives a worker that has not started yet a clock of the test's, and its health nothing to do by itself."""
    clock = Clock()
    worker.health._clock = clock
    worker._work = [(seconds, what) for seconds, what in worker._work if getattr(what, "__self__", None) is not worker.health]
    return clock


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - what is waited for is seen from outside
            await asyncio.sleep(0.02)


async def test_a_worker_that_stands_still_although_records_wait_is_neither_ready_nor_live(open_shop: OpenShop) -> None:
    shop = open_shop(partitions=1)
    clocks: list[Clock] = []
    async with shop.worker(prepare=lambda worker: clocks.append(timed(worker))) as worker:
        (clock,), health = clocks, worker.health
        await until(lambda: not health.why_not_ready())
        held = asyncio.Event()
        take, sample = worker.owner.store.commit, worker.owner.metrics.lag.labels(shop.topic.name, "0")

        async def hang(commit: Commit) -> Any:
            await held.wait()
            return await take(commit)

        worker.owner.store.commit = hang  # type: ignore[method-assign] # what hangs for ever is hard to have otherwise
        topics.send(shop.kafka, shop.topic.name, [(0, b"{}")] * 3)
        await until(lambda: worker.owner.busy_since is not None)
        await health.measure()
        assert sample._value.get() == 3
        clock.now += STILL_SECONDS
        await health.measure()
        assert (health.why_not_live(), health.why_not_ready()) == ("", "")
        clock.now += 1
        await health.measure()
        assert "no record was committed for 61 s, although some wait" in health.why_not_live()
        assert health.why_not_ready() == health.why_not_live()
        held.set()
        await shop.committed(3)
        await until(lambda: worker.owner.busy_since is None)
        await health.measure()
        assert (health.why_not_live(), health.why_not_ready()) == ("", "")
        assert sample._value.get() == 0
        clock.now += 10 * STILL_SECONDS  # with nothing to do, standing still is fine
        await health.measure()
        assert (health.why_not_live(), health.why_not_ready()) == ("", "")


async def test_while_redis_is_away_a_worker_is_not_ready_but_a_new_start_would_not_help(
    open_shop: OpenShop, redis: RedisServer
) -> None:
    shop = open_shop(partitions=1)
    clocks: list[Clock] = []
    async with shop.worker(prepare=lambda worker: clocks.append(timed(worker))) as worker:
        (clock,), health = clocks, worker.health
        await until(lambda: not health.why_not_ready())
        redis.stop()
        topics.send(shop.kafka, shop.topic.name, [(0, b"{}")] * 3)
        await until(lambda: worker.owner.outages.names)
        for _ in range(3):
            await health.measure()
            assert (health.why_not_live(), health.why_not_ready()) == ("", "away: Redis")
            clock.now += STILL_SECONDS
        redis.start()
        await shop.committed(3)
        await until(lambda: not health.why_not_ready())
        await health.measure()
        assert (health.why_not_live(), health.why_not_ready()) == ("", "")


async def test_markers_of_transactions_are_no_lag(open_shop: OpenShop, real_kafka: KafkaBroker) -> None:
    shop = open_shop(partitions=1)
    producer = KafkaProducer(bootstrap_servers=real_kafka.bootstrap, transactional_id=f"tx-{shop.namespace}")
    with closing(producer):
        producer.init_transactions()
        producer.begin_transaction()
        for _ in range(3):
            producer.send(shop.topic.name, value=b"{}", partition=0)
        producer.commit_transaction()
    async with shop.worker() as worker:
        await shop.committed(3)
        await until(lambda: worker.owner.busy_since is None)
        lag = worker.owner.metrics.lag.labels(shop.topic.name, "0")
        async with asyncio.timeout(30):
            while True:
                lag.set(-1)
                await worker.health.measure()
                if lag._value.get() == 0:
                    break
                await asyncio.sleep(0.05)
        (end,) = (await worker.owner.consumer.log_ends(worker.owner.partitions())).values()
        assert end > 3  # so that the difference of the two is not what is said


async def test_an_event_loop_that_hangs_is_seen_from_outside_of_it(open_shop: OpenShop) -> None:
    shop = open_shop(partitions=1)
    async with shop.worker() as worker:
        clock = Clock()
        health = Health(worker.owner, clock)
        clock.now += 10 * HANG_SECONDS
        assert health.why_not_live() == ""  # not before the first beat: it may still connect
        health.beat()
        clock.now += HANG_SECONDS + 1
        assert health.why_not_live() == "the event loop hangs for 61 s"
        health.beat()
        assert health.why_not_live() == ""
        waiting = asyncio.create_task(worker.wait())
        worker.health._beaten = None
        await until(lambda: worker.health._beaten is not None)
        waiting.cancel()


async def test_what_ends_a_worker_is_said(open_shop: OpenShop) -> None:
    shop = open_shop(partitions=1)
    async with shop.worker(registry=CollectorRegistry()) as worker:
        await until(lambda: not worker.health.why_not_ready())
        worker.owner.fail(Halt.DEFINITIONS, "The namespace is another one's.")
        assert worker.health.why_not_live() == worker.health.why_not_ready() == "The namespace is another one's."


def two_ports() -> int:
    """A port that is free, and the next one, too."""
    while True:
        port = free_port()
        try:
            with socket.create_server(("127.0.0.1", port + 1)):
                return port
        except (OSError, OverflowError):
            continue


def listening(pid: int) -> Iterator[tuple[str, int]]:
    """Addresses (as /proc writes them) and ports that a process and its children listen on."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from listening(int(child))
    inodes = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in inodes:
                address, _, port = fields[1].partition(":")
                yield address, int(port, 16)


async def test_each_of_two_workers_serves_on_a_port_of_its_own_and_nothing_else_listens(
    open_shop: OpenShop, data: Path, tmp_path: Path
) -> None:
    shop, port = open_shop(), two_ports()
    shop.produce(data)
    workers = shop.process(tmp_path / "workers.log", "2", JOURNEY_WORKER_PORT=str(port))
    try:
        await _both_ready(shop, workers, port)
        await shop.committed(1_200)
        pages = [get(number, "/metrics")[1] for number in (port, port + 1)]
        read = [_sample(page, 'journey_worker_records_total{outcome="decoded"}') for page in pages]
        assert sum(read) >= 1_200
        for number in (port, port + 1):
            assert get(number, "/livez") == (200, "ok\n")
            # Faust's own web server would have these.
            assert {get(number, path)[0] for path in ("/", "/table/", "/router/", "/graph/", "/stats/", "/production/index")} == {
                404
            }
        if not sys.platform.startswith("linux"):
            pytest.skip("only Linux says which sockets a process listens on")
        assert sorted(listening(workers.pid)) == [(LOOPBACK_HEX, port), (LOOPBACK_HEX, port + 1)]
        workers.terminate()
        assert workers.wait(20) == FINE
    finally:
        workers.kill()
        workers.wait()


async def _both_ready(shop: Shop, workers: subprocess.Popen[bytes], port: int) -> None:
    async def ready() -> bool:
        assert workers.poll() is None
        return all([(await asyncio.to_thread(get, number, "/readyz"))[0] == 200 for number in (port, port + 1)])

    await shop.until(ready)


def _sample(page: str, series: str) -> float:
    (line,) = [line for line in page.splitlines() if line.startswith(series)]
    return float(line.rpartition(" ")[2])
