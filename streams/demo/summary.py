"""What the demo says at its end."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator

from streams.demo.content import END, SPIKE, START
from streams.demo.run import DemoError
from streams.demo.state import Mark, State, spoken
from streams.demo.surroundings import Place

REASONS = 5
EXPORTED = ("KAFKA", "REDIS", "NAMESPACE", "CLOCK", "TOPICS", "DEAD_LETTER_TOPIC", "DIMENSIONS")


def summary(state: State, place: Place) -> Iterator[tuple[str, str]]:
    """Labels and lines. Raises DemoError where the counts do not add up (law 3, conservation)."""
    counts = Counter(state.outcomes)
    decoded, ignored, rejected = (counts[name] for name in ("decoded", "ignored", "rejected"))
    applied, duplicate, refused = (counts[f"touchpoints|{name}"] for name in ("applied", "duplicate", "rejected"))
    if not state.sent == counts["records"] == decoded + ignored + rejected:
        raise DemoError(
            f"{state.sent:,} records were sent, and {decoded:,} decoded + {ignored:,} ignored + {rejected:,} rejected."
        )
    if counts["touchpoints"] != applied + duplicate + refused:
        raise DemoError(f"{counts['touchpoints']:,} touchpoints are not {applied:,} + {duplicate:,} + {refused:,}.")
    yield "played", f"{spoken(START)} to {spoken(END)}, 30 hours of event time"
    yield from _spike(state.marks)
    yield "records", f"{state.sent:,} = {decoded:,} decoded + {ignored:,} ignored (they tell the time) + {rejected:,} rejected"
    yield "touchpoints", f"{counts['touchpoints']:,} = {applied:,} applied + {duplicate:,} duplicates + {refused:,} rejected"
    reasons = Counter({name.rsplit("|", 1)[1]: n for name, n in counts.items() if name.count("|") == 2 and "rejected" in name})
    why = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common(REASONS))
    more = f" and {len(reasons) - REASONS} reasons more" if len(reasons) > REASONS else ""
    yield "rejected", f"{rejected + refused}, kept in topic {place.settings.dead_letter_topic}: {why}{more}"


def _spike(marks: list[Mark]) -> Iterator[tuple[str, str]]:
    known = [mark for mark in marks if mark.abandoned is not None]
    before = [mark.abandoned or 0.0 for mark in known if mark.at <= SPIKE.start_ms]
    if before and known:
        top = max(known, key=lambda mark: mark.abandoned or 0.0)
        usual = sum(before) / len(before)
        figures = f"{usual:.0%} before it, {top.abandoned:.0%} at {spoken(top.at)}, {known[-1].abandoned:.0%} at the end"
        yield "spike", f"checkouts abandoned in the hour before: {figures}"


def exports() -> Iterator[str]:
    """Shell commands after which every other `journey` command finds the namespace."""
    for name in EXPORTED:
        value = os.environ.get(f"JOURNEY_{name}", "")
        if value:
            yield f"  export JOURNEY_{name}={shlex.quote(value)}"
