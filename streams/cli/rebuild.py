"""`rebuild`: a new namespace from Kafka's log, compared with the one in use."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli import output
from streams.cli.failure import Failure, Misuse

if TYPE_CHECKING:  # heavy, and only named here
    from streams.core.model import Partition
    from streams.rebuild import Compared, Difference, Log, Progress
    from streams.settings import Settings

_DIFFERENCES_SHOWN = 40


def rebuild(
    namespace: Annotated[str, typer.Argument(help="The new one; it is made, or gone on with.")],
    workers: Annotated[int, typer.Option(min=1, help="Workers, each in a process of its own.")] = 1,
    against: Annotated[
        Path | None, typer.Option(help="Compare with what `journey metrics --json` printed, also of another version.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Fill a new namespace from Kafka's log by these settings, and compare it with JOURNEY_NAMESPACE, which goes on untouched."""
    from streams.cli.reading import logs_of
    from streams.kafka_access import KafkaAccess
    from streams.reaching import require_kafka
    from streams.settings import load_settings

    settings = load_settings()
    if namespace == settings.namespace:
        raise Misuse(f"JOURNEY_NAMESPACE is {namespace}; name another one to rebuild into.")
    document = _document(against) if against is not None else None
    given: dict[str, Any] = {"namespace": namespace, "worker_port": 0}
    if settings.group:
        given["group"] = f"{settings.group}-rebuild"  # else the group's workers would share the partitions with these
    new = load_settings(**given)
    asyncio.run(_check(new))
    topics = [*settings.topics]
    logs = logs_of(require_kafka(KafkaAccess.of(settings), topics), topics)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the workers end with it
    try:
        found, untold = _fill(settings, new, logs, workers, document)
    except KeyboardInterrupt:
        raise Failure(f"stopped; `journey rebuild {namespace}` goes on from there.") from None
    gone = {str(partition): log for partition, log in logs.items() if log.start}
    if as_json:
        output.document(_told(settings, namespace, logs, gone, found))
    else:
        _print(settings, namespace, logs, gone, found, untold)


def _document(path: Path) -> dict[str, Any]:
    import orjson

    from streams.cli.times import parse_time

    try:
        found = orjson.loads(path.read_bytes())
        parse_time(found["as_of"], "--against")
        for entry in found["metrics"]:
            _ = entry["metric"], entry["window"], entry["dimensions"]
    except OSError as error:
        raise Misuse(f"--against: {path} cannot be read ({error.strerror}).") from error
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Misuse(f"--against: {path} is not what `journey metrics --json` prints.") from None
    return dict(found)


async def _check(new: Settings) -> None:
    """Raises Failure where the namespace is in use with other definitions."""
    from streams.core.definitions import definitions_digest
    from streams.redis_access import open_store

    store = open_store(new)
    try:
        held = await store.definitions()
    finally:
        await store.close()
    if held is not None and held != definitions_digest(new.policy(), new.topic_policies):
        raise Failure(
            f"Namespace {new.namespace} was filled with other definitions than these settings have; name a new one, or remove it first."
        )


def _fill(
    settings: Settings, new: Settings, logs: dict[Partition, Log], workers: int, document: dict[str, Any] | None
) -> tuple[Compared | None, str]:
    """Runs workers until the namespace has caught up; how it compares, or why it is not compared."""
    from streams.rebuild import WorkersEndedError
    from streams.worker.run import children

    with children(new, workers) as running:
        try:
            return asyncio.run(_follow(settings, new, logs, document, lambda: all(child.is_alive() for child in running)))
        except WorkersEndedError as error:
            raise Failure("A worker gave up before the log was read; its last line says why.") from error


async def _follow(
    settings: Settings, new: Settings, logs: dict[Partition, Log], document: dict[str, Any] | None, alive: Any
) -> tuple[Compared | None, str]:
    from streams.cli.times import parse_time
    from streams.core.definitions import same_layout
    from streams.export.reader import MovingError
    from streams.rebuild import catch_up, compare, compare_with
    from streams.redis_access import open_store

    before, now = open_store(settings), open_store(new)
    try:
        held = await before.definitions()
        watermark, _ = await before.positions()
        # Once a live namespace has caught up its watermark follows the wall clock; one of history ends where its records do.
        policy = new.policy()
        wanted = time.time_ns() // 1_000_000 - policy.disorder_ms if policy.clock == "live" else -1
        await catch_up(now, logs, wanted, alive, _progress)
        output.progress("")
        if document is not None:
            return await compare_with(document, parse_time(document["as_of"], "--against"), now, policy), ""
        if held is None or watermark < 0:
            return None, f"{settings.namespace} has no figures to compare with."
        if not same_layout(held):
            return None, (
                f"{settings.namespace} was filled by another version, whose cells this one cannot read: compare with what "
                "`journey metrics --json` of that version prints, by --against FILE."
            )
        return await compare(before, now, policy), ""
    except MovingError as error:
        return None, f"Not compared: {error}."
    finally:
        await before.close()
        await now.close()


