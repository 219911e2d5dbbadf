"""What the formats of parcel trackers share: a tracker comes again and again, each time with its whole history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from schemas.formats.producer import Touch, Values
from schemas.formats.times import moment

ONCE = ("shipment.dispatched", "delivery.delivered")
"""Of these the earliest checkpoint counts; of others each does."""

CARRIER = "The carrier's estimate of the delivery is no promise, and is left out: send delivery.promised where you make one."


def tracked(tracker: str, checkpoints: Iterable[tuple[str | None, Any]], identifiers: Values, data: Values) -> list[Touch]:
    """The facts of a tracker's history. checkpoints: (type or None, time) in any order; those without a time say nothing."""
    times: dict[str, set[datetime]] = {}
    for kind, said in checkpoints:
        at = moment(said)
        if kind is not None and isinstance(at, datetime):
            times.setdefault(kind, set()).add(at)
    touches = []
    for kind, found in times.items():
        fact = kind.partition(".")[2]
        if kind in ONCE:
            touches.append(Touch(kind, f"{tracker}:{fact}", min(found), identifiers, {"channel": "logistics", **data}))
        else:
            touches += [
                Touch(kind, f"{tracker}:{fact}:{at.isoformat()}", at, identifiers, {"channel": "logistics", **data})
                for at in sorted(found)
            ]
    return touches
