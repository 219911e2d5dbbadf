"""What the demo plays: the same records, in the same order, every time.

Three sources become two topics. A shop's own events (simulated, with the golden stories among them) come as
CloudEvents; the clickstream of a package of analyses comes as it is, through its mapping. Times are the data's own: the
clickstream ends on 29 June 2024, so that is where thirty hours are played, and everything before is loaded as history.

A record's timestamp is when it arrived. Most arrive when they happened; some are sent twice, some arrive out of order or
hours late, some are unusable, and one tracker was offline for longer than the allowance.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson

from schemas.envelope import iso
from schemas.outcomes import JOURNEY_POSITION
from streams.core.decode import Decoder
from streams.core.policy import DAY, HOUR, MINUTE, Policy, TopicPolicy
from streams.demo.story import story_1, story_2
from streams.kafka_produce import Produced, read_events
from streams.simulate import Options, Simulation, Spike

CLICKSTREAM = Path(__file__).parent / "data" / "ecom.csv.gz"
STORY_PERSON = "customer_id:customer-1"
STORY_ACCOUNTS = "household-1 and team-1"


def moment(day: str, clock: str = "00:00") -> int:
    """A UTC time of 2024 in ms: month-day and HH:MM."""
    return int(datetime.fromisoformat(f"2024-{day}T{clock}:00+00:00").timestamp()) * 1_000


START = moment("06-29", "06:00")
"""Where the playing starts; what arrived before is loaded at full speed."""
END = moment("06-30", "12:00")
SPIKE = Spike(moment("06-29", "08:30"), moment("06-29", "11:00"), factor=5.0)
"""The payment page breaks: early enough that the 24 hours' figure, too, is seen to recover."""
CLICKSTREAM_FROM = moment("04-30")
"""Its last two months: with the incident in payment that its authors put into May and June, and loaded in seconds."""
STORY_D0 = datetime(2024, 6, 9, tzinfo=UTC)
"""The golden stories' day 0: low answers (day 20) and a cancellation (day 21) fall into what is played."""

_D0_MS = int(STORY_D0.timestamp()) * 1_000
CAPTIONS: tuple[tuple[int, str], ...] = (
    (SPIKE.start_ms, "the payment page breaks: checkouts that begin now are mostly abandoned"),
    (SPIKE.start_ms + 30 * MINUTE, "the first of them have waited their 30 minutes: abandonment rises"),
    (SPIKE.end_ms, "the payment page is mended"),
    (_D0_MS + 20 * DAY + 12 * HOUR, "customer-1, after a broken promise and a long hold, answers: csat 1 of 5, nps 2"),
    (SPIKE.end_ms + 90 * MINUTE, "the last hour has forgotten the spike; the last 24 hours remember it"),
    (_D0_MS + 21 * DAY + 9 * HOUR, "customer-1 cancels"),
    (SPIKE.end_ms + 24 * HOUR + 30 * MINUTE, "the last 24 hours have forgotten it too"),
)
"""Event time in ms, and what is going on from then on; in time order."""

_ORDINARY = {"duplicates": 0.01, "disorder": 0.1, "late": 0.01, "late_ms": 6 * HOUR, "rubbish": 0.002}
_SIMULATIONS = (
    # Four parts of the world, a quarter of a day apart, so that no hour is without people; and the month before, thinner,
    # from which deliveries, calls and answers come.
    Options(customers=1_500, events=11_000, seed=1, start_ms=moment("06-29"), days=2, spike=SPIKE, **_ORDINARY),  # type: ignore[arg-type]
    Options(customers=1_500, events=11_000, seed=2, start_ms=moment("06-28", "18:00"), days=2, spike=SPIKE, **_ORDINARY),  # type: ignore[arg-type]
    Options(customers=1_500, events=11_000, seed=3, start_ms=moment("06-28", "12:00"), days=2, spike=SPIKE, **_ORDINARY),  # type: ignore[arg-type]
    Options(customers=2_200, events=16_500, seed=4, start_ms=moment("06-28", "06:00"), days=3, spike=SPIKE, **_ORDINARY),  # type: ignore[arg-type]
    Options(customers=1_200, events=14_000, seed=5, start_ms=moment("06-01"), days=30, spike=SPIKE, **_ORDINARY),  # type: ignore[arg-type]
)


class Item(msgspec.Struct, frozen=True, gc=False):
    """One record to send. arrival_ms: its timestamp. topic: the index of its topic in the settings' order."""

    arrival_ms: int
    topic: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def content(topics: tuple[TopicPolicy, TopicPolicy], policy: Policy) -> list[Item]:
    """Everything, in order of arrival, also what arrives after `END`. topics: the shop's, the clickstream's."""
    items = [*_stories(), *_offline_tracker(), *_clickstream(topics[1], policy)]
    for options in _SIMULATIONS:
        items.extend(simulated(options))
    items.sort(key=lambda item: item.arrival_ms)
    return items


def simulated(options: Options) -> Iterator[Item]:
    """A simulation as records of the first topic; one of those with seeds 1 to 9 shares no phone number with another."""
    # Simulations number their phones alike, so each gets an area of its own: nobody shares one by accident.
    ours, theirs = b"+31%d0" % (10 + options.seed), b"+3120"
    for one in Simulation(options):
        yield Item(one.arrival_ms, 0, one.key.replace(theirs, ours), one.value.replace(theirs, ours))


def _stories() -> Iterator[Item]:
    told = [(STORY_PERSON, event) for event in story_1(STORY_D0)] + [(STORY_ACCOUNTS, event) for event in story_2(STORY_D0)]
    for key, event in told:
        at = int(datetime.fromisoformat(event["time"]).timestamp()) * 1_000
        yield Item(at, 0, key.encode(), orjson.dumps(event))


def _clickstream(topic: TopicPolicy, policy: Policy) -> Iterator[Item]:
    for event in read_events([str(CLICKSTREAM)], Decoder(topic, policy), Produced()):
        if event.at >= CLICKSTREAM_FROM:
            yield Item(event.at, 1, event.key, event.value, ((JOURNEY_POSITION, event.position),))


def _offline_tracker() -> Iterator[Item]:
    """Page views that a tracker kept for nine days: too late for the figures, so they end as dead letters."""
    arrival = START + 8 * HOUR
    for number in range(12):
        event = {
            "specversion": "1.0",
            "id": f"kept-{number}",
            "source": "demo/tracker",
            "type": "page.viewed",
            "time": iso(arrival - 9 * DAY + number * MINUTE),
            "data": {"identifiers": {"anonymous_id": "offline"}, "channel": "web", "page": "/home"},
        }
        yield Item(arrival + number, 0, b"offline", orjson.dumps(event))
