"""The worker while servers and workers are killed, stopped and away: what comes out is what `fold` says all the same."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.embedded.valkey import RedisServer
from streams.worker.app import Deps
from streams.worker.run import FINE, run_until
from tests.integration.shop import OpenShop, Shop, folded
from tests.rig.kafka import KafkaBroker


async def test_a_worker_ends_where_fold_ends_on_the_other_server(kafka: str, other_redis: RedisServer, data: Path) -> None:
    shop = Shop(kafka, other_redis.url)
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    async with shop.worker(msgspec.structs.replace(shop.settings, chunk_records=50)):
        await shop.committed(300)
        other_redis.process.kill()
        other_redis.start()
        await shop.swept(end)
        assert await shop.dump() == expected
    await shop.store.close()


async def test_kill_9_and_a_zombie(open_shop: OpenShop, data: Path, tmp_path: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    log = tmp_path / "workers.log"
    workers = [shop.process(log), shop.process(log)]
    try:
        await shop.committed(200)
        workers[0].kill()
        await shop.committed(400)
        workers[1].send_signal(signal.SIGSTOP)
        workers.append(shop.process(log))
        await asyncio.sleep(5)  # longer than the session: its partitions go to the third
        workers[1].send_signal(signal.SIGCONT)
        await shop.swept(end)
        assert await shop.dump() == expected
        started = time.monotonic()
        for worker in workers[1:]:
            worker.terminate()
        assert [worker.wait(10) for worker in workers[1:]] == [FINE, FINE]
        assert time.monotonic() - started < 10
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert "Traceback" not in log.read_text()


async def _says(log: Path, text: str) -> bool:
    return text in await asyncio.to_thread(log.read_text, "utf-8")


async def _more(counter: Any, before: float) -> bool:
    return bool(counter.get() > before)


async def test_redis_killed_again_and_again(
    open_shop: OpenShop, redis: RedisServer, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "journey.worker")
    shop = open_shop()
    settings = msgspec.structs.replace(shop.settings, chunk_records=20)
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    async with shop.worker(settings):
        for count in (50, 300):
            await shop.committed(count)
            redis.process.kill()  # loses up to a second that it had acknowledged
            await asyncio.sleep(0.5)
            redis.start()
        await shop.swept(end)
        assert await shop.dump() == expected
    ours = [record for record in caplog.records if record.name == "journey.worker"]
    assert 1 <= sum("Redis does not answer" in record.message for record in ours) <= 4
    assert any("Redis is back" in record.message for record in ours)
    assert not any(record.exc_info for record in ours)


async def test_a_store_that_went_back_is_seen_without_traffic(
    open_shop: OpenShop, redis: RedisServer, data: Path, tmp_path: Path
) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    log, saved = redis.directory / "appendonlydir", tmp_path / "saved"
    async with shop.worker(msgspec.structs.replace(shop.settings, chunk_records=20)) as worker:
        await shop.committed(300)
        redis.stop()
        shutil.copytree(log, saved)
        redis.start()
        await shop.swept(end)
        assert await shop.dump() == expected
        rollbacks = worker.owner.metrics.rollbacks._value
        before = rollbacks.get()
        redis.stop()
        shutil.rmtree(log)
        shutil.copytree(saved, log)
        redis.start()  # the state of the first 300 records, and nothing new comes in
        await shop.until(lambda: _more(rollbacks, before))
        await shop.swept(end)
        assert await shop.dump() == expected


async def test_redis_away_at_the_start_and_sigterm_meanwhile(
    open_shop: OpenShop, redis: RedisServer, data: Path, tmp_path: Path
) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    redis.stop()
    log = tmp_path / "worker.log"
    worker = shop.process(log)
    await shop.until(lambda: _says(log, "Redis does not answer"))
    assert worker.poll() is None
    worker.terminate()
    started = time.monotonic()
    assert worker.wait(10) == FINE
    assert time.monotonic() - started < 10
    assert "Traceback" not in log.read_text()
    async with shop.worker():
        await asyncio.sleep(2)
        redis.start()
        await shop.swept(end)
        assert await shop.dump() == expected


async def test_a_defect_is_told_once_and_never_passed(open_shop: OpenShop, data: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    async with shop.worker() as worker:
        fold = worker.owner.pipeline.fold
        failures: list[Any] = []

        def defect(chunk: Any, watermark: int) -> Any:
            if len(failures) < 4:
                failures.append(chunk)
                raise ZeroDivisionError("a defect")
            return fold(chunk, watermark)

        worker.owner.pipeline.fold = defect  # type: ignore[method-assign] # a defect is hard to have otherwise
        await shop.swept(end)
        assert await shop.dump() == expected
    told = [record for record in caplog.records if "Defect at" in record.message]
    assert len(failures) == 4
    assert 1 <= len(told) <= len({chunk.advance.start for chunk in failures})


async def test_kafka_away_at_the_start(open_shop: OpenShop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "journey.worker")
    shop = open_shop()
    away = msgspec.structs.replace(shop.settings, kafka=msgspec.structs.replace(shop.settings.kafka, bootstrap="127.0.0.1:1"))
    told = asyncio.Event()
    running = asyncio.create_task(run_until(away, lambda: Deps(store=shop.store), told))
    await asyncio.sleep(2)
    assert not running.done()
    told.set()
    assert await asyncio.wait_for(running, 5) == FINE
    assert [record.message for record in caplog.records if record.name == "journey.worker"] == [
        "Kafka does not answer (nobody listens at 127.0.0.1:1); trying again until it does"
    ]


async def test_kafka_killed_meanwhile(real_kafka: KafkaBroker, open_shop: OpenShop, data: Path, tmp_path: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    log = tmp_path / "worker.log"
    worker = shop.process(log)
    try:
        await shop.committed(100)
        real_kafka.kill()
        await asyncio.sleep(2)
        real_kafka.start()
        await shop.swept(end)
        assert await shop.dump() == expected
        worker.terminate()
        assert worker.wait(10) == FINE
    finally:
        worker.kill()
        worker.wait()
    assert "Traceback" not in log.read_text()
    assert len(log.read_text().splitlines()) < 40
