"""Rule files over weeks of event time: recording rules written into the blocks, alerts as the spans in which they fire.

Prometheus evaluates the expressions, at the steps at which the data were taken. Here is only what its rule manager does
around that: rules come after those that they read, and an alert is pending for its `for` before it fires.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from streams.drill.blocks import create_blocks, line, write_text
from streams.drill.servers import Prometheus, Series, prometheus
from streams.durations import parse_duration
from streams.embedded import ServerError

_NAME = re.compile(r"[a-zA-Z_:][\w:]*")


class Rule(msgspec.Struct, frozen=True):
    """A recording rule or an alert. name: of the series or of the alert. for_seconds, keep_seconds: of an alert.

    group: the file and the group it stands in; rules of a group are evaluated one after the other.
    """

    name: str
    expression: str
    labels: Mapping[str, str]
    group: tuple[str, str]
    alert: bool = False
    for_seconds: float = 0.0
    keep_seconds: float = 0.0


class Span(msgspec.Struct, frozen=True):
    """One alert firing: from the step at which it began to the last one at which it still did, in Unix seconds."""

    labels: Mapping[str, str]
    start: float
    end: float


class Grid(msgspec.Struct, frozen=True):
    """The steps of a replay, in Unix seconds: start, start + step, .. up to end."""

    start: float
    end: float
    step: float


def read_rules(paths: Iterable[Path]) -> list[Rule]:
    """The rules of these files in order. ServerError for what is no rule file; `promtool check rules` says more."""
    found = []
    for path in paths:
        try:
            groups = yaml.safe_load(path.read_text("utf-8"))["groups"]
            found += [_rule(rule, (path.name, group["name"])) for group in groups for rule in group["rules"]]
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise ServerError(f"{path.name} is no rule file: {error!r}.") from None
    return found


def _rule(rule: Mapping[str, Any], group: tuple[str, str]) -> Rule:
    alert = "alert" in rule
    return Rule(
        name=rule["alert" if alert else "record"],
        expression=str(rule["expr"]),
        labels=rule.get("labels", {}),
        group=group,
        alert=alert,
        for_seconds=parse_duration(rule.get("for", 0)) / 1_000,
        keep_seconds=parse_duration(rule.get("keep_firing_for", 0)) / 1_000,
    )


def read_by(alerts: Iterable[Rule], rules: Sequence[Rule]) -> list[Rule]:
    """The recording rules that these alerts read, also by way of others, in order."""
    recording = [rule for rule in rules if not rule.alert]
    wanted: set[str] = set()
    more = {name for rule in alerts for name in _names(rule)}
    while more - wanted:
        wanted |= more
        more = {name for rule in recording if rule.name in wanted for name in _names(rule)}
    return [rule for rule in recording if rule.name in wanted]


def levels(recording: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Recording rules in the order in which they can be evaluated, those that do not read each other together.

    A rule reads all rules of a name in other groups, and in its own those that stand before it. ServerError where
    rules of two groups wait for each other: one of them reads what the other had at its last evaluation.
    """
    waiting = dict(enumerate(recording))
    while waiting:
        ready = [index for index, rule in waiting.items() if not _waits(rule, index, waiting)]
        if not ready:
            raise ServerError(f"These rules read each other: {', '.join(sorted({rule.name for rule in waiting.values()}))}.")
        yield [waiting.pop(index) for index in ready]


def _waits(rule: Rule, index: int, waiting: Mapping[int, Rule]) -> bool:
    names = _names(rule)
    return any(other.name in names and (place < index or other.group != rule.group) for place, other in waiting.items())


def _names(rule: Rule) -> set[str]:
    """Every word of an expression; those that are no series are nobody's name either."""
    return set(_NAME.findall(rule.expression))


def record(recording: Sequence[Rule], data: Path, grid: Grid) -> None:
    """Adds what recording rules give at every step to a data directory. ServerError where Prometheus refuses one.

    `promtool tsdb create-blocks-from rules` does the same at times of its own, between the steps.
    """
    for level in levels(recording):
        with tempfile.TemporaryDirectory(prefix="journey-rules-") as directory:
            text = Path(directory) / "recorded.txt"
            with prometheus(data, lookback_seconds=grid.step / 2) as server:
                write_text(_recorded(server, level, grid), text)
            create_blocks(text, data)


def _recorded(server: Prometheus, recording: Iterable[Rule], grid: Grid) -> Iterator[str]:
    for rule in recording:
        for series in server.query_range(rule.expression, grid.start, grid.end, grid.step):
            labels = {name: text for name, text in series.labels.items() if name != "__name__"} | dict(rule.labels)
            for at, value in series.points:
                yield line(rule.name, labels, value, round(at * 1_000))


def firing(server: Prometheus, alert: Rule, grid: Grid) -> list[Span]:
    """When an alert fires, each set of labels for itself, in order of its start."""
    spans: list[Span] = []
    for series in server.query_range(alert.expression, grid.start, grid.end, grid.step):
        labels = {name: text for name, text in series.labels.items() if name != "__name__"}
        spans += [Span(labels, start, end) for start, end in _spans(series, alert, grid)]
    return sorted(spans, key=lambda span: (span.start, json.dumps(dict(span.labels), sort_keys=True)))


def _spans(series: Series, alert: Rule, grid: Grid) -> Iterator[tuple[float, float]]:
    """What is active at each step from one to another is one activity. It fires from the first step after its `for` on, and is
    kept for as many steps as its `keep_firing_for` holds.
    """
    active: list[tuple[float, float]] = []
    for at, _ in series.points:
        if active and at - active[-1][1] < 1.5 * grid.step:
            active[-1] = (active[-1][0], at)
        else:
            active.append((at, at))
    fired: list[tuple[float, float]] = []
    kept = alert.keep_seconds // grid.step * grid.step
    for start, end in active:
        since = start + -(-alert.for_seconds // grid.step) * grid.step
        if fired and start < fired[-1][1] + kept + 1.5 * grid.step:
            fired[-1] = (fired[-1][0], end)
        elif since <= end:
            fired.append((since, end))
    yield from ((start, min(end + kept, grid.end)) for start, end in fired)
