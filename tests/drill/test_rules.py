"""Rule files: their order, and what an alert's `for` makes of steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.drill.blocks import create_blocks, line, write_text
from streams.drill.replay import RULES
from streams.drill.rules import Grid, Rule, firing, levels, read_by, read_rules, record
from streams.drill.servers import prometheus
from streams.embedded import ServerError

HOUR = 3_600
START = 1_704_067_200
GRID = Grid(START, START + 20 * HOUR, HOUR)


def rule(name: str, expression: str, group: str = "a") -> Rule:
    return Rule(name, expression, {}, (f"{group}.yml", group))


def test_a_rule_comes_after_those_that_it_reads() -> None:
    low = rule("now", 'now{stat="value"} - 1')
    rules = [rule("rise", "now - before", "b"), rule("before", "figure offset 1d"), rule("now", "figure and fresh"), low]
    rules.append(rule("fresh", "time() - mark < 600", "c"))
    order = [one.expression for level in levels(rules) for one in level]
    assert sorted(order) == sorted(one.expression for one in rules)
    assert (
        order.index("time() - mark < 600")
        < order.index("figure and fresh")
        < order.index(low.expression)
        < order.index("now - before")
    )


def test_rules_of_two_groups_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ServerError, match="read each other: one, other"):
        list(levels([rule("one", "other + 1", "a"), rule("other", "one + 1", "b")]))


def test_only_what_an_alert_reads_is_recorded() -> None:
    rules = [rule("fresh", "mark"), rule("now", "fresh"), rule("other", "fresh")]
    assert [one.name for one in read_by([rule("Alert", "now > 1")], rules)] == ["fresh", "now"]


def test_the_shipped_rules_can_be_ordered() -> None:
    rules = read_rules(sorted(RULES.glob("*.yml")))
    recording = [one for one in rules if not one.alert]
    assert sum(len(level) for level in levels(recording)) == len(recording) > 10
    assert all(one.for_seconds > 0 for one in rules if one.name.startswith("JourneyAbandonment"))


def test_what_is_no_rule_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text("groups: [{name: a, rules: [{expr: up}]}]")
    with pytest.raises(ServerError, match=r"rules\.yml is no rule file"):
        read_rules([tmp_path / "rules.yml"])


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize(
    ("for_hours", "keep_hours", "spans"),
    [
        (0, 0, [(3, 5), (7, 8), (15, 20)]),
        (2, 0, [(5, 5), (17, 20)]),
        (0.1, 0, [(4, 5), (8, 8), (16, 20)]),
        (0, 1, [(3, 9), (15, 20)]),
        (1, 2, [(4, 10), (16, 20)]),
        (6, 0, []),
    ],
)
def test_when_an_alert_fires(tmp_path: Path, for_hours: float, keep_hours: float, spans: list[tuple[int, int]]) -> None:
    """Above 1 from step 3 to 5, at 7 and 8, and from 15 on; as Prometheus counts `for` and `keep_firing_for` between evaluations."""
    high = {3, 4, 5, 7, 8, *range(15, 21)}
    figures = [
        line("figure", {"side": "left"}, 2.0 if step in high else 0.0, (START + step * HOUR) * 1_000) for step in range(21)
    ]
    write_text(figures, tmp_path / "figures.txt")
    create_blocks(tmp_path / "figures.txt", tmp_path / "data")
    record([rule("doubled", "figure * 2")], tmp_path / "data", GRID)
    alert = Rule("High", "doubled > 1", {}, ("a", "a"), True, for_hours * HOUR, keep_hours * HOUR)
    with prometheus(tmp_path / "data", lookback_seconds=HOUR / 2) as server:
        found = firing(server, alert, GRID)
    assert {tuple(span.labels.items()) for span in found} <= {(("side", "left"),)}
    assert [((span.start - START) / HOUR, (span.end - START) / HOUR) for span in found] == spans
