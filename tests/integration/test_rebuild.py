"""`journey rebuild` on real servers: a namespace read anew, compared, and gone on with by workers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, TopicPartition

from streams.core.metrics import timestamp
from streams.core.policy import Policy
from streams.settings import load_settings
from streams.store.dump import canonical_dump
from streams.store.redis import RedisStore
from tests.integration.shop import OpenShop, Shop, folded
from tests.rig import topics

JOURNEY = [sys.executable, "-c", "from streams.cli.main import main; main()"]


def environment(shop: Shop, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "JOURNEY_KAFKA": shop.kafka,
        "JOURNEY_REDIS": shop.redis_url,
        "JOURNEY_NAMESPACE": shop.namespace,
        "JOURNEY_CLOCK": shop.policy.clock,
        "JOURNEY_TOPICS": f"{{{shop.topic.name}: cloudevents}}",
        "JOURNEY_DEAD_LETTER_TOPIC": shop.dead_letters,
        **more,
    }


def journey(shop: Shop, *arguments: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*JOURNEY, *arguments], env=environment(shop, **more), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    return done


def told_while_reading(shop: Shop, name: str, signal_: signal.Signals) -> tuple[str, str, int]:
    """Output, errors and exit code of a rebuild that gets a signal as soon as its worker reads; the worker has ended with it."""
    running = subprocess.Popen(
        [*JOURNEY, "rebuild", name], env=environment(shop), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "reading as" in line:
            break
    running.send_signal(signal_)
    out, err = running.communicate(timeout=30)  # ends when nobody can write to it any more
    return out, err, running.returncode


def rebuilt(shop: Shop, name: str, *arguments: str, silence: str = "90d") -> Any:
    return json.loads(journey(shop, "rebuild", name, *arguments, "--json", JOURNEY_SILENCE=silence).stdout)


@asynccontextmanager
async def opened(shop: Shop, name: str) -> AsyncIterator[RedisStore]:
    store = RedisStore.at(shop.redis_url, name)
    try:
        yield store
    finally:
        await store.close()


async def dump(shop: Shop, name: str, policy: Policy) -> str:
    async with opened(shop, name) as store:
        return await canonical_dump(store, policy)


async def test_a_namespace_rebuilt_is_the_same_and_workers_go_on_with_it(open_shop: OpenShop, data: Path, tmp_path: Path) -> None:
    shop = open_shop()
    counts = shop.produce(data)
    expected, end = await folded([data], shop.topic)
    async with shop.worker():
        await shop.swept(end)
    name = f"{shop.namespace}-2"
    found = rebuilt(shop, name, "--workers", "2")
    assert (found["namespace"], found["follows"], found["gone"]) == (name, shop.namespace, [])
    assert found["records"] == counts.records + counts.clock_records
    assert found["compared"]["different"] == []
    assert found["compared"]["complete"] is True
    assert found["compared"]["equal"] > 500
    assert await dump(shop, name, shop.policy) == await shop.dump() == expected
    # Once more it is there already; and people read how to switch.
    told = journey(shop, "rebuild", name).stdout
    assert "0 are not" in told
    assert f"JOURNEY_NAMESPACE={name}" in told
    # Other settings: the old ones' document is compared by names, and only lives differ.
    document = tmp_path / "before.json"
    document.write_text(journey(shop, "metrics", "--json").stdout)
    changed = rebuilt(shop, f"{shop.namespace}-3", "--against", str(document), silence="1d")
    names = {(each["now"] or each["before"])["metric"] for each in changed["compared"]["different"]}
    assert "customers" in names
    assert names.isdisjoint({"visits", "orders", "revenue"})
    refused = journey(shop, "rebuild", f"{shop.namespace}-3", code=1).stderr
    assert "was filled with other definitions" in refused
    assert refused.count("\n") == 1


async def test_a_live_namespace_goes_on_meanwhile(open_shop: OpenShop) -> None:
    """Its workers run and its watermark moves; both are compared at the end of one minute."""
    shop = open_shop(policy=load_settings(clock="live").policy(), **{"message.timestamp.type": "LogAppendTime"})
    now = time.time_ns() // 1_000_000
    events: list[tuple[int, bytes]] = []
    for number in range(200):
        who = {"customer_id": f"C{number % 40}", "order_id": f"R{number}"}
        at = timestamp(now - (400 - number) * 60_000)
        data = {"identifiers": who, "channel": "web"}
        event = {"specversion": "1.0", "id": str(number), "source": "/t", "type": "order.placed", "time": at, "data": data}
        events.append((number % 4, orjson.dumps(event)))
    topics.send(shop.kafka, shop.topic.name, events)

    async with shop.worker():
        await shop.committed(200)
        found = await asyncio.to_thread(rebuilt, shop, f"{shop.namespace}-2")
    assert found["compared"]["complete"] is True
    assert found["compared"]["different"] == []
    orders = json.loads(journey(shop, "metrics", "--metric", "orders", "--window", "24h", "--json").stdout)
    assert orders["metrics"][0]["value"] == 200


async def test_a_rebuild_that_is_stopped_goes_on_where_it_was(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop()
    shop.produce(data)
    expected, end = await folded([data], shop.topic)
    async with shop.worker():
        await shop.swept(end)
    name = f"{shop.namespace}-2"
    for told in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        out, err, code = told_while_reading(shop, name, told)
        if code == 1:
            assert f"stopped; `journey rebuild {name}` goes on from there." in err
            assert "Traceback" not in err
        else:
            assert code in (0, -signal.SIGKILL), (told, out, err)
    assert rebuilt(shop, name)["compared"]["different"] == []
    assert await dump(shop, name, shop.policy) == expected


@pytest.mark.usefixtures("real_kafka")  # the embedded broker deletes no records
async def test_what_kafka_has_no_more_is_said(open_shop: OpenShop, data: Path) -> None:
    shop = open_shop(partitions=1)
    shop.produce(data)
    _, end = await folded([data], shop.topic)
    async with shop.worker():
        await shop.swept(end)
    admin = KafkaAdminClient(bootstrap_servers=shop.kafka)
    admin.delete_records({TopicPartition(shop.topic.name, 0): 300})
    admin.close()
    name = f"{shop.namespace}-2"
    found = rebuilt(shop, name)
    assert [(one["partition"], one["records"]) for one in found["gone"]] == [(f"{shop.topic.name}/0", 300)]
    assert found["gone"][0]["first"].startswith("20")
    assert found["compared"]["different"]
    told = journey(shop, "rebuild", name).stdout
    assert "Removed from Kafka before" in told
    assert "What differs" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("same",), "name another one to rebuild into"),
        (("no such name",), "JOURNEY_NAMESPACE"),
        (("other", "--against", "nowhere.json"), "cannot be read"),
        (("other", "--against", "pyproject.toml"), "is not what `journey metrics --json` prints"),
    ],
)
def test_wrong_use_is_said_before_anything_is_touched(arguments: tuple[str, ...], sentence: str) -> None:
    done = subprocess.run(
        [*JOURNEY, "rebuild", *arguments],
        env={**os.environ, "JOURNEY_NAMESPACE": "same", "JOURNEY_REDIS": "redis://127.0.0.1:1/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert sentence in done.stderr
