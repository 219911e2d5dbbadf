"""Times on the command line: RFC 3339, a date alone (its start), without a zone in UTC; inside they are milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.cli.failure import Misuse


def parse_time(text: str, option: str) -> int:
    """Milliseconds since the epoch. Raises Misuse, which names the option, for anything that is no time."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Misuse(f"{option}: {text!r} is no time; write it like 2026-03-01T10:30:00Z.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
