"""The full form with shorter waits: a `for` of at most 10 seconds in a copy of the rules. `make drill` waits as the rules say."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.drill.run import EXPECTED, PROOF
from tests.demo.processes import Run

pytestmark = pytest.mark.usefixtures("monitoring")
DRILL = (sys.executable, "-m", "streams.drill")
SECONDS = 900


class Drill(Run):
    """As a demo: what it starts carries a marker, and its files lie in a folder."""

    command = DRILL


def test_alerts_reach_the_webhook_and_none_the_calm_side(tmp_path: Path) -> None:
    run = Drill(tmp_path / "drill", "--wait", "10")
    try:
        assert run.process.wait(SECONDS) == 0, run.output + run.errors
    finally:
        run.process.terminate()
        run.process.wait(60)
    told = run.output
    for name in EXPECTED:
        assert re.search(rf"disturbed: {name} ", told), told
        assert re.search(rf"{name}: \d+ s after the first record of the trouble, \d+ minutes of event time after it began", told)
    assert re.findall(r" calm: (?:resolved: )?(\w+) ", told).count(PROOF) >= 1
    assert re.findall(r" calm: (?:resolved: )?Journey\w+ ", told) == []
    assert re.search(r"calm: \d+% of \d{3,} checkouts of the last hour", told)
    assert run.left() == ({}, [])


def test_an_interrupted_drill_leaves_nothing_behind(tmp_path: Path) -> None:
    run = Drill(tmp_path / "drill")
    try:
        run.until("loading")
        run.process.send_signal(signal.SIGINT)
        assert run.end() == 1
    finally:
        run.process.kill()
        run.process.wait(60)
    assert run.errors.splitlines() == ["drill: stopped"]
    assert run.left() == ({}, [])


def test_a_missing_program_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = subprocess.run(DRILL, capture_output=True, text=True, env={"PATH": str(tmp_path / "bin")}, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "drill: No prometheus found on PATH: on Debian and Ubuntu, apt-get install prometheus.\n"
