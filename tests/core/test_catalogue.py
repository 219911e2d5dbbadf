"""The catalogue against itself: what is declared can be read, and every cell is read by something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import streams.core.cases
from streams.core.catalogue import METRIC_NAMES, METRICS, Kind, catalogue_digest
from streams.core.fields import CELLS, Field, parse_field
from streams.core.windows import DAY_WINDOWS, PEOPLE_WINDOWS, WINDOWS


def test_names_are_unique_and_say_their_unit() -> None:
    assert len(set(METRIC_NAMES)) == len(METRICS)
    for metric in METRICS:
        assert (metric.unit == "seconds") == metric.name.endswith("_seconds")
        assert metric.definition.endswith(".")
        assert metric.source
        assert metric.version >= 1


def test_every_metric_reads_declared_cells_and_every_cell_is_read() -> None:
    read = {name for metric in METRICS for name in metric.cells()}
    assert read == set(CELLS)


def test_a_metric_breaks_down_only_by_what_its_cells_have() -> None:
    for metric in METRICS:
        for name in metric.cells():
            cell = CELLS[name]
            own = set(metric.dimensions) - (set(metric.whole) if name == metric.denominator else set())
            assert own <= set(cell.dimensions), (metric.name, name)
            mixed = metric.kind is Kind.PREDICTED and cell.row == "customer"
            assert cell.always == ("" if mixed else metric.always), (metric.name, name)
            part = metric.denominator.startswith(f"{name}.")
            assert cell.parts == (part or metric.kind is Kind.DISTRIBUTION), (metric.name, name)
            assert cell.since == (metric.kind is Kind.OLDEST), (metric.name, name)


def test_windows_fit_the_grains_of_the_cells() -> None:
    for metric in METRICS:
        daily = {CELLS[name].daily for name in metric.cells()}
        assert len(daily) == (2 if metric.kind in {Kind.DENSITY, Kind.PREDICTED} else 1)
        by_day = PEOPLE_WINDOWS if "{window}" in "".join(metric.numerator) else DAY_WINDOWS
        assert set(metric.windows) <= set(by_day if True in daily else WINDOWS)
        assert list(metric.windows) == [window for window in WINDOWS if window in metric.windows]


def test_cases_write_only_declared_cells() -> None:
    """Names stand in the sources as literals; one that is built there (`churned_{days}d`) is matched by its pattern."""
    call = re.compile(r'book\.(?:count|measure|tally|count_day|move_day|count_since)\(\s*f?"([^"]+)"')
    folder = Path(streams.core.cases.__file__).parent
    written = {name for source in folder.glob("*.py") for name in call.findall(source.read_text())}
    assert written
    for name in written:
        pattern = re.compile(re.sub(r"\{[^}]*\}", "[a-z0-9_]*", name))
        assert any(pattern.fullmatch(cell) for cell in CELLS), name


def test_fields_are_read_back() -> None:
    assert parse_field("attempts|task=cart|device=mobile") == Field("attempts", "", (("task", "cart"), ("device", "mobile")))
    assert parse_field("queue_wait.p-3|medium=phone") == Field("queue_wait", "p-3", (("medium", "phone"),))
    assert parse_field("visits|market=a=b") == Field("visits", "", (("market", "a=b"),))
    for field in (
        "attempts",
        "attempts|device=mobile",
        "visits.n",
        "hold",
        "hold.q1",
        "visits|device=a|channel=b",
        "",
        "|",
        "x|y",
    ):
        assert parse_field(field) is None, field


def test_the_digest_is_the_same_in_every_process() -> None:
    code = "from streams.core.catalogue import catalogue_digest; print(catalogue_digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == catalogue_digest()
    assert re.fullmatch(r"[0-9a-f]{32}", catalogue_digest())
