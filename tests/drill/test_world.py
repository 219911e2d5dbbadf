"""The two worlds of the drill: one history, and what the alerts need."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import orjson

from streams.core.policy import DAY, HOUR, MINUTE
from streams.demo.content import Item
from streams.drill.history import moments, read_by_rules
from streams.drill.world import World

WORLD = World(int(datetime(2024, 5, 6, 3, 33, tzinfo=UTC).timestamp()) * 1_000)


def before_the_trouble(items: list[Item]) -> list[Item]:
    return [item for item in items if item.arrival_ms < WORLD.trouble]


def test_both_worlds_have_one_history_and_differ_after_it() -> None:
    calm, disturbed = (WORLD.items(disturbed=disturbed) for disturbed in (False, True))
    assert before_the_trouble(calm) == before_the_trouble(disturbed)
    counts = []
    for world in (calm, disturbed):
        types: Counter[str] = Counter()
        for item in world:
            if WORLD.trouble <= item.arrival_ms < WORLD.last:
                types[orjson.loads(item.value)["type"]] += 1
        counts.append(types)
    assert counts[0]["subscription.cancelled"] < 10
    assert counts[1]["subscription.cancelled"] > 100
    assert counts[1]["order.placed"] < 0.5 * counts[0]["order.placed"]
    assert 0.8 < counts[1]["checkout.started"] / counts[0]["checkout.started"] < 1.25


def test_an_hour_of_now_yesterday_and_last_week_holds_a_hundred_checkouts() -> None:
    found: Counter[int] = Counter()
    for item in WORLD.items(disturbed=False):
        if b'"checkout.started"' in item.value:
            for days in (0, 1, 7):
                end = WORLD.now - days * DAY - 30 * MINUTE  # a checkout is counted half an hour after it began
                found[days] += end - HOUR <= item.arrival_ms < end
    assert min(found.values()) >= 100, found


def test_history_has_samples_wherever_the_rules_look() -> None:
    steps = moments(WORLD)
    assert max(steps) < WORLD.trouble
    for offset in (DAY, 7 * DAY):
        for at in range(WORLD.now - offset, WORLD.now - offset + 45 * MINUTE, MINUTE):
            assert any(at - 5 * MINUTE < step <= at for step in steps)
    assert {"task_abandonment_rate", "cancellation_requests", "churn_rate"} <= set(read_by_rules())
