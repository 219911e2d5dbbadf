"""A tiny run of the bench: it ends, and its last line is the JSON that people read. No figure is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streams.core import is_compiled

REPOSITORY = Path(__file__).parents[2]
EVENTS, CUSTOMERS = 1_500, 100
STAGES = ("fetch", "decode", "load", "fold", "sweep", "commit", "dead_letters", "rest")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], str]:
    """The lines of the output, and the profile."""
    profile = tmp_path_factory.mktemp("bench") / "profile.txt"
    options = ["--events", str(EVENTS), "--customers", str(CUSTOMERS), "--repeats", "1", "--profile", str(profile)]
    command = [sys.executable, "-m", "streams.bench", *options]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), profile.read_text("utf-8")


def test_the_last_line_is_the_json(ran: tuple[list[str], str]) -> None:
    found = json.loads(ran[0][-1])
    assert found["events"] == EVENTS
    assert found["customers"] == CUSTOMERS
    for name in ("events_per_second", "empty_faust_events_per_second", "ratio", "us_per_event", "worker_peak_mb"):
        assert found[name] > 0
    assert found["ratio"] == pytest.approx(found["events_per_second"] / found["empty_faust_events_per_second"], abs=0.001)
    assert found["us_per_event"] == pytest.approx(1e6 / found["events_per_second"], rel=0.001)
    assert found["store_bytes_per_customer"] > 100
    assert found["broker"]
    assert found["store"]
    assert found["core"] == ("compiled" if is_compiled() else "not compiled")


def test_the_stages_add_up(ran: tuple[list[str], str]) -> None:
    found = json.loads(ran[0][-1])
    stages = found["us_by_stage"]
    assert tuple(stages) == STAGES
    assert sum(stages.values()) == pytest.approx(found["us_per_event"], rel=0.001)
    # A run this short may end before a sweep is due, and its few bad records may lie in the part that is not timed.
    assert [name for name in ("fetch", "decode", "load", "fold", "commit") if stages[name] <= 0] == []


def test_people_get_a_table(ran: tuple[list[str], str]) -> None:
    table = "\n".join(ran[0][:-1])
    for name in ("empty Faust agent", "ratio", "bytes a customer", *STAGES):
        assert name in table


def test_a_profile_of_the_walk(ran: tuple[list[str], str]) -> None:
    assert "cumulative time" in ran[1]
    assert "(fold)" in ran[1]
