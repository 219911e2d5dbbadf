"""`dlq`: what was rejected, why, and again to the workers that understand it by now."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from streams.cli import output
from streams.cli.failure import Failure, Misuse
from streams.cli.kafka import reach

if TYPE_CHECKING:  # heavy, and only named here
    from streams.kafka_letters import DeadLetter
    from streams.kafka_replay import Reading, Replayed
    from streams.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]

dlq = typer.Typer(no_args_is_help=True, help="The dead letters: every rejected record, as it came.")


@dlq.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: Json = False,
) -> None:
    """The rejected records, the newest first, and why each was rejected."""
    from streams.core.metrics import timestamp

    letters = _letters()
    rows = [(letter.position, timestamp(letter.at), letter.stage, letter.reason, letter.detail) for letter in letters[:limit]]
    names = ("position", "rejected_at", "stage", "reason", "detail")
    if as_json:
        output.document({"dead_letters": [dict(zip(names, row, strict=True)) for row in rows], "total": len(letters)})
    else:
        output.table(names, rows, title=f"{len(rows)} of {len(letters)} dead letters")


@dlq.command()
def show(
    position: Annotated[str, typer.Argument(help="topic/partition/offset, as `journey dlq list` prints it.")],
    as_json: Json = False,
) -> None:
    """One rejected record: why it was rejected, its headers, and its bytes."""
    from streams.core.metrics import timestamp

    letter = next(iter(_letters(position)), None)
    if letter is None:
        raise Failure(f"No dead letter of {position!r}; `journey dlq list` lists them.")
    payload = (letter.record.value or b"").decode("utf-8", "backslashreplace")
    told = {
        "rejected_at": timestamp(letter.at),
        "timestamp": timestamp(letter.record.timestamp) if letter.record.timestamp >= 0 else "",
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": letter.detail,
        "truncated": letter.truncated,
    }
    if as_json:
        output.document({"position": letter.position, **told, "headers": letter.headers, "payload": payload})
        return
    output.table(("rejected", ""), [(name, value) for name, value in told.items() if value not in {"", False}])
    if letter.headers:
        output.table(("header", "value"), list(letter.headers.items()))
    sys.stdout.write(f"\n{payload}\n")


def _letters(position: str = "") -> list[DeadLetter]:
    """The newest first; with a position only that one, whole, else without the records' values."""
    from streams.kafka_letters import read_letters
    from streams.settings import load_settings

    settings = load_settings()
    letters = read_letters(reach(settings, settings.dead_letter_topic), settings.dead_letter_topic)
    if position:
        return [letter for letter in letters if letter.position == position]
    found = [msgspec.structs.replace(letter, record=msgspec.structs.replace(letter.record, value=None)) for letter in letters]
    return sorted(found, key=lambda letter: (-letter.at, letter.position))


@dlq.command()
def replay(
    positions: Annotated[list[str] | None, typer.Argument(help="topic/partition/offset of letters; all of them if none.")] = None,
    reason: Annotated[list[str] | None, typer.Option(help="Only letters with this reason; may be repeated.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only letters of this topic; may be repeated.")] = None,
    to: Annotated[str, typer.Option(metavar="TOPIC", help="Send to another topic of the same format, such as a batch one.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Send dead letters again that can be read by now; what is refused still stays."""
    from streams.kafka_replay import in_letters
    from streams.kafka_replay import replay as play
    from streams.settings import load_settings

    settings = load_settings()
    wanted = in_letters(positions or (), reason or (), topic or ())
    access = reach(settings, settings.dead_letter_topic, *settings.topics)
    reading = asyncio.run(_reading(settings, to))
    progress = _progress if sys.stderr.isatty() else _silent
    counts = play(access, settings.dead_letter_topic, reading, wanted, progress, dry_run=dry_run)
    if progress is _progress:
        sys.stderr.write("\n")
    names = ("letters", "sent", "touchpoints", "ignored", "kept")
    numbers = {name: getattr(counts, name) for name in names}
    if as_json:
        output.document({**numbers, "reasons": dict(counts.reasons), "dry_run": dry_run})
        return
    output.table(("what", "count"), list(numbers.items()), right=("count",), title="Nothing was sent" if dry_run else "")
    if counts.reasons:
        output.table(("kept because", "letters"), counts.reasons.most_common(), right=("letters",))


async def _reading(settings: Settings, to: str) -> Reading:
    """How the namespace's workers read now. Failure where these settings would not make such a worker."""
    from streams.core.definitions import definitions_digest
    from streams.kafka_replay import Reading
    from streams.redis_access import open_store
    from streams.registry_access import open_registry

    topics = {policy.name: policy for policy in settings.topic_policies}
    if to and to not in topics:
        raise Misuse(f"--to: {to} is none of JOURNEY_TOPICS.")
    policy = settings.policy()
    store = open_store(settings)
    try:
        held, (_, positions) = await store.definitions(), await store.positions()
    finally:
        await store.close()
    if held != definitions_digest(policy, settings.topic_policies):
        raise Failure(
            f"The workers of {settings.namespace} read by other definitions than these settings and would refuse the letters as before: "
            "`journey topics adopt` where topics or formats were mended, then start the workers anew."
        )
    clock = max((position.clock for position in positions.values()), default=-1)
    if policy.clock == "live":
        clock = max(clock, time.time_ns() // 1_000_000)
    return Reading(policy=policy, topics=topics, clock=clock, frames=open_registry(settings), to=to or None)


def _silent(_: Replayed) -> None:
    """Nobody watches."""


def _progress(counts: Replayed) -> None:
    sys.stderr.write(f"\r{counts.letters:,} letters, {counts.sent:,} sent, {counts.kept:,} kept")
    sys.stderr.flush()
