"""The golden stories of the contract; the demo plays them too, so they are told there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import orjson

from streams.core.decode import Decoder
from streams.core.model import Record, Touchpoint
from streams.core.policy import Policy, TopicPolicy
from streams.demo.story import D0, CloudEvent, at, story_1, story_2

__all__ = ["ALL_LIVE", "D0", "DAY_0", "END", "CloudEvent", "at", "decoded", "ms", "story_1", "story_2"]

DAY_0 = (D0 - datetime(1970, 1, 1, tzinfo=D0.tzinfo)).days
"""Day 0 as days since 1970-01-01."""


def ms(days: int, clock: str) -> int:
    """A moment of the story in ms."""
    return int(at(D0, days, clock).timestamp()) * 1000


END = ms(120, "00:00")
ALL_LIVE = ms(-60, "00:00")


def decoded(story: Iterable[CloudEvent]) -> list[Touchpoint]:
    """A story through the real decoder."""
    decoder = Decoder(TopicPolicy("any"), Policy())
    found: list[Touchpoint] = []
    for offset, event in enumerate(story):
        touchpoints = decoder.decode(Record(offset, END, orjson.dumps(event)))
        assert isinstance(touchpoints, tuple), touchpoints
        found.extend(touchpoints)
    return found
