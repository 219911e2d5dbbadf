"""The worker on real servers: what comes out is what `fold` says, whatever happens on the way."""

from __future__ import annotations

import asyncio
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaTopicPartition
from prometheus_client import CollectorRegistry

from streams.core.policy import Policy, TopicPolicy
from streams.embedded import free_port
from streams.kafka_produce import Playing
from streams.worker.app import Deps, Worker
from streams.worker.run import FAILED, FINE, run_until
from tests.integration.shop import POLICY, OpenShop, folded
from tests.rig import topics


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def written(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"".join(lines))
    return path


def dead_letters(kafka: str, topic: str) -> list[Any]:
    consumer = KafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest", consumer_timeout_ms=1_500)
    found = list(consumer)
    consumer.close()
    return found


async def test_a_worker_ends_where_fold_ends(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    counts = shop.produce(data)
    expected, end = await folded([data], shop.topic)
    assert expected.count("\n") > 500
    registry = CollectorRegistry()
    async with shop.worker(registry=registry):
        await shop.swept(end)
        assert await shop.dump() == expected
        watermark, positions = await shop.store.positions()
        assert watermark == end
        assert sum(position.offset for position in positions.values()) == counts.records + counts.clock_records
    outcomes = await shop.store.outcomes()
    assert outcomes["records"] == counts.records + counts.clock_records
    for name in ("decoded", "ignored"):
        assert registry.get_sample_value("journey_worker_records_total", {"outcome": name}) == outcomes[name]
    for name in ("applied", "duplicate"):
        key = {"outcome": name}
        assert registry.get_sample_value("journey_worker_touchpoints_total", key) == outcomes[f"touchpoints|{name}"]


async def test_rejected_records_are_dead_letters_before_they_are_passed(open_shop: OpenShop) -> None:
    shop = open_shop(partitions=2)
    topics.send(shop.kafka, shop.topic.name, [(0, b"no json"), (1, b"{}"), (0, b""), (1, b"[" * 100), (0, b"x" * 300_000)])
    async with shop.worker():
        await shop.until(lambda: _is(shop.records, 5))
    found = {record.key.decode().removeprefix(shop.topic.name): record for record in dead_letters(shop.kafka, shop.dead_letters)}
    assert sorted(found) == ["/0/0", "/0/1", "/0/2", "/1/0", "/1/1"]
    headers = dict(found["/0/0"].headers)
    assert found["/0/0"].value == b"no json"
    assert (headers["journey-topic"], headers["journey-partition"]) == (shop.topic.name.encode(), b"0")
    assert (headers["journey-offset"], headers["journey-stage"], headers["journey-reason"]) == (b"0", b"format", b"invalid_json")
    assert dict(found["/0/2"].headers)["journey-reason"] == b"too_large"
    assert len(found["/0/2"].value) == 300_000
    assert (await shop.store.outcomes())["rejected"] == 5


async def _is(read: Any, wanted: Any) -> bool:
    return bool(await read() == wanted)


async def test_two_workers_share_and_the_first_takes_over(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    async with shop.worker() as first:
        async with shop.worker() as second:
            await shop.until(lambda: _owned(first, second, 4))
            assert first.owner.known
            assert second.owner.known
        await shop.swept(end)
        assert await shop.dump() == expected


async def _owned(first: Worker, second: Worker, count: int) -> bool:
    return len(first.owner.known) + len(second.owner.known) == count and bool(second.owner.known)


async def test_several_topics(open_shop: OpenShop, data: Path, tmp_path: Path) -> None:
    lines = lines_of(data)
    shop, other = open_shop(partitions=2), open_shop(partitions=3)
    both = msgspec.structs.replace(shop.settings, topics=[shop.topic, other.topic])
    _, end = await folded([data], shop.topic)
    shop.produce(written(tmp_path / "a.jsonl", lines[::2]), Playing(backfill=True, until=end))
    other.produce(written(tmp_path / "b.jsonl", lines[1::2]), Playing(backfill=True, until=end))
    expected, _ = await folded([data], shop.topic)
    async with shop.worker(both):
        await shop.swept(end)
        assert await shop.dump() == expected


async def test_other_definitions_stop_the_worker_with_a_sentence(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    async with shop.worker():
        await shop.committed(100)
    other = msgspec.structs.replace(shop.settings, policy=Policy(clock="history", visit_gap_ms=60_000))
    ended = await asyncio.wait_for(run_until(other, lambda: Deps(store=shop.store), asyncio.Event()), 20)
    assert ended == FAILED


async def test_a_lost_position_halts(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    await shop.lose_position(after=100)
    async with shop.worker() as worker:
        assert "lost the position" in await asyncio.wait_for(worker.wait(), 20)


@pytest.mark.usefixtures("real_kafka")
async def test_lost_records_halt_or_are_counted(open_shop: OpenShop) -> None:
    shop = open_shop(partitions=1)
    topics.send(shop.kafka, shop.topic.name, [(0, b"{}")] * 50)
    async with shop.worker():
        await shop.until(lambda: _is(shop.records, 50))
    topics.send(shop.kafka, shop.topic.name, [(0, b"{}")] * 50)
    admin = KafkaAdminClient(bootstrap_servers=shop.kafka)
    admin.delete_records({KafkaTopicPartition(shop.topic.name, 0): 70})
    admin.close()
    async with shop.worker() as worker:
        sentence = await asyncio.wait_for(worker.wait(), 20)
        assert "at offset 50: 20 records were removed" in sentence
    async with shop.worker(msgspec.structs.replace(shop.settings, on_loss="continue")):
        await shop.until(lambda: _is(shop.records, 80))
    assert (await shop.store.outcomes())["lost"] == 20


@pytest.mark.usefixtures("real_kafka")
async def test_a_live_namespace_goes_on_without_records(open_shop: OpenShop) -> None:
    policy = Policy(clock="live", disorder_ms=1_000)
    shop = open_shop(partitions=3, policy=policy, **{"message.timestamp.type": "LogAppendTime"})
    topics.send(shop.kafka, shop.topic.name, [(0, b"{}")])
    async with shop.worker():
        began = time.time_ns() // 1_000_000

        async def moved() -> bool:
            watermark, _ = await shop.store.positions()
            return watermark >= began

        await shop.until(moved)
        assert await shop.records() == 1


@pytest.mark.usefixtures("real_kafka")
async def test_a_topic_that_comes_later(open_shop: OpenShop, caplog: pytest.LogCaptureFixture) -> None:
    shop = open_shop()
    later = TopicPolicy(f"later-{shop.namespace}")
    settings = msgspec.structs.replace(shop.settings, topics=[shop.topic, later])
    assert settings.policy == POLICY
    async with shop.worker(settings):
        await asyncio.sleep(2)
        assert any("is not there" in record.message for record in caplog.records)
        from kafka.admin import NewTopic

        admin = KafkaAdminClient(bootstrap_servers=shop.kafka)
        admin.create_topics([NewTopic(name=later.name, num_partitions=1, replication_factor=1)])
        admin.close()
        topics.send(shop.kafka, shop.topic.name, [(0, b"{}")])
        await shop.until(lambda: _is(shop.records, 1))


async def test_several_workers_in_processes_of_their_own(open_shop: OpenShop, data: Path, tmp_path: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    workers = shop.process(tmp_path / "workers.log", "2")
    try:
        await shop.swept(end)
        assert await shop.dump() == expected
        workers.terminate()
        assert workers.wait(12) == FINE
    finally:
        workers.kill()
        workers.wait()


async def test_a_worker_serves_its_health_and_metrics(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    told, port = asyncio.Event(), free_port()
    running = asyncio.create_task(run_until(shop.settings, lambda: Deps(store=shop.store), told, ("127.0.0.1", port)))

    def get(path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    async def ready() -> bool:
        return (await asyncio.to_thread(get, "/readyz"))[0] == 200

    await shop.until(ready)
    await shop.committed(1_200)
    assert await asyncio.to_thread(get, "/livez") == (200, "ok\n")
    _, metrics = await asyncio.to_thread(get, "/metrics")
    assert 'journey_worker_records_total{outcome="decoded"}' in metrics
    assert (await asyncio.to_thread(get, "/"))[0] == 404
    told.set()
    assert await asyncio.wait_for(running, 15) == FINE


async def test_a_chunk_that_is_lost_at_the_end_of_the_log_is_fetched_again(open_shop: OpenShop) -> None:
    shop = open_shop(partitions=1)
    topics.send(shop.kafka, shop.topic.name, [(0, b"{}")] * 3)
    lost: list[Any] = []

    def lose_one(worker: Worker) -> None:
        deliver = worker.owner.consumer.callback

        async def callback(message: Any) -> None:
            lost.append(message)
            if len(lost) > 1:
                await deliver(message)

        worker.owner.consumer.callback = callback

    async with shop.worker(prepare=lose_one):
        await shop.until(lambda: _is(shop.records, 3))
    assert len(lost) == 2
