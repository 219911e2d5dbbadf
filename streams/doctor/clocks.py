"""Clocks: this machine's against Redis's, and against the newest time that Kafka has given a record."""

from __future__ import annotations

from streams.core.metrics import timestamp
from streams.doctor.check import Check, fail, ok, warn

DOUBTFUL_MS = 1_000
WRONG_MS = 60_000


def compare_with_redis(ours_ms: int, theirs_ms: int) -> Check:
    """ours_ms: in the middle of the call that brought theirs."""
    off_ms = theirs_ms - ours_ms
    text = f"{abs(off_ms)} ms {'ahead of' if off_ms > 0 else 'behind'} this machine"
    return _judge("clock of Redis", text, abs(off_ms))


def compare_with_kafka(now_ms: int, newest_ms: int) -> Check:
    """A record's time may be long past, never in the future."""
    text = f"newest record {timestamp(newest_ms)}"
    ahead_ms = newest_ms - now_ms
    if ahead_ms <= DOUBTFUL_MS:
        return ok("clock of Kafka", f"{text}, not in the future")
    return _judge("clock of Kafka", f"{text}, {ahead_ms} ms in the future", ahead_ms)


def _judge(what: str, text: str, off_ms: int) -> Check:
    if off_ms <= DOUBTFUL_MS:
        return ok(what, text)
    advice = f"{text}: a live namespace goes by these clocks; let NTP set them all"
    return fail(what, advice) if off_ms > WRONG_MS else warn(what, advice)
