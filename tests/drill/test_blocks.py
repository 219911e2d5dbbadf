"""What is walked through is what a real Prometheus answers, at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.core.model import Record
from streams.core.policy import HOUR, Policy, TopicPolicy
from streams.demo.content import CLICKSTREAM, moment
from streams.drill.blocks import create_blocks, samples, write_text
from streams.drill.servers import Prometheus, alertmanager, prometheus
from streams.drill.walk import readings
from streams.embedded import ServerError
from streams.export.reader import Reading, read_values
from streams.fold import fold_records, in_event_time, read_records

TOPIC = TopicPolicy("clicks", "mapping:retentioneering-ecom")
POLICY = Policy(clock="history")
MOMENTS = range(moment("01-10"), moment("01-14") + 1, 8 * HOUR)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    everything = in_event_time(read_records([str(CLICKSTREAM)]), TOPIC, POLICY)
    return [record for record in everything if record.timestamp < moment("01-16")]


async def walked(records: list[Record]) -> list[Reading]:
    return [reading async for reading in readings(records, TOPIC, POLICY, MOMENTS)]


async def test_each_step_reads_what_a_fold_until_then_has(records: list[Record]) -> None:
    steps = await walked(records)
    assert [reading.watermark for reading in steps] == list(MOMENTS)
    for at, reading in list(zip(MOMENTS, steps, strict=True))[::4]:
        folded = await fold_records(records, TOPIC, POLICY, at)
        assert (await read_values(folded.store, POLICY)).values == reading.values


@pytest.mark.usefixtures("monitoring")
async def test_prometheus_has_every_step(records: list[Record], tmp_path: Path) -> None:
    steps = await walked(records)
    lines = [line for reading in steps for line in samples(reading, reading.watermark)]
    count = write_text(lines, tmp_path / "steps.txt")
    create_blocks(tmp_path / "steps.txt", tmp_path / "data")
    with prometheus(tmp_path / "data") as server:
        assert sum(series_counts(server)) == count
        for reading in steps:
            at = reading.watermark / 1_000
            (taken,) = server.query("time() - journey_watermark_timestamp_seconds", at)
            assert taken.points == [(at, 0.0)]
            visits = server.query('journey_rolling{metric="visits",window="7d",stat="n"}', at)
            assert [series.points[0][1] for series in visits] == [
                value.n for value in reading.values if (value.metric, value.window, value.dimensions) == ("visits", "7d", ())
            ]
            assert visits[0].points[0][1] > 0


def series_counts(server: Prometheus) -> list[float]:
    """Samples at each step, all series together."""
    every = 'count({__name__=~"journey_.+"})'
    (counted,) = server.query_range(every, MOMENTS[0] / 1_000, MOMENTS[-1] / 1_000, 8 * HOUR / 1_000)
    return [value for _, value in counted.points]


@pytest.mark.usefixtures("monitoring")
def test_a_range_longer_than_one_answer() -> None:
    with prometheus() as server:
        (series,) = server.query_range("time()", 0, 25_000, 1)
    assert series.points == [(float(at), float(at)) for at in range(25_001)]


@pytest.mark.usefixtures("monitoring")
def test_what_prometheus_refuses_is_said() -> None:
    with prometheus() as server, pytest.raises(ServerError, match=r"prometheus refused /api/v1/query: .*parse error"):
        server.query("sum(")


@pytest.mark.usefixtures("monitoring")
def test_a_bad_configuration_is_said() -> None:
    with pytest.raises(ServerError, match="alertmanager ended while it started"), alertmanager("no: alertmanager"):
        pass


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="apt-get install prometheus-alertmanager"), alertmanager(""):
        pass
