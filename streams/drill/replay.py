"""The fast form of the drill: half a year of the shipped clickstream, and when the sparse alerts fire in it.

`python -m streams.drill.replay`, or `make drill ARGS=--fast`. The clickstream (streams/demo/data) is synthetic; its authors built
two incidents into its checkout, a bug on mobile and refused payments. It is folded in steps of event time, each step becomes a
scrape of the exporter in Prometheus blocks, and Prometheus evaluates the shipped rules on them, unchanged.

Exit code 0 only if the alert on all checkouts fires in the payment incident, and nothing fires in the quiet times.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from streams.core.model import Record
from streams.core.policy import DAY, HOUR, Policy, TopicPolicy
from streams.demo.content import CLICKSTREAM, moment
from streams.drill.blocks import create_blocks, samples, write_text
from streams.drill.rules import Grid, Rule, Span, firing, read_by, read_rules, record
from streams.drill.servers import Prometheus, prometheus
from streams.drill.walk import readings
from streams.embedded import ServerError
from streams.fold import in_event_time, read_records

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
TOTAL, BY = "JourneyAbandonmentSpikeSparse", "JourneyAbandonmentSpikeSparseBy"
METRICS, WINDOWS = ("task_abandonment_rate",), ("7d", "28d")
"""What these alerts read; a step costs what is read at it."""
TARGET = {"job": "journey-exporter", "namespace": "clickstream"}
TOPIC = TopicPolicy("clickstream", "mapping:retentioneering-ecom")
POLICY = Policy(clock="history")
STEP_HOURS = 3


class Period(msgspec.Struct, frozen=True):
    """Days of 2024 in UTC, in ms: from the start of one until before the end."""

    name: str
    start: int
    end: int


BUG = Period("mobile bug", moment("04-09"), moment("05-09") + DAY)
PAYMENT = Period("payment incident", moment("05-19"), moment("06-07") + DAY)
QUIET = (Period("quiet before", moment("03-04"), moment("04-08") + DAY), Period("quiet after", moment("06-15"), moment("06-30")))


class Sizes(msgspec.Struct, frozen=True):
    """How many checkouts the windows of a period hold, over its steps.

    least, most: in 7 days. enough: share of the steps at which the 7 days and the 28 before hold the alert's sample. rise: the
    largest abandonment of 7 days less that of the 28 before, sample or not.
    """

    least: float
    most: float
    enough: float
    rise: float


class Replayed(msgspec.Struct, frozen=True):
    """What came out. spans: alert -> when it fired. checkouts, mobile: by period's name."""

    grid: Grid
    spans: Mapping[str, Sequence[Span]]
    checkouts: Mapping[str, Sizes]
    mobile: Mapping[str, Sizes]

    def within(self, period: Period, alert: str, **labels: str) -> list[Span]:
        """The spans of an alert with these labels that touch a period."""
        return [
            span
            for span in self.spans[alert]
            if span.start * 1_000 < period.end
            and span.end * 1_000 >= period.start
            and all(span.labels.get(name) == text for name, text in labels.items())
        ]

    def failures(self) -> list[str]:
        """What is not as it should be, a sentence each."""
        found = []
        if not self.within(PAYMENT, TOTAL, task="checkout"):
            found.append("The alert on checkout did not fire in the payment incident.")
        found += [f"{alert} fired in a quiet time." for alert in (TOTAL, BY) for quiet in QUIET if self.within(quiet, alert)]
        return found


