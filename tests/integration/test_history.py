"""Years of orders, deliveries and tickets, loaded into a live namespace beside its traffic."""

from __future__ import annotations

import json
import logging
import random
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from prometheus_client import CollectorRegistry

from streams.core.policy import Policy, TopicPolicy
from streams.export.reader import read_values
from streams.kafka_access import KafkaAccess
from streams.kafka_produce import Playing, produce_file
from tests.integration.shop import HISTORY, OpenShop, Shop
from tests.rig import topics

SEED = 20_261_126
POLICY = Policy(clock="live", disorder_ms=1_000)
CUSTOMERS, YEARS = 120, 3
TOTALS = {(), (("currency", "EUR"),)}


def event(number: str, kind: str, at: datetime, identifiers: dict[str, str], **data: Any) -> dict[str, Any]:
    data = {"identifiers": identifiers, "channel": "web", **data}
    return {"specversion": "1.0", "id": number, "source": "/past", "type": kind, "time": at.isoformat(), "data": data}


def past(until: datetime) -> list[dict[str, Any]]:
    """Customers who order every few weeks or months; nine of ten deliveries are in time, some are asked about."""
    chance, found = random.Random(SEED), []
    for customer in range(CUSTOMERS):
        at = until - timedelta(days=365 * YEARS * chance.random())
        for order in range(99):
            who = {"customer_id": f"C{customer}", "order_id": f"R{customer}-{order}"}
            days = 2 if chance.random() < 0.9 else 6
            if at + timedelta(days=days) >= until:
                break
            promised = (at + timedelta(days=3)).isoformat()
            found.append(
                event(f"o{customer}-{order}", "order.placed", at, who, value="12.50", currency="EUR", promised_at=promised)
            )
            # A carrier knows nobody, so this may come before its order does, on another partition.
            parcel = {"order_id": who["order_id"]}
            found.append(event(f"d{customer}-{order}", "delivery.delivered", at + timedelta(days=days), parcel))
            if chance.random() < 0.2:
                call = {"customer_id": f"C{customer}", "contact_id": f"T{customer}-{order}"}
                asked = at + timedelta(days=1)
                found.append(event(f"t{customer}-{order}", "contact.opened", asked, call, medium="voice", channel="phone"))
            at += timedelta(days=chance.expovariate(1 / 60))
    return found


class Live:
    """Page views and orders of now, by people of the past and new ones."""

    def __init__(self, shop: Shop) -> None:
        self.sent = self.orders = 0
        self._topic = shop.topic.name
        self._producer = KafkaProducer(bootstrap_servers=shop.kafka)

    def send(self, count: int) -> None:
        for _ in range(count):
            self.sent += 1
            who = {"anonymous_id": f"a{self.sent % 20}", "customer_id": f"C{self.sent % 20}"}
            now = datetime.now(UTC)
            self._put(event(f"p{self.sent}", "page.viewed", now, who))
            if self.sent % 10 == 0:
                self.orders += 1
                self._put(
                    event(
                        f"n{self.sent}", "order.placed", now, who | {"order_id": f"n{self.sent}"}, value="20.00", currency="EUR"
                    )
                )
        self._producer.flush()

    def _put(self, document: dict[str, Any]) -> None:
        self._producer.send(self._topic, json.dumps(document).encode(), document["id"].encode())

    def close(self) -> None:
        self._producer.close()


def load(shop: Shop, topic: TopicPolicy, path: Path, events: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    produce_file(KafkaAccess(bootstrap=shop.kafka), [str(path)], topic, POLICY, Playing(backfill=True))


async def figures(shop: Shop, window: str) -> dict[str, Any]:
    reading = await read_values(shop.store, POLICY, windows=[window])
    return {
        value.metric: (value.numerator, value.denominator, value.value) for value in reading.values if value.dimensions in TOTALS
    }


async def test_the_past_comes_in_beside_the_present(
    open_shop: OpenShop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "journey.worker")
    shop = open_shop(policy=POLICY, **{"message.timestamp.type": "LogAppendTime"})
    batch = TopicPolicy(topics.create(shop.kafka, 4, prefix="history", configs=HISTORY), cadence="batch")
    registry = CollectorRegistry()
    events = past(datetime.now(UTC) - timedelta(days=8))
    half = len(events) // 2
    count = Counter(one["type"] for one in events)
    began = time.time()

    async def decoded(number: int) -> bool:
        return (await shop.store.outcomes()).get("decoded", 0) >= number

    async with shop.worker(msgspec.structs.replace(shop.settings, topics=[shop.topic, batch]), registry=registry):
        with closing(Live(shop)) as live:
            live.send(100)
            load(shop, batch, tmp_path / "one.jsonl", events[:half])
            before, _ = await shop.store.positions()
            live.send(50)
            await shop.until(lambda: decoded(150 + live.orders + half))

            async def on() -> bool:
                """The clocks of the batch topic are at the end of its first half, and hold nothing up."""
                watermark, _ = await shop.store.positions()
                return watermark > max(before, round(began * 1_000))

            await shop.until(on)
            load(shop, batch, tmp_path / "two.jsonl", events[half:])
            live.send(50)
            await shop.until(lambda: decoded(200 + live.orders + len(events)))
            outcomes = await shop.store.outcomes()
            assert outcomes.get("rejected", 0) == outcomes.get("touchpoints|rejected", 0) == 0
            assert outcomes["touchpoints|applied"] == 200 + live.orders + len(events)
            everything, hour = await figures(shop, "all"), await figures(shop, "1h")
            orders = count["order.placed"]
            assert everything["orders"][2] == orders + live.orders
            assert everything["revenue"][2] == 12.5 * orders + 20 * live.orders
            kept = sum(days_of(events).values())
            assert everything["promise_kept_rate"][:2] == (kept, orders)
            assert hour["orders"][2] == live.orders
            assert everything["orders_overdue"][2] == 0
    assert "stamped by its producers" not in caplog.text
    loaded = registry.get_sample_value("journey_worker_history_timestamp_seconds")
    assert loaded is not None
    assert began <= loaded <= time.time()


def days_of(events: list[dict[str, Any]]) -> dict[str, bool]:
    """Order -> whether it was delivered by its promise, computed anew from the events."""
    promised = {
        one["data"]["identifiers"]["order_id"]: one["data"]["promised_at"] for one in events if one["type"] == "order.placed"
    }
    return {
        one["data"]["identifiers"]["order_id"]: one["time"] <= promised[one["data"]["identifiers"]["order_id"]]
        for one in events
        if one["type"] == "delivery.delivered"
    }


async def test_what_a_live_topic_gives_is_no_history(open_shop: OpenShop) -> None:
    shop = open_shop(policy=POLICY, **{"message.timestamp.type": "LogAppendTime"})
    registry = CollectorRegistry()
    async with shop.worker(registry=registry):
        with closing(Live(shop)) as live:
            live.send(20)
            await shop.committed(22)
    assert registry.get_sample_value("journey_worker_history_timestamp_seconds") == 0
