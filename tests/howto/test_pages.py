"""Whoever follows a page of deploy/howto to the letter gets what it says."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from streams.embedded.process import free_port
from streams.embedded.valkey import RedisServer
from streams.store.redis import RedisStore
from tests.howto.pages import PAGES, read_page
from tests.integration.conftest import missing
from tests.rig import connect

SECONDS = 180
TRIES = 120
EXPECTED = {
    "kafka-python.md": {"touchpoints|applied": 4, "touchpoints|duplicate": 4},
    "curl.md": {"touchpoints|applied": 4},
    "segment.md": {"touchpoints|applied": 1},
    "csv.md": {"touchpoints|applied": 5},
    "history.md": {"touchpoints|applied": 6},
    "kafka-connect.md": {"touchpoints|applied": 2, "ignored|unmapped_event": 1},
}
"""What the namespace of a page counts at its end."""


@contextmanager
def followed(folder: Path, name: str, variables: dict[str, str]) -> Iterator[Path]:
    """What a page's examples print, run in a folder of their own; what they have started goes on until the end."""
    page = read_page(name)
    for file, content in page.files.items():
        (folder / file).write_text(content)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = folder / "page.log"
    with log.open("wb") as output:
        environment = {**os.environ, **variables, "PATH": path}
        shell = subprocess.Popen(
            ["bash", "-c", page.script], cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            assert shell.wait(SECONDS) == 0, log.read_text()
            yield log
        finally:
            end(shell.pid)


def end(group: int) -> None:
    """Ends whatever a page has left running."""
    with suppress(ProcessLookupError):  # there is nobody left
        os.killpg(group, signal.SIGTERM)
        for _ in range(100):
            os.killpg(group, 0)
            time.sleep(0.1)
        os.killpg(group, signal.SIGKILL)


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_page_does_what_it_says(name: str, kafka: str, redis: RedisServer, tmp_path: Path) -> None:
    variables = {
        "JOURNEY_KAFKA": kafka,
        "JOURNEY_REDIS": redis.url,
        "JOURNEY_WORKER_PORT": str(free_port()),
        "JOURNEY_COLLECT_PORT": str(free_port()),
    }
    if name == "kafka-connect.md":
        if not connect.available():
            missing("Kafka Connect needs java and mvn on PATH")
        variables["KAFKA_HOME"] = str(connect.make_home(tmp_path / "kafka"))
    (namespace,) = re.findall(r"JOURNEY_NAMESPACE=(\S+)", (PAGES / name).read_text("utf-8"))
    store = RedisStore.at(redis.url, namespace)
    outcomes: dict[str, int] = {}
    counted: dict[str, int] = {}
    with followed(tmp_path, name, variables) as log:
        for _ in range(TRIES):
            outcomes = await store.outcomes()
            counted = {outcome: outcomes.get(outcome, 0) for outcome in EXPECTED[name]}
            if counted == EXPECTED[name]:
                break
            await asyncio.sleep(0.25)
    await store.close()
    text = log.read_text("utf-8")
    assert counted == EXPECTED[name], text
    assert outcomes.get("rejected", 0) == outcomes.get("touchpoints|rejected", 0) == 0, text
    assert "Traceback" not in text


def test_every_page_is_followed_and_listed() -> None:
    pages = {path.name for path in PAGES.glob("*.md")} - {"README.md"}
    assert pages == set(EXPECTED)
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (PAGES / "README.md").read_text("utf-8")))
    assert listed == pages


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target