def _progress(found: Progress) -> None:
    from streams.core.metrics import timestamp

    moment = f", watermark {timestamp(found.watermark)}" if found.watermark >= 0 else ""
    output.progress(f"{found.read:,} of {found.records:,} records{moment}")


# -- for scripts ---------------------------------------------------------------------------------------------------


def _told(
    settings: Settings, namespace: str, logs: dict[Partition, Log], gone: dict[str, Log], found: Compared | None
) -> dict[str, Any]:
    from streams.core.metrics import timestamp

    compared = None
    if found is not None:
        different = [{"before": each.before, "now": each.now} for each in found.different]
        compared = {"as_of": timestamp(found.at), "complete": found.complete, "equal": found.equal, "different": different}
    return {
        "namespace": namespace,
        "follows": settings.namespace,
        "records": _records(logs),
        "gone": [
            {"partition": name, "records": log.start, "first": None if log.first_at is None else timestamp(log.first_at)}
            for name, log in gone.items()
        ],
        "compared": compared,
    }


def _records(logs: dict[Partition, Log]) -> int:
    return sum(log.end - log.start for log in logs.values())


# -- for people ----------------------------------------------------------------------------------------------------


def _print(
    settings: Settings,
    namespace: str,
    logs: dict[Partition, Log],
    gone: dict[str, Log],
    found: Compared | None,
    untold: str,
) -> None:
    from streams.core.metrics import timestamp

    typer.echo(f"{namespace} has read the {_records(logs):,} records that {len(logs)} partitions had when it began.")
    if gone:
        rows = [(name, log.start, "" if log.first_at is None else timestamp(log.first_at)) for name, log in gone.items()]
        title = f"\nRemoved from Kafka before, so not in {namespace} (nor what they said of orders and people since)"
        output.table(("partition", "records gone", "first one there"), rows, right=("records gone",), title=title)
    if found is None:
        typer.echo(f"\n{untold}")
    else:
        _print_compared(settings.namespace, namespace, found)
    typer.echo(
        f"\nTo switch, start workers and exporter with JOURNEY_NAMESPACE={namespace}: they go on where this ended. Then stop those "
        f"of {settings.namespace}."
    )


def _print_compared(before: str, now: str, found: Compared) -> None:
    from streams.core.catalogue import METRICS
    from streams.core.metrics import timestamp

    typer.echo(f"\nAs of {timestamp(found.at)} {found.equal:,} figures are the same in both, {len(found.different):,} are not.")
    if not found.complete:
        typer.echo(f"Some of what was due by then was not let in yet, as where no worker runs on {before}: it differs for that.")
    always = {metric.name: metric.always for metric in METRICS}
    shown = [each for each in found.different if _is_total(each, always)][:_DIFFERENCES_SHOWN]
    rows = []
    for each in shown:
        told = each.now or each.before or {}
        by = " ".join(f"{name}={value}" for name, value in told["dimensions"].items())
        rows.append((told["metric"], told["window"], by, _figure(each.before), _figure(each.now)))
    if rows:
        more = f" (the first {len(rows)} totals; --json has all)" if len(rows) < len(found.different) else ""
        output.table(("metric", "window", "by", before, now), rows, right=(before, now), title=f"\nWhat differs{more}")


def _is_total(each: Difference, always: Mapping[str, str]) -> bool:
    told = each.now or each.before or {}
    return set(told["dimensions"]) <= {always.get(told["metric"], "")}


def _figure(told: Any) -> str:
    """A value with what it was made of, of an entry that another version may have written."""
    if told is None:
        return "not there"
    made = f"{told['numerator']:,}" + (f" of {told['denominator']:,}" if told.get("denominator") is not None else "")
    value = told.get("value")
    return made if value is None or told.get("denominator") is None else f"{value:,.4g} ({made})"
