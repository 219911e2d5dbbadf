"""The golden stories of the contract; the demo plays them too, so they are told there."""

from __future__ import annotations

from streams.demo.story import D0, CloudEvent, at, story_1, story_2

__all__ = ["D0", "CloudEvent", "at", "story_1", "story_2"]
