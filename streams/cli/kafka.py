"""Commands that talk to Kafka: `topics`, `produce` and `dlq`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import output
from streams.cli.failure import Failure

if TYPE_CHECKING:  # heavy, and only named here
    from streams.cli.reading import DeadLetter
    from streams.kafka_access import KafkaAccess
    from streams.kafka_admin import Finding
    from streams.kafka_produce import Produced
    from streams.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
File = Annotated[Path | None, typer.Option("--file", help="Topics file, instead of deploy/topics.yaml.")]


def _access(settings: Settings, *topics: str) -> KafkaAccess:
    """How to reach Kafka, once it has let us in, and to these topics."""
    from streams.kafka_access import KafkaAccess
    from streams.reaching import require_kafka

    return require_kafka(KafkaAccess.of(settings), topics)


topics = typer.Typer(no_args_is_help=True, help="The topics, as deploy/topics.yaml says.")


@topics.command()
def create(file: File = None, as_json: Json = False) -> None:
    """Make the topics that are missing; those that exist stay as they are."""
    from streams.kafka_admin import TOPICS_FILE, create_topics, load_topics
    from streams.settings import load_settings

    specs = load_topics(file or TOPICS_FILE)
    _findings(create_topics(_access(load_settings()), specs), as_json=as_json)


@topics.command()
def check(file: File = None, as_json: Json = False) -> None:
    """Compare the topics with what they should be; exit code 1 if one is missing or differs."""
    from streams.kafka_admin import TOPICS_FILE, check_topics, load_topics
    from streams.settings import load_settings

    specs = load_topics(file or TOPICS_FILE)
    findings = check_topics(_access(load_settings(), *(spec.name for spec in specs)), specs)
    _findings(findings, as_json=as_json)
    wrong = [finding.topic for finding in findings if finding.state in {"missing", "differs"}]
    if wrong:
        raise Failure(f"Not as they should be: {', '.join(wrong)}.")


def _findings(findings: list[Finding], *, as_json: bool) -> None:
    rows = [(finding.topic, finding.state, finding.detail) for finding in findings]
    if as_json:
        output.document({"topics": [dict(zip(("topic", "state", "detail"), row, strict=True)) for row in rows]})
    else:
        output.table(("topic", "state", "detail"), rows)


def produce(
    files: Annotated[list[str], typer.Argument(help="JSON Lines or CSV, plain or .gz; - is standard input.")],
    format_: Annotated[str, typer.Option("--format", help="Format of the payloads; `journey formats` lists them.")],
    topic: Annotated[str, typer.Option(help="Topic to produce to.")],
    rate: Annotated[float | None, typer.Option(min=0.001, help="Records per second, at most.")] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="In event time, with event times as timestamps, any age.")] = False,
    shift_to: Annotated[str, typer.Option(metavar="TIME", help="Move all times, so that the last is now (or TIME).")] = "",
    speed: Annotated[float | None, typer.Option(min=0.001, help="Play so many times faster than it happened.")] = None,
    until: Annotated[str, typer.Option(metavar="TIME", help="Leave out what is later, and end the clock there.")] = "",
    as_json: Json = False,
) -> None:
    """Validate a producer's payloads and produce them."""
    from streams.cli.times import parse_time
    from streams.core.policy import TopicPolicy
    from streams.kafka_produce import Playing, produce_file
    from streams.settings import load_settings

    settings = load_settings()
    now = round(time.time() * 1000)
    known = settings.topics.get(topic)
    playing = Playing(
        rate=rate,
        backfill=backfill,
        shift_to=now if shift_to == "now" else parse_time(shift_to, "--shift-to") if shift_to else None,
        speed=speed,
        until=parse_time(until, "--until") if until else None,
    )
    policy = TopicPolicy(topic, format_, known.cadence if known else "live")
    progress = _progress if sys.stderr.isatty() else _silent
    counts = produce_file(_access(settings, topic), files, policy, settings.policy(), playing, progress)
    if progress is _progress:
        sys.stderr.write("\n")
    _print_counts(counts, as_json=as_json)


def _silent(_: Produced) -> None:
    """Nobody watches."""


def _progress(counts: Produced) -> None:
    from streams.core.metrics import timestamp

    moment = timestamp(counts.event_time) if counts.event_time >= 0 else ""
    sys.stderr.write(f"\r{counts.records:,} records, {counts.rejected:,} rejected  {moment:<24}")
    sys.stderr.flush()


def _print_counts(counts: Produced, *, as_json: bool) -> None:
    names = ("payloads", "records", "touchpoints", "ignored", "rejected", "after_until", "clock_records")
    numbers = {name: getattr(counts, name) for name in names}
    if as_json:
        output.document({**numbers, "reasons": dict(counts.reasons), "examples": counts.examples})
        return
    output.table(("what", "count"), list(numbers.items()), right=("count",))
    if counts.reasons:
        rows = [(reason, number, counts.examples.get(reason, "")) for reason, number in counts.reasons.most_common()]
        output.table(("reason", "count", "first"), rows, right=("count",))


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


@dlq.command("show")
def show_letter(
    position: Annotated[str, typer.Argument(help="topic/partition/offset, as `journey dlq list` prints it.")],
    as_json: Json = False,
) -> None:
    """One rejected record: its headers, why it was rejected, and its bytes."""
    letter = next((found for found in _letters() if found.position == position), None)
    if letter is None:
        raise Failure(f"No dead letter of {position!r}; `journey dlq list` lists them.")
    payload = letter.value.decode("utf-8", "backslashreplace")
    if as_json:
        output.document({"position": letter.position, "headers": letter.headers, "payload": payload})
        return
    output.table(("header", "value"), list(letter.headers.items()))
    sys.stdout.write(f"\n{payload}\n")


def _letters() -> list[DeadLetter]:
    from streams.cli.reading import dead_letters
    from streams.settings import load_settings

    settings = load_settings()
    return dead_letters(_access(settings, settings.dead_letter_topic), settings.dead_letter_topic)
