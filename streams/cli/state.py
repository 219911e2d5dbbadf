"""Commands that read a namespace in Redis: `metrics`, `show`, `positions`, `digest`. They change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli import output
from streams.cli.failure import Failure, Misuse

if TYPE_CHECKING:  # these are heavy, and only named here
    from streams.core.model import Partition, Position
    from streams.core.policy import Policy
    from streams.export.reader import Reading
    from streams.settings import Settings
    from streams.store.redis import RedisStore

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@contextmanager
def _readable(settings: Settings) -> Iterator[None]:
    """What this version cannot read of a namespace, in one sentence."""
    from msgspec import DecodeError

    from streams.export.reader import OtherVersionError

    try:
        yield
    except (DecodeError, OtherVersionError):
        raise Failure(f"Namespace {settings.namespace} {OtherVersionError()}.") from None


def open_store(settings: Settings) -> RedisStore:
    """The namespace in Redis that the settings name; connected on first use."""
    from streams.redis_access import open_store as opened

    return opened(settings)


def metrics(
    window: Annotated[list[str] | None, typer.Option(help="5m, 1h, 24h, 7d, 28d or all; may be repeated.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="One metric, with its breakdowns; may be repeated.")] = None,
    at: Annotated[str, typer.Option(metavar="TIME", help="An earlier time, such as 2026-03-01T10:30:00Z.")] = "",
    as_json: Json = False,
) -> None:
    """Rolling metrics, at the watermark or at an earlier time."""
    from streams.cli.figures import check_names, print_values
    from streams.cli.times import parse_time
    from streams.core.metrics import as_json as values_document
    from streams.core.metrics import timestamp
    from streams.settings import load_settings

    settings = load_settings()
    check_names(window, metric)
    moment = parse_time(at, "--at") if at else None
    reading = asyncio.run(_read(settings, window, metric, moment))
    if moment is not None and reading.as_of is None and reading.watermark >= 0:
        raise Misuse(f"--at: {at} is further back than buckets are kept; days are kept for 400 days.")
    if as_json:
        output.document(values_document(reading.values, reading.as_of, settings.namespace))
        return
    if reading.as_of is None:
        raise Failure(f"Namespace {settings.namespace} has no watermark yet; start a worker and produce to its topics.")
    print_values(reading.values, f"{settings.namespace} as of {timestamp(reading.as_of)}", breakdowns=metric is not None)


async def _read(settings: Settings, windows: list[str] | None, metrics: list[str] | None, at: int | None) -> Reading:
    from streams.export.reader import MovingError, read_values, require_layout

    store = open_store(settings)
    try:
        with _readable(settings):
            await require_layout(store)
            return await read_values(store, settings.policy(), windows=windows or None, metrics=metrics or None, at=at)
    except MovingError as error:
        raise Failure(f"{settings.namespace}: {error}.") from error
    finally:
        await store.close()


def show(
    identifier: Annotated[str, typer.Argument(help="Such as email:x@y.z or order_id:17, or a bare value.")],
    as_json: Json = False,
) -> None:
    """One journey: its identifiers and how each was linked, its cases, its timeline."""
    from streams.settings import load_settings

    settings = load_settings()
    documents = asyncio.run(_journeys(settings, settings.policy(), identifier))
    if not documents:
        raise Failure(f"Nothing is known under {identifier!r} in namespace {settings.namespace}.")
    if len(documents) > 1:
        names = ", ".join(document["found_by"] for document in documents)
        raise Misuse(f"{identifier!r} may mean {names}; say which.")
    if as_json:
        output.document(documents[0])
    else:
        _print_journey(documents[0])


async def _journeys(settings: Settings, policy: Policy, text: str) -> list[dict[str, Any]]:
    """Every journey that the text may mean, each once."""
    from streams.cli.journeys import candidates, journey_document
    from streams.core.journey import decode

    store = open_store(settings)
    found: dict[bytes, dict[str, Any]] = {}
    try:
        wanted = candidates(text, policy)
        loaded = await store.load(wanted)
        for identifier in wanted:
            home = loaded.links.get(identifier)
            blob = loaded.blobs.get(home) if home is not None else None
            if home is None or blob is None or home in found:
                continue
            with _readable(settings):
                journey = decode(blob)
                of_members = (await store.load((), journey.shares)).blobs
                members = {member: decode(one) for member, one in of_members.items() if one is not None}
                found[home] = {"namespace": settings.namespace, "found_by": identifier, **journey_document(journey, members)}
    finally:
        await store.close()
    return list(found.values())


def _print_journey(document: dict[str, Any]) -> None:
    rows = [(entry["identifier"], entry["first_seen"]) for entry in document["identifiers"]]
    if document["members"]:
        output.table(("member",), [(member,) for member in document["members"]], title="Members")
    else:
        output.table(("identifier", "first seen"), rows, title="Identifiers")
    if document["account"]:
        output.table(("account",), [(document["account"],)], title="\nAccount")
    if document["links"]:
        links = [(" = ".join(entry["identifiers"]), entry["at"]) for entry in document["links"]]
        output.table(("linked by one event", "at"), links, title="\nLinks")
    cases = [
        (entry["reference"], entry["owner"], entry["parent"] or entry["about"], entry["first"], entry["last"], entry["facts"])
        for entry in document["cases"]
    ]
    if cases:
        output.table(("case", "owner", "part of or about", "first", "last", "facts"), cases, right=("facts",), title="\nCases")
    timeline = [
        (entry["time"], entry["type"], entry.get("channel", ""), " ".join(entry["references"]), _brief(entry["fields"]))
        for entry in document["timeline"]
    ]
    output.table(("time", "touchpoint", "channel", "references", "details"), timeline, title="\nTimeline")


def _brief(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in fields.items())


def digest(
    as_json: Json = False,
    dump: Annotated[Path | None, typer.Option(help="Also write the canonical dump to this file.")] = None,
) -> None:
    """The digest of the canonical dump: equal digests mean equal tables."""
    from hashlib import sha256

    from streams.settings import load_settings

    settings = load_settings()
    text = asyncio.run(_dump(settings))
    if dump is not None:
        dump.write_text(text, "utf-8")
    found = {"namespace": settings.namespace, "sha256": sha256(text.encode()).hexdigest(), "lines": text.count("\n")}
    if as_json:
        output.document(found)
    else:
        output.table(tuple(found), [tuple(found.values())], right=("lines",))


async def _dump(settings: Settings) -> str:
    from streams.export.reader import require_layout
    from streams.store.dump import canonical_dump

    store = open_store(settings)
    try:
        with _readable(settings):
            await require_layout(store)
            return await canonical_dump(store, settings.policy())
    finally:
        await store.close()


def positions(as_json: Json = False) -> None:
    """How far the namespace has read each topic-partition: position, log end, lag and clock."""
    from streams.cli.reading import log_ends
    from streams.core.metrics import timestamp
    from streams.kafka_access import KafkaAccess
    from streams.reaching import require_kafka
    from streams.settings import load_settings

    settings = load_settings()
    access = KafkaAccess.of(settings)
    watermark, found = asyncio.run(_positions(settings))
    ends = log_ends(require_kafka(access, sorted({partition.topic for partition in found})), sorted(found)) if found else {}
    rows = [
        {
            "topic": partition.topic,
            "partition": partition.number,
            "position": position.offset,
            "log_end": ends[partition],
            "lag": max(0, ends[partition] - position.offset),
            "clock": timestamp(position.clock) if position.clock >= 0 else None,
        }
        for partition, position in sorted(found.items())
    ]
    moment = timestamp(watermark) if watermark >= 0 else None
    if as_json:
        output.document({"namespace": settings.namespace, "watermark": moment, "positions": rows})
        return
    names = ("topic", "partition", "position", "log_end", "lag", "clock")
    cells = [[row[name] for name in names] for row in rows]
    title = f"{settings.namespace}, watermark {moment or 'not there yet'}"
    output.table(names, cells, right=("partition", "position", "log_end", "lag"), title=title)


async def _positions(settings: Settings) -> tuple[int, dict[Partition, Position]]:
    store = open_store(settings)
    try:
        return await store.positions()
    finally:
        await store.close()