async def replay(step_hours: int = STEP_HOURS) -> Replayed:
    """Runs it; takes a minute. ServerError where Prometheus is missing or refuses something."""
    step = step_hours * HOUR
    records = in_event_time(read_records([str(CLICKSTREAM)]), TOPIC, POLICY)
    moments = range(-(-records[0].timestamp // step) * step, records[-1].timestamp + step, step)
    grid = Grid(moments[0] / 1_000, moments[-1] / 1_000, step / 1_000)
    rules = read_rules(sorted(RULES.glob("*.yml")))
    alerts = [rule for rule in rules if rule.name in {TOTAL, BY}]
    with tempfile.TemporaryDirectory(prefix="journey-replay-") as directory:
        text, data = Path(directory) / "steps.txt", Path(directory) / "data"
        write_text([line async for line in _lines(records, moments)], text)
        create_blocks(text, data)
        record(read_by(alerts, rules), data, grid)
        with prometheus(data, lookback_seconds=grid.step / 2) as server:
            return _look(server, alerts, grid)


async def _lines(records: Sequence[Record], moments: Sequence[int]) -> AsyncIterator[str]:
    async for reading in readings(records, TOPIC, POLICY, moments, windows=WINDOWS, metrics=METRICS):
        for line in samples(reading, reading.watermark, TARGET):
            yield line


def _look(server: Prometheus, alerts: Sequence[Rule], grid: Grid) -> Replayed:
    periods = (BUG, PAYMENT, *QUIET)
    everything = 'journey_rolling{metric="task_abandonment_rate",task="checkout",'
    mobile = 'journey_rolling_by{metric="task_abandonment_rate",task="checkout",dimension="device",value="mobile",'
    return Replayed(
        grid,
        {alert.name: firing(server, alert, grid) for alert in alerts},
        {period.name: _sizes(server, everything, period, grid) for period in periods},
        {period.name: _sizes(server, mobile, period, grid) for period in periods},
    )


def _sizes(server: Prometheus, series: str, period: Period, grid: Grid) -> Sizes:
    def at_steps(expression: str) -> list[float]:
        start = -(-period.start // round(grid.step * 1_000)) * grid.step
        found = server.query_range(expression, start, min(period.end / 1_000 - 1, grid.end), grid.step)
        return [value for series in found for _, value in series.points]

    def now(stat: str) -> str:
        return f'max({series}window="7d",stat="{stat}"}})'

    def before(stat: str) -> str:
        return f'max({series}window="28d",stat="{stat}"}} offset 7d)'

    n, sample = at_steps(now("n")), 'scalar(journey:threshold{name="sparse_sample"})'
    enough = at_steps(f"{now('n')} >= bool {sample} and {before('n')} >= {sample}")
    rises = at_steps(f"{now('value')} - {before('value')}")
    return Sizes(min(n), max(n), sum(enough) / len(n), max(rises))


def main(arguments: Sequence[str]) -> int:
    """0 if it came out as it should, else 1; the sentences that say why go to stderr."""
    parser = argparse.ArgumentParser(prog="make drill ARGS=--fast", description="When the sparse alerts fire in the clickstream.")
    parser.add_argument(
        "--step-hours", type=int, default=STEP_HOURS, choices=(1, 2, 3, 4, 6), help="event time between steps (3)"
    )
    options = parser.parse_args(arguments)
    try:
        done = asyncio.run(replay(options.step_hours))
    except ServerError as error:
        sys.stderr.write(f"drill: {error}\n")
        return 1
    for line in lines(done):
        sys.stdout.write(line + "\n")
    for sentence in done.failures():
        sys.stderr.write(f"drill: {sentence}\n")
    return 1 if done.failures() else 0


def lines(done: Replayed) -> list[str]:
    """What came out, for people."""
    found = [f"{_at(done.grid.start)} to {_at(done.grid.end)} in steps of {done.grid.step / 3600:.0f} h", ""]
    for alert, spans in done.spans.items():
        found.append(alert)
        for span in spans:
            labels = " ".join(text for name, text in span.labels.items() if name != "namespace")
            found.append(f"  {_at(span.start)} to {_at(span.end)}  {labels}")
    for title, sizes in (("checkouts", done.checkouts), ("checkouts on mobile", done.mobile)):
        found += ["", f"{title:<20} {'in 7 days':>10} {'enough':>7} {'rise':>6}"]
        for name, size in sizes.items():
            found.append(f"{name:<20} {f'{size.least:.0f} to {size.most:.0f}':>10} {size.enough:>7.0%} {size.rise:>+6.2f}")
    return [
        *found,
        "",
        "enough: steps at which these and the 28 days before hold the alert's sample; rise: 7 days over the 28 before, at most",
    ]


def _at(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
