"""A tiny run of the exporter's bench: it ends, and its last line is the JSON that people read. No figure is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_exporter_is_measured() -> None:
    command = [sys.executable, "-m", "streams.bench.exporter", "--days", "2", "--markets", "3"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.splitlines()
    found = json.loads(last)
    for name in ("first_refresh_ms", "refresh_ms", "read_everything_ms", "scrape_ms", "scrape_during_refresh_ms", "plain_ms"):
        assert found[name] > 0
    assert found["series"] > 1_000
    assert found["series_dropped"] == 0
    assert found["buckets"] > 1_000
    assert found["store"]
    for label in ("first refresh", "reading everything", "as many plain gauges", "scrape / plain gauges"):
        assert label in "\n".join(table)
