"""Dead letters, sent again once a mapping was mended: what comes out is what there would be had it been right from the start."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams.cli.main import run
from streams.core.policy import TopicPolicy
from streams.kafka_access import KafkaAccess
from streams.kafka_letters import read_letters
from streams.kafka_produce import CLOCK_KEY
from streams.worker.app import Deps
from streams.worker.run import FAILED, run_until
from tests.integration.shop import OpenShop, Shop, folded

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
WRONG = """\
source: shop
id: {columns: [number]}
time: placed
type: {column: state, values: {new: order.placed}}
identifiers: {order_id: order, customer_id: buyer}
fields: {channel: {constant: web}, value: total, currency: currency}
"""
MENDED = WRONG.replace("{new: order.placed}", "{new: order.placed, gone: order.cancelled}")


def payloads(count: int = 40) -> list[bytes]:
    """Orders, every fourth of which is cancelled a minute later; one payload is no JSON at all."""
    found = []
    for number in range(count):
        at = START + timedelta(minutes=5 * number)
        order = {"order": f"A{number}", "buyer": f"C{number % 9}", "total": "9.90", "currency": "EUR"}
        found.append(order | {"number": f"{number}n", "state": "new", "placed": at.isoformat()})
        if number % 4 == 0:
            found.append(order | {"number": f"{number}g", "state": "gone", "placed": (at + timedelta(minutes=1)).isoformat()})
    return [*(json.dumps(payload).encode() for payload in found), b"no json"]


class Orders:
    """A shop whose mapping may be mended."""

    def __init__(self, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.mapping = shop, folder / "orders.yaml"
        self.mapping.write_text(WRONG)
        variables = {
            "KAFKA": shop.kafka,
            "REDIS": shop.redis_url,
            "NAMESPACE": shop.namespace,
            "CLOCK": "history",
            "TOPICS": f"{{{shop.topic.name}: 'mapping:{self.mapping}'}}",
            "DEAD_LETTER_TOPIC": shop.dead_letters,
        }
        for name, value in variables.items():
            monkeypatch.setenv(f"JOURNEY_{name}", value)

    @property
    def topic(self) -> TopicPolicy:
        return TopicPolicy(self.shop.topic.name, f"mapping:{self.mapping}")

    @property
    def settings(self) -> Any:
        return msgspec.structs.replace(self.shop.settings, topics=[self.topic])

    def send(self, values: list[bytes], end: int) -> None:
        with closing(KafkaProducer(bootstrap_servers=self.shop.kafka)) as producer:
            for number, value in enumerate(values):
                at = round((START + timedelta(minutes=4 * number)).timestamp() * 1_000)
                producer.send(self.shop.topic.name, value, b"k", headers=[("seen", b"once")], timestamp_ms=at, partition=1)
            for partition in range(4):
                clock = [("journey-clock", b"")]
                producer.send(self.shop.topic.name, None, CLOCK_KEY, headers=clock, timestamp_ms=end, partition=partition)
            producer.flush()

    async def command(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
        capsys.readouterr()
        assert await asyncio.to_thread(run, [*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    async def committed_all(self) -> None:
        """Returns when everything that is in the topic now is committed."""
        partitions = [TopicPartition(self.shop.topic.name, number) for number in range(4)]
        with closing(KafkaConsumer(bootstrap_servers=self.shop.kafka, group_id=None)) as consumer:
            count = sum(consumer.end_offsets(partitions).values())
        await self.shop.committed(count)


async def test_a_mended_mapping_and_its_letters_come_to_what_fold_says(
    open_shop: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = Orders(open_shop(), tmp_path, monkeypatch)
    shop, values = orders.shop, payloads()
    file = tmp_path / "orders.jsonl"
    file.write_bytes(b"\n".join(values))
    right = tmp_path / "right.yaml"
    right.write_text(MENDED)
    expected, end = await folded([file], msgspec.structs.replace(orders.topic, format=f"mapping:{right}"))
    orders.send(values, end)
    async with shop.worker(orders.settings):
        await shop.swept(end)
    assert await shop.dump() != expected
    listed = await orders.command(capsys, "dlq", "list")
    assert listed["total"] == 11
    untouched = await orders.command(capsys, "dlq", "replay")
    assert (untouched["sent"], untouched["kept"]) == (0, 11)

    orders.mapping.write_text(MENDED)
    assert await asyncio.to_thread(run, ["dlq", "replay"]) == 1  # the workers would refuse them again
    assert "journey topics adopt" in capsys.readouterr().err
    assert await asyncio.wait_for(run_until(orders.settings, lambda: Deps(store=shop.store), asyncio.Event()), 20) == FAILED
    assert (await orders.command(capsys, "topics", "adopt"))["state"].startswith("it goes on")
    assert (await orders.command(capsys, "topics", "adopt"))["state"].endswith("already")

    tried = await orders.command(capsys, "dlq", "replay", "--dry-run")
    assert (tried["letters"], tried["sent"], tried["touchpoints"], tried["kept"]) == (11, 10, 10, 1)
    assert (await orders.command(capsys, "dlq", "list"))["total"] == 11
    letters = {letter.position: letter for letter in read_letters(KafkaAccess(bootstrap=shop.kafka), shop.dead_letters)}
    async with shop.worker(orders.settings):
        done = await orders.command(capsys, "dlq", "replay")
        assert {**done, "dry_run": True} == tried
        assert done["reasons"] == {"invalid_json": 1}
        await orders.committed_all()
        assert await shop.dump() == expected
        assert (await orders.command(capsys, "dlq", "list"))["total"] == 1
        # Somebody sends them by hand once more, and a replay was killed before it removed what it had sent: nothing counts twice.
        with closing(KafkaProducer(bootstrap_servers=shop.kafka)) as producer:
            for letter in letters.values():
                record = letter.record
                producer.send(shop.topic.name, record.value, record.key, list(record.headers), timestamp_ms=record.timestamp)
            producer.flush()
        await orders.committed_all()
        assert await shop.dump() == expected
    outcomes = await shop.store.outcomes()
    assert outcomes["records"] == outcomes["decoded"] + outcomes["ignored"] + outcomes["rejected"]
    assert outcomes["touchpoints"] == outcomes["touchpoints|applied"] + outcomes["touchpoints|duplicate"]


async def test_what_is_sent_again_is_what_came_and_says_when(
    open_shop: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = Orders(open_shop(), tmp_path, monkeypatch)
    shop, values = orders.shop, payloads(1)
    orders.send(values, round((START + timedelta(days=1)).timestamp() * 1_000))
    async with shop.worker(orders.settings):
        await orders.committed_all()
    first = round((START + timedelta(minutes=4)).timestamp() * 1_000)
    position = f"{shop.topic.name}/1/1"
    shown = await orders.command(capsys, "dlq", "show", position)
    assert (shown["reason"], shown["payload"], shown["headers"]) == ("unmapped_value", values[1].decode(), {"seen": "once"})
    assert shown["timestamp"] == "2026-03-02T10:04:00Z"
    assert await asyncio.to_thread(run, ["dlq", "show", position]) == 0
    orders.mapping.write_text(MENDED)
    await orders.command(capsys, "topics", "adopt")
    assert (await orders.command(capsys, "dlq", "replay", "--reason", "too_late"))["letters"] == 0
    assert (await orders.command(capsys, "dlq", "replay", position))["sent"] == 1
    with closing(KafkaConsumer(bootstrap_servers=shop.kafka, group_id=None)) as consumer:
        partition = TopicPartition(shop.topic.name, 1)
        consumer.assign([partition])
        consumer.seek(partition, consumer.end_offsets([partition])[partition] - 1)
        (records,) = consumer.poll(10_000).values()
    (record,) = records
    headers = [("seen", b"once"), ("journey-timestamp", b"%d" % first), ("journey-replayed", position.encode())]
    assert (record.key, record.value, record.timestamp, list(record.headers)) == (b"k", values[1], first, headers)


async def test_only_a_batch_topic_takes_what_is_too_late_by_now(
    open_shop: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, other = Orders(open_shop(), tmp_path, monkeypatch), open_shop().topic.name
    shop = orders.shop
    orders.send(payloads(2), round((START + timedelta(days=60)).timestamp() * 1_000))
    async with shop.worker(orders.settings):
        await orders.committed_all()
    orders.mapping.write_text(MENDED)
    batch = f"{{{shop.topic.name}: 'mapping:{orders.mapping}', {other}: {{format: 'mapping:{orders.mapping}', cadence: batch}}}}"
    monkeypatch.setenv("JOURNEY_TOPICS", batch)
    await orders.command(capsys, "topics", "adopt")
    late = await orders.command(capsys, "dlq", "replay")
    assert (late["sent"], late["reasons"]) == (0, {"too_late": 1, "invalid_json": 1})
    assert (await orders.command(capsys, "dlq", "replay", "--to", other))["sent"] == 1
    both = [orders.topic, TopicPolicy(other, orders.topic.format, "batch")]
    async with shop.worker(msgspec.structs.replace(orders.settings, topics=both)):
        await shop.committed(3 + 1 + 4 + 1)
    assert (await shop.store.outcomes())["touchpoints|applied"] == 3
    assert await asyncio.to_thread(run, ["dlq", "replay", "--to", "nowhere"]) == 2
    assert "nowhere is none of JOURNEY_TOPICS" in capsys.readouterr().err
