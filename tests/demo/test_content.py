from __future__ import annotations

import os
from collections import Counter
from io import StringIO
from unittest.mock import patch

import orjson
import pytest
from rich.console import Console

from streams.core.decode import Decoder
from streams.core.metrics import compute
from streams.core.model import Record, Rejected
from streams.core.policy import DAY, HOUR, Policy, TopicPolicy
from streams.demo.content import CAPTIONS, CLICKSTREAM, END, SPIKE, START, STORY_ACCOUNTS, Item, content
from streams.demo.expected import fold_items
from streams.demo.figures import METRICS, WINDOWS, by_name, spark
from streams.demo.run import DemoError, compare
from streams.demo.screen import Screen
from streams.demo.state import Mark, State
from streams.demo.story import story_1, story_2
from streams.demo.surroundings import FORMATS

POLICY = Policy(clock="history")
TOPICS = (TopicPolicy("shop", FORMATS["shop"]), TopicPolicy("clickstream", FORMATS["clickstream"]))


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return content(TOPICS, POLICY)


def test_it_is_the_same_every_time(items: list[Item]) -> None:
    assert content(TOPICS, POLICY) == items


def test_it_is_in_order_of_arrival_and_of_a_size_that_a_minute_can_show(items: list[Item]) -> None:
    arrivals = [item.arrival_ms for item in items]
    assert arrivals == sorted(arrivals)
    played = Counter(item.topic for item in items if START <= item.arrival_ms <= END)
    assert 20_000 < played[0] < 40_000
    assert played[1] > 200
    assert sum(arrival < START for arrival in arrivals) < 50_000


def test_spike_and_captions_are_in_what_is_played() -> None:
    assert END - START == 30 * HOUR
    assert SPIKE.start_ms > START + 2 * HOUR
    assert SPIKE.end_ms + DAY + HOUR / 2 < END, "the 24 hours' figure recovers, too"
    assert [at for at, _ in CAPTIONS] == sorted(at for at, _ in CAPTIONS)
    assert all(START < at < END for at, _ in CAPTIONS)


def test_nobody_shares_a_phone_by_accident(items: list[Item]) -> None:
    owners: dict[str, set[bytes]] = {}
    for item in items:
        if b'"phone"' in item.value and b'"customer_id"' in item.value and item.value.endswith(b"}"):
            named = orjson.loads(item.value)["data"].get("identifiers", {})
            if named:
                owners.setdefault(named["phone"], set()).add(named["customer_id"])
    assert len(owners) > 100
    assert all(len(names) == 1 for names in owners.values())


def test_the_whole_stories_are_among_it(items: list[Item]) -> None:
    told = [event["id"] for item in items if item.key == b"customer_id:customer-1" for event in [orjson.loads(item.value)]]
    assert told == [event["id"] for event in story_1()]
    accounts = [orjson.loads(item.value)["id"] for item in items if item.key == STORY_ACCOUNTS.encode()]
    assert accounts == [event["id"] for event in sorted(story_2(), key=lambda event: str(event["time"]))]
    ended = [item for item in items if b"subscription.ended" in item.value and item.key == b"customer_id:customer-1"]
    assert [item.arrival_ms > END for item in ended] == [True]


def test_some_of_it_must_be_refused_and_little(items: list[Item]) -> None:
    decoder = Decoder(TOPICS[0], POLICY)
    played = [item for item in items if item.topic == 0 and START <= item.arrival_ms <= END]
    refused = Counter(
        found.reason for item in played if isinstance(found := decoder.decode(Record(0, item.arrival_ms, item.value)), Rejected)
    )
    assert len(refused) > 5
    assert sum(refused.values()) < len(played) / 100


async def test_the_fold_does_not_depend_on_how_topics_are_interleaved(items: list[Item]) -> None:
    some = [item for item in items if START <= item.arrival_ms < START + HOUR]
    apart = sorted(some, key=lambda item: item.topic)
    assert await fold_items(some, TOPICS, POLICY, START + HOUR) == await fold_items(apart, TOPICS, POLICY, START + HOUR)


def test_a_difference_to_the_fold_is_a_failure() -> None:
    cell, other = '{"bucket":"e:0","cell":"orders","value":3}\n', '{"bucket":"e:0","cell":"orders","value":4}\n'
    journey = '{"journey":"customer_id:1"}\n'
    assert compare(cell + journey, cell + journey).cells == 1
    assert compare(cell + journey, cell + journey).journeys == 1
    with pytest.raises(DemoError, match=r"line 1 is .*:3.* not .*:4"):
        compare(cell, other)
    with pytest.raises(DemoError, match=r"has 1 .* fold to 2"):
        compare(cell, cell + journey)


def test_the_licence_goes_with_the_clickstream() -> None:
    assert "Apache License" in CLICKSTREAM.with_name("ecom.LICENSE").read_text("utf-8")
    assert "retentioneering" in CLICKSTREAM.with_name("ecom.NOTICE").read_text("utf-8")


def test_a_curve_has_a_block_for_each_share_and_none_where_there_is_none() -> None:
    assert spark([0.0, 0.5, None, 1.0], "▁▂▃▄▅▆▇█") == "▁▅ █"


@pytest.mark.parametrize(("height", "lines"), [(23, 23), (24, 24), (40, 26)])
def test_the_screen_fits_the_terminal(height: int, lines: int) -> None:
    file = StringIO()
    with patch.dict(os.environ, {"TERM": "xterm-256color"}):
        console = Console(file=file, width=80, height=height, force_terminal=True, color_system=None)
    screen = Screen(console)
    values = by_name(compute(END, {}, POLICY, WINDOWS, METRICS))
    marks = [Mark(START, 0.3, 20), Mark(START, 0.9, 20), Mark(START, None, 0)]
    screen.show(State(moment=CAPTIONS[0][0], values=values, marks=marks, sent=1_234_567, done=1_000_000, rate=12_345.6))
    shown = file.getvalue()
    screen.end()
    rows = [row.rstrip() for row in shown.replace("\x1b[?25l", "").split("\n")]
    assert len(rows) == lines
    assert max(len(row) for row in rows) <= 80
    assert rows[0] == "Sat 29 Jun 08:30  12,346 events/s  lag 234,567  duplicates 0  dead letters 0"
    assert "▃█ ···" in shown
    assert rows[-1].startswith("  nps")
