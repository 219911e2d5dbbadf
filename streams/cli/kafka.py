"""Commands that talk to Kafka: `topics` and `produce`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import output
from streams.cli.failure import Failure

if TYPE_CHECKING:  # heavy, and only named here
    from streams.kafka_access import KafkaAccess
    from streams.kafka_admin import Finding
    from streams.kafka_produce import Produced
    from streams.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
File = Annotated[Path | None, typer.Option("--file", help="Topics file, instead of deploy/topics.yaml.")]


def reach(settings: Settings, *topics: str) -> KafkaAccess:
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
    _findings(create_topics(reach(load_settings()), specs), as_json=as_json)


@topics.command()
def check(file: File = None, as_json: Json = False) -> None:
    """Compare the topics with what they should be; exit code 1 if one is missing or differs."""
    from streams.kafka_admin import TOPICS_FILE, check_topics, load_topics
    from streams.settings import load_settings

    specs = load_topics(file or TOPICS_FILE)
    findings = check_topics(reach(load_settings(), *(spec.name for spec in specs)), specs)
    _findings(findings, as_json=as_json)
    wrong = [finding.topic for finding in findings if finding.state in {"missing", "differs"}]
    if wrong:
        raise Failure(f"Not as they should be: {', '.join(wrong)}.")


@topics.command()
def adopt(as_json: Json = False) -> None:
    """Let the namespace go on with these settings' topics and formats; what was read before stays as it was read."""
    import asyncio

    from streams.settings import load_settings

    settings = load_settings()
    state = asyncio.run(_adopt(settings))
    if as_json:
        output.document({"namespace": settings.namespace, "topics": sorted(settings.topics), "state": state})
    else:
        typer.echo(f"{settings.namespace}: {state}")


async def _adopt(settings: Settings) -> str:
    from streams.core.definitions import MEANING_DIGITS, definitions_digest
    from streams.core.model import Verdict
    from streams.redis_access import open_store

    store = open_store(settings)
    try:
        ours = definitions_digest(settings.policy(), settings.topic_policies)
        if await store.definitions() == ours:
            return "it has these topics and formats already"
        answer = await store.adopt(ours, MEANING_DIGITS)
    finally:
        await store.close()
    if answer.verdict is Verdict.UNLISTED:
        raise Failure(f"Namespace {settings.namespace} is empty; a worker opens it with whatever settings it has.")
    if answer.verdict is Verdict.FENCED:
        raise Failure(
            "More than topics and formats differs (settings, metrics or libraries): use those that filled the namespace, or "
            "`journey rebuild` into a new namespace."
        )
    return "it goes on with these topics and formats; start every worker anew with them, the others stop"


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
    counts = produce_file(reach(settings, topic), files, policy, settings.policy(), playing, progress)
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
