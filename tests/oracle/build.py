"""Short ways to write touchpoints down in tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from streams.core.model import Dimensions, Grain, Identifier, Touchpoint, Value
from streams.core.policy import DAY, HOUR, MINUTE, SECOND
from tests.oracle.book import Cells

MONDAY = 1_704_067_200_000
"""2024-01-01T00:00Z, a Monday."""

TYPICAL_CHANNEL = {
    "delivery": "logistics",
    "shipment": "logistics",
    "contact": "phone",
    "survey": "email",
    "subscription": "system",
}


def digest(text: str) -> bytes:
    """Eight bytes for an id or content."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def moment(days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0, ms: int = 0) -> int:
    """A time after MONDAY, in ms."""
    return MONDAY + days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND + ms


def touch(
    kind: str,
    at: int,
    persons: str = "",
    references: str = "",
    *,
    account: str = "",
    eid: str | bytes = "",
    channel: str = "",
    traffic: str = "human",
    dimensions: Mapping[str, str] | None = None,
    fields: Mapping[str, Value] | None = None,
) -> Touchpoint:
    """A touchpoint; `persons` and `references` are identifiers with blanks between them."""
    content = f"{kind} {at} {persons} {references} {account} {channel} {traffic} {dimensions} {fields}"
    return Touchpoint(
        eid=eid if isinstance(eid, bytes) else digest(eid or content),
        digest=digest(content),
        at=at,
        type=kind,
        persons=tuple(Identifier(one) for one in persons.split()),
        references=tuple(Identifier(one) for one in references.split()),
        groups=(Identifier(f"account_id:{account}"),) if account else (),
        dimensions=Dimensions(
            channel=channel or TYPICAL_CHANNEL.get(kind.split(".", maxsplit=1)[0], "web"), **(dimensions or {})
        ),
        traffic=traffic,
        fields=fields or {},
    )


def ever(cells: Cells) -> dict[str, int]:
    """The cells over all time, by field."""
    return {field: amount for (grain, _, field), amount in cells.items() if grain is Grain.EVER}


def totals(cells: Cells, *prefixes: str) -> dict[str, int]:
    """The totals over all time (nothing broken down but by task and currency) whose names start with one of `prefixes`."""
    found = {}
    for field, amount in ever(cells).items():
        name, *pairs = field.split("|")
        if name.startswith(prefixes) and all(pair.startswith(("task=", "currency=")) for pair in pairs):
            found[field] = amount
    return found


def booked(cells: Cells, field: str, grain: Grain = Grain.MINUTE) -> dict[int, int]:
    """When a field was booked: bucket index -> amount."""
    return {index: amount for (of, index, name), amount in cells.items() if of is grain and name == field}
