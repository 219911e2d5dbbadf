"""`explain`: why a figure is what it is."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli import output
from streams.cli.failure import Failure, Misuse

if TYPE_CHECKING:  # these are heavy, and only named here
    from streams.core.metric import Metric
    from streams.core.metrics import Number, Value
    from streams.explain.answer import Answer, Behind, Question
    from streams.explain.changes import Change, Side
    from streams.settings import Settings

_CHANGES_SHOWN = 12


def explain(
    metric: Annotated[str, typer.Argument(help="Such as task_abandonment_rate.")],
    window: Annotated[str, typer.Option(help="5m, 1h, 24h, 7d, 28d or all; else the first of 1h and 7d that it has.")] = "",
    dimension: Annotated[list[str] | None, typer.Option(help="Such as task=checkout or device=mobile; may be repeated.")] = None,
    at: Annotated[str, typer.Option(metavar="TIME", help="An earlier time, such as 2026-03-01T10:30:00Z.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="So many journeys, the largest, then the latest first.")] = 20,
    rest: Annotated[
        bool, typer.Option("--rest", help="Those that count but are not in it, such as the promises not kept.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, with every event id.")] = False,
) -> None:
    """Why a figure is what it is: what changed against the window before, by dimension, and the journeys and events behind it."""
    from streams.cli.figures import check_names
    from streams.cli.times import parse_time
    from streams.core.catalogue import METRICS
    from streams.core.metric import Kind
    from streams.explain.answer import Question
    from streams.settings import load_settings

    settings = load_settings()
    check_names([window] if window else None, [metric])
    asked = next(one for one in METRICS if one.name == metric)
    if asked.kind is Kind.PREDICTED:
        raise Misuse(f"{metric} is made of other figures; explain revenue, customers or churn_rate.")
    chosen = window or ("1h" if "1h" in asked.windows else "7d")
    if chosen not in asked.windows:
        raise Misuse(f"--window: {metric} has no {chosen}; it has {', '.join(asked.windows)}.")
    pairs = _dimensions(asked, dimension or [])
    moment = parse_time(at, "--at") if at else None
    question = Question(asked, chosen, pairs, moment, rest, limit)
    found = asyncio.run(_answer(settings, question))
    if as_json:
        output.document({"namespace": settings.namespace, **_document(found)})
    else:
        _print(found, question, settings.namespace)


def _dimensions(metric: Metric, texts: list[str]) -> tuple[tuple[str, str], ...]:
    """The pairs in the order of a field: the one that it always has, then at most one more."""
    known = [name for name in (metric.always, *metric.dimensions) if name]
    pairs = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not value or name not in known:
            raise Misuse(f"--dimension: {text!r} is none; write NAME=VALUE with a NAME of {', '.join(known)}.")
        pairs.append((name, value))
    pairs.sort(key=lambda pair: pair[0] != metric.always)
    always = [pair for pair in pairs if pair[0] == metric.always]
    if metric.always and len(always) != 1:
        raise Misuse(f"{metric.name} is told by {metric.always}; say which one: --dimension {metric.always}=VALUE.")
    if len(pairs) - len(always) > 1:
        raise Misuse("--dimension: figures are broken down by one dimension at a time; name one.")
    return tuple(pairs)


async def _answer(settings: Settings, question: Question) -> Answer:
    from streams.explain.answer import NoFigureError, OtherDefinitionsError, answer
    from streams.export.reader import MovingError
    from streams.redis_access import open_store

    store = open_store(settings)
    try:
        return await answer(store, settings.policy(), question, lambda done: output.progress(f"{done:,} journeys looked at"))
    except NoFigureError as error:
        by = " ".join(f"{name}={value}" for name, value in question.dimensions)
        raise Failure(
            f"Namespace {settings.namespace} has no {question.metric.name} {by}".rstrip()
            + f" over {question.window} at that time; `journey metrics --metric {question.metric.name}` prints those that it has."
        ) from error
    except OtherDefinitionsError as error:
        raise Failure(
            f"Namespace {settings.namespace} was filled with other settings, or by another version, than this command has; "
            "give it the JOURNEY_ settings of the workers."
        ) from error
    except MovingError as error:
        raise Failure(f"{settings.namespace}: {error}.") from error
    finally:
        output.progress("")
        await store.close()


# -- for scripts ---------------------------------------------------------------------------------------------------


def _document(found: Answer) -> dict[str, Any]:
    from streams.core.metrics import entry, timestamp

    return {
        "as_of": timestamp(found.now.moment),
        **entry(found.now),
        "before": None if found.before is None else {"as_of": timestamp(found.before.moment), **entry(found.before)},
        "changes": [
            {
                "dimension": change.dimension,
                "part": change.part or None,
                "before": _side(change.before),
                "now": _side(change.now),
                "adds": change.adds,
            }
            for change in found.changes
        ],
        "found": {"numerator": found.found[0], "n": found.found[1]},
        "count": found.count,
        "behind": [_behind(one) for one in found.behind],
    }


def _side(side: Side) -> dict[str, Number | None]:
    return {"numerator": side[0], "denominator": side[1]}


def _behind(one: Behind) -> dict[str, Any]:
    from streams.core.metrics import timestamp

    part = one.part
    return {
        "journey": part.journey,
        "kind": part.kind,
        "case": part.case or None,
        "numerator": one.numerator,
        "denominator": one.denominator,
        "first": timestamp(part.facts[0].at) if part.facts else None,
        "last": timestamp(part.facts[-1].at) if part.facts else None,
        "outcome": part.outcome or None,
        "last_step": part.last_step or None,
        "last_error": part.last_error or None,
        "events": [fact.eid.hex() for fact in part.facts],
    }


# -- for people ----------------------------------------------------------------------------------------------------


def _print(found: Answer, question: Question, namespace: str) -> None:
    from streams.core.metrics import timestamp

    by = "".join(f", {name}={value}" for name, value in question.dimensions)
    sys.stdout.write(f"{namespace}: {question.metric.name} over {question.window}{by}\n")
    sides = [("now", found.now)] if found.before is None else [("before", found.before), ("now", found.now)]
    figures = [(name, timestamp(value.moment), *_figure(value)) for name, value in sides]
    output.table(("", "as of", "value", "of", "n", "95 %"), figures, right=("value", "of", "n", "95 %"))
    if found.changes:
        largest = sorted(found.changes, key=lambda change: -abs(change.adds or 0))[:_CHANGES_SHOWN]
        more = len(found.changes) - len(largest)
        title = "\nWhat changed: over one dimension, what the parts add is the change of the whole"
        output.table(
            ("by", "before", "now", "adds"),
            [_change(change, question.metric) for change in largest],
            right=("before", "now", "adds"),
            title=title + (f" (the largest {len(largest)} of {len(found.changes)})" if more else ""),
        )
    what = "not in it" if question.rest else "behind it"
    sealed = "" if found.found[1] >= found.now.n else f"; of {found.now.n:,} that count {found.found[1]:,} are still kept"
    title = f"\n{found.count:,} {what}{sealed}" + (f"; {len(found.behind)} of them" if len(found.behind) < found.count else "")
    columns = ("journey", "what", "first", "last", "adds", "outcome", "last step", "last error", "last event")
    rows = [_row(one, question.metric) for one in found.behind]
    told = [column for column in range(len(columns)) if any(row[column] for row in rows)]
    output.table(
        [columns[column] for column in told],
        [[row[column] for column in told] for row in rows],
        right=("adds",),
        title=title,
    )
    if found.behind:
        sys.stdout.write("\n`journey show JOURNEY` tells one of them whole; --json gives every event.\n")


def _figure(value: Value) -> tuple[str, str, str, str]:
    from streams.cli.figures import figure, interval

    return figure(value), f"{value.numerator:,}", f"{value.n:,}", interval(value)


def _change(change: Change, metric: Metric) -> tuple[str, str, str, str]:
    adds = "" if change.adds is None else _signed(change.adds, metric)
    return f"{change.dimension}={change.part or '(none)'}", _fraction(change.before), _fraction(change.now), adds


def _fraction(side: Side) -> str:
    return f"{side[0]:,}" if side[1] is None else f"{side[0]:,} of {side[1]:,}"


def _signed(number: float, metric: Metric) -> str:
    from streams.cli.figures import number as written

    return ("+" if number > 0 else "") + (
        f"{100 * number:.1f} points" if metric.unit == "ratio" else written(number, metric.unit)
    )


def _row(one: Behind, metric: Metric) -> tuple[object, ...]:
    from streams.cli.figures import number as written
    from streams.core.metric import Kind
    from streams.core.metrics import timestamp

    part = one.part
    adds = written(one.numerator, metric.unit) if metric.kind is Kind.DISTRIBUTION else str(one.numerator or "")
    return (
        part.journey,
        part.case if ":" in part.case else f"{part.kind} {part.case}".rstrip(),
        timestamp(part.facts[0].at) if part.facts else "",
        timestamp(part.facts[-1].at) if part.facts else "",
        adds,
        part.outcome,
        part.last_step,
        part.last_error,
        part.facts[-1].eid.hex() if part.facts else "",
    )
