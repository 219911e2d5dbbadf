"""Why a record that is fine says nothing about a journey: the closed list of reasons to ignore it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Silence(StrEnum):
    """A reason to ignore; the string itself is what is counted."""

    CLOCK = "clock"
    """A clock record (header `journey-clock`): it only advances the record clock."""
    TOMBSTONE = "tombstone"
    """A record without a value. On a compacted topic it deletes a key; it is not an event, and what was read stays."""
    EMPTY_BATCH = "empty_batch"
    """A batch of no events."""
    UNMAPPED_EVENT = "unmapped_event"
    """An event of the producer's that has no counterpart in the contract (a video's heartbeat, an own event name)."""


class Ignore(NamedTuple):
    """What a format answers to a payload that says nothing about a journey."""

    reason: Silence


JOURNEY_CLOCK = "journey-clock"
"""The header of a clock record."""

JOURNEY_POSITION = "journey-position"
"""The header that carries `file:line` of a record that was produced from a file."""

JOURNEY_TIMESTAMP = "journey-timestamp"
"""The header by which a record that is sent again says when it first came, in ms."""

JOURNEY_REPLAYED = "journey-replayed"
"""The header that says of which dead letter a record was made: topic/partition/offset."""
