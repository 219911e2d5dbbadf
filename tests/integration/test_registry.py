"""Avro and JSON Schema through a real schema registry, beside plain JSON in the same topic."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams.cli.main import run
from streams.core.policy import TopicPolicy
from streams.kafka_produce import CLOCK_KEY
from streams.registry.client import Registry
from streams.registry_access import RegistryAccess, RegistryError
from streams.settings import SettingsError, load_settings
from streams.worker.app import WorkerSettings
from tests.integration.shop import OpenShop, Shop, folded
from tests.rig.registry import SchemaRegistry

CLOCKS = 4
"""Records that tell the time, one on each partition."""
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
MAPPING = """\
source: shop
id: {columns: [number]}
time: placed
type: {constant: order.placed}
identifiers: {order_id: number, customer_id: buyer.id}
fields: {channel: {constant: web}, value: total, currency: currency}
"""
BUYER = {"type": "record", "name": "shop.Buyer", "fields": [{"name": "id", "type": "string"}]}
JSON_SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
ORDER = {
    "type": "record",
    "name": "shop.Order",
    "fields": [
        {"name": "number", "type": "string"},
        {"name": "placed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "buyer", "type": "shop.Buyer"},
        {"name": "total", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
        {"name": "currency", "type": "string"},
    ],
}


def order(number: int) -> dict[str, Any]:
    placed = START + timedelta(minutes=number)
    total = f"{number}.90"
    return {
        "number": f"A{number}",
        "placed": placed.isoformat(),
        "buyer": {"id": f"C{number % 7}"},
        "total": total,
        "currency": "EUR",
    }


def framed(schema: int, body: bytes) -> bytes:
    return b"\0" + schema.to_bytes(4, "big") + body


def avro(value: dict[str, Any]) -> bytes:
    names: dict[str, Any] = {}
    fastavro.parse_schema(BUYER, named_schemas=names)
    typed = value | {"placed": datetime.fromisoformat(value["placed"]), "total": Decimal(value["total"])}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(ORDER, named_schemas=names), typed)
    return out.getvalue()


@pytest.fixture
async def reader(registry: SchemaRegistry) -> AsyncIterator[Registry]:
    reader = Registry(RegistryAccess(url=registry.url))
    yield reader
    await reader.close()


def registered(registry: SchemaRegistry) -> int:
    registry.register("buyer", BUYER)
    return registry.register("orders-value", ORDER, references=[{"name": "shop.Buyer", "subject": "buyer", "version": 1}])


def ordering(shop: Shop, tmp_path: Path) -> WorkerSettings:
    mapping = tmp_path / "orders.yaml"
    mapping.write_text(MAPPING)
    return msgspec.structs.replace(shop.settings, topics=[TopicPolicy(shop.topic.name, f"mapping:{mapping}")])


def send(shop: Shop, values: list[bytes], end: int = round((START + timedelta(days=1)).timestamp() * 1_000)) -> None:
    """In event time on one partition, then the time on all of them, as `produce --backfill` does."""
    with closing(KafkaProducer(bootstrap_servers=shop.kafka)) as producer:
        for number, value in enumerate(values):
            at = round((START + timedelta(minutes=number)).timestamp() * 1_000)
            producer.send(shop.topic.name, value, b"k", timestamp_ms=at, partition=0)
        for partition in producer.partitions_for(shop.topic.name):
            clock = [("journey-clock", b"")]
            producer.send(shop.topic.name, None, CLOCK_KEY, headers=clock, timestamp_ms=end, partition=partition)
        producer.flush()


def letters(shop: Shop) -> list[dict[str, str]]:
    with closing(KafkaConsumer(bootstrap_servers=shop.kafka, group_id=None, auto_offset_reset="earliest")) as consumer:
        consumer.assign([TopicPartition(shop.dead_letters, 0)])
        (end,) = consumer.end_offsets([TopicPartition(shop.dead_letters, 0)]).values()
        found: list[dict[str, str]] = []
        while len(found) < end:
            for records in consumer.poll(500).values():
                found += [{name: (value or b"").decode() for name, value in record.headers} for record in records]
        return found


async def test_avro_json_schema_and_plain_json_come_to_the_same(
    open_shop: OpenShop, registry: SchemaRegistry, reader: Registry, tmp_path: Path
) -> None:
    shop = open_shop()
    settings = ordering(shop, tmp_path)
    schema, text = registered(registry), registry.register("text-value", JSON_SCHEMA, "JSON")
    orders = [order(number) for number in range(60)]
    ways = (
        lambda value: json.dumps(value).encode(),
        lambda value: framed(text, json.dumps(value).encode()),
        lambda value: framed(schema, avro(value)),
    )
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(json.dumps(value) + "\n" for value in orders))
    expected, end = await folded([file], settings.topics[0])
    send(shop, [ways[number % 3](value) for number, value in enumerate(orders)], end)
    async with shop.worker(settings, schemas=reader):
        await shop.swept(end)
    outcomes = await shop.store.outcomes()
    assert (outcomes["decoded"], outcomes.get("rejected", 0)) == (60, 0)
    assert await shop.dump() == expected


async def test_a_schema_that_nobody_knows_is_a_rejection(
    open_shop: OpenShop, registry: SchemaRegistry, reader: Registry, tmp_path: Path
) -> None:
    shop = open_shop()
    schema = registered(registry)
    values = [framed(123_456, b"{}"), framed(schema, b"\xff"), framed(schema, avro(order(3)))]
    send(shop, values)
    async with shop.worker(ordering(shop, tmp_path), schemas=reader):
        await shop.committed(3 + CLOCKS)
    assert [letter["journey-reason"] for letter in letters(shop)] == ["unknown_schema", "invalid_frame"]
    assert letters(shop)[0]["journey-detail"] == "the registry has no schema 123456"


async def test_a_registry_that_is_away_is_waited_for(
    open_shop: OpenShop, registry: SchemaRegistry, reader: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "journey.worker")
    shop = open_shop()
    schema = registered(registry)
    registry.process.pause()
    try:
        send(shop, [framed(schema, avro(order(number))) for number in range(5)])
        async with shop.worker(ordering(shop, tmp_path), schemas=reader) as worker:

            async def said() -> bool:
                return "The schema registry does not answer" in caplog.text

            await shop.until(said)
            assert worker.health.why_not_ready() == "away: The schema registry"
            assert (await shop.store.outcomes()).get("decoded", 0) == 0
            registry.process.resume()
            await shop.committed(5 + CLOCKS)
            assert worker.health.why_not_ready() == ""
    finally:
        registry.process.resume()
    assert "The schema registry is back" in caplog.text
    assert (await shop.store.outcomes())["decoded"] == 5


async def test_a_wrong_address_is_no_answer(registry: SchemaRegistry) -> None:
    """A server's plain 404 must not reject everything."""
    wrong = Registry(RegistryAccess(url=registry.url.removesuffix("/v7")))
    with pytest.raises(RegistryError, match="as no registry would"):
        await wrong.prepare([framed(1, b"")])
    assert (await wrong.check()) is not None
    await wrong.close()
    nobody = Registry(RegistryAccess(url="http://127.0.0.1:1"))
    with pytest.raises(RegistryError, match="cannot be asked"):
        await asyncio.wait_for(nobody.prepare([framed(1, b"")]), 30)
    await nobody.close()


def test_the_doctor_looks_at_it(
    kafka: str, registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEY_KAFKA", kafka)
    monkeypatch.setenv("JOURNEY_REDIS", "redis://127.0.0.1:1/0")
    for url, state in ((registry.url, "ok"), (registry.url.removesuffix("v7"), "fail")):
        monkeypatch.setenv("JOURNEY_REGISTRY", url)
        run(["doctor", "--json"])
        checks = {check["what"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
        assert checks["schema registry"]["state"] == state


def test_production_wants_it_encrypted() -> None:
    settings = load_settings(env="production", registry="http://registry:8081")
    with pytest.raises(SettingsError, match=r"JOURNEY_REGISTRY=http://.. is not encrypted"):
        RegistryAccess.of(settings)
