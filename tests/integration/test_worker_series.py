"""The series of a worker that alerts stand on: there from the start, and telling the truth when the worker does not get on."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streams.core.policy import Policy
from streams.embedded import free_port
from streams.embedded.valkey import RedisServer
from streams.worker.app import Deps, build_app
from streams.worker.metrics import Halt
from streams.worker.run import FAILED, run_until
from tests.integration.shop import OpenShop

HALTED = "journey_worker_halted"
AGE = "journey_worker_chunk_age_seconds"
READY = "journey_worker_ready"


async def scraped(port: int, name: str) -> dict[str, float]:
    """A gauge's values by the value of its one label."""

    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    families = text_string_to_metric_families(await asyncio.to_thread(read))
    return {
        "".join(sample.labels.values()): sample.value for family in families if family.name == name for sample in family.samples
    }


async def test_they_are_there_before_the_worker_starts(open_shop: OpenShop) -> None:
    for clock in ("live", "history"):
        shop, registry = open_shop(policy=Policy(clock=clock)), CollectorRegistry()
        build_app(shop.settings, Deps(store=shop.store, registry=registry))
        assert registry.get_sample_value("journey_worker_live_clock") == (clock == "live")
        assert registry.get_sample_value("journey_worker_rollbacks_total") == 0
        assert registry.get_sample_value(AGE) == 0
        assert registry.get_sample_value(READY) == 0
        for reason in Halt:
            assert registry.get_sample_value(HALTED, {"reason": reason}) == 0


async def test_a_lost_position_can_still_be_scraped(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    await shop.lose_position(after=100)
    told, port = asyncio.Event(), free_port()
    running = asyncio.create_task(run_until(shop.settings, lambda: Deps(store=shop.store), told, ("127.0.0.1", port), 60.0))

    async def gave_up() -> bool:
        return (await scraped(port, HALTED)).get(Halt.POSITION_MISSING) == 1

    await shop.until(gave_up)
    assert (await scraped(port, HALTED))[Halt.DEFINITIONS] == 0
    assert await scraped(port, READY) == {"": 0}
    assert not running.done()
    told.set()
    assert await asyncio.wait_for(running, 15) == FAILED


async def test_a_chunk_that_waits_for_redis_grows_old(open_shop: OpenShop, redis: RedisServer, data: Path) -> None:
    shop, registry = open_shop(), CollectorRegistry()

    def value(name: str) -> float:
        return registry.get_sample_value(name) or 0.0

    async def well() -> bool:
        return value(READY) == 1 and value(AGE) == 0

    async def stuck() -> bool:
        return value(AGE) > 1 and value(READY) == 0

    async with shop.worker(registry=registry):
        await shop.until(well)
        redis.process.pause()
        try:
            shop.produce(data)
            await shop.until(stuck)
        finally:
            redis.process.resume()
        await shop.committed(1_200)
        await shop.until(well)
