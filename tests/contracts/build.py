"""Short ways to say what a commit holds."""

from streams.core.model import Advance, Bucket, Commit, Identifier, JourneyId, Partition, Position, Version

DEFINITIONS = "d1"
WEB = Partition("web", 0)
SHOP = Partition("shop", 1)
BATCH = Partition("tickets", 0)


def journey(number: int) -> JourneyId:
    return JourneyId(number.to_bytes(2, "little") + bytes(14))


def identifier(number: int) -> Identifier:
    return Identifier(f"email:{number}@example.org")


def advance(start: int, end: int, clock: int = -1, partition: Partition = WEB, digest: bytes = b"") -> Advance:
    return Advance(partition, start, Position(end, clock, digest))


def commit(  # noqa: PLR0917 - each is a part of a commit, and tests name them
    move: Advance | None = None,
    *,
    definitions: str = DEFINITIONS,
    watermark: int = -1,
    read: dict[JourneyId, Version | None] | None = None,
    absent: set[Identifier] | None = None,
    journeys: dict[JourneyId, bytes | None] | None = None,
    links: dict[Identifier, JourneyId | None] | None = None,
    due: dict[JourneyId, int | None] | None = None,
    cells: dict[Bucket, dict[str, int]] | None = None,
    outcomes: dict[str, int] | None = None,
) -> Commit:
    return Commit(
        definitions=definitions,
        watermark=watermark,
        advance=move,
        read=read or {},
        absent=absent or set(),
        journeys=journeys or {},
        links=links or {},
        due=due or {},
        cells=cells or {},
        outcomes=outcomes or {},
    )
