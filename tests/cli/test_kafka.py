"""`topics` and `produce` against the embedded broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from streams.cli.main import run
from streams.embedded import ServerError, tansu_broker, valkey_server

TOPICS = "topics:\n  - {name: touchpoints, partitions: 2}\n"


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    try:
        with tansu_broker() as servers:
            yield servers
    except ServerError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))


@pytest.fixture
def topics(broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JOURNEY_KAFKA", broker)
    file = tmp_path / "topics.yaml"
    file.write_text(TOPICS)
    return str(file)


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_topics_are_made_once_and_then_payloads_are_produced(
    topics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["topics", "check", "--file", topics]) == 1
    assert "Not as they should be: touchpoints." in capsys.readouterr().err
    assert [entry["state"] for entry in output(capsys, "topics", "create", "--file", topics)["topics"]] == ["created"]
    assert [entry["state"] for entry in output(capsys, "topics", "create", "--file", topics)["topics"]] == ["exists"]
    assert [entry["state"] for entry in output(capsys, "topics", "check", "--file", topics)["topics"]] == ["fine"]
    file = tmp_path / "sim.jsonl"
    assert run(["simulate", "--customers", "3", "--events", "40", "--out", str(file)]) == 0
    with file.open("a") as more:
        more.write("no json\n")
    counts = output(capsys, "produce", str(file), "--format", "cloudevents", "--topic", "touchpoints", "--backfill")
    assert (counts["payloads"], counts["records"], counts["rejected"]) == (41, 40, 1)
    assert [example.split()[0] for example in counts["examples"].values()] == ["sim.jsonl:41"]


def test_a_worker_reads_what_is_produced_and_keeps_what_it_rejects(
    topics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(topics).write_text(TOPICS.replace("touchpoints", "walk") + "  - {name: dead-letters, partitions: 1}\n")
    file = tmp_path / "sim.jsonl"
    assert run(["simulate", "--customers", "3", "--events", "40", "--out", str(file)]) == 0
    assert run(["topics", "create", "--file", topics]) == 0
    assert run(["produce", str(file), "--format", "cloudevents", "--topic", "walk", "--backfill"]) == 0
    with valkey_server() as server:
        settings = {"REDIS": server.url, "CLOCK": "history", "TOPICS": "{walk: cloudevents}", "WORKER_PORT": "0"}
        for name, value in settings.items():
            monkeypatch.setenv(f"JOURNEY_{name}", value)
        producer = KafkaProducer(bootstrap_servers=os.environ["JOURNEY_KAFKA"])
        producer.send("walk", b"no json", partition=0).get(10)
        producer.close()
        capsys.readouterr()
        command = [sys.executable, "-c", "from streams.cli.main import main; main()", "worker"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                lag = rows = None
                for _ in range(150):
                    rows = output(capsys, "positions")["positions"]
                    lag = sum(row["lag"] for row in rows) if len(rows) == 2 else None
                    if lag == 0:
                        break
                    time.sleep(0.2)
                assert lag == 0, rows
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
            finally:
                process.kill()
        letters = output(capsys, "dlq", "list")
        assert (letters["total"], letters["dead_letters"][0]["reason"]) == (1, "invalid_json")
        position = letters["dead_letters"][0]["position"]
        assert position.startswith("walk/0/")
        assert output(capsys, "dlq", "show", position)["payload"] == "no json"
        assert run(["dlq", "show", "walk/9/9"]) == 1
        assert "No dead letter of 'walk/9/9'" in capsys.readouterr().err


def test_a_topic_that_is_not_there_is_named(topics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("{}\n")
    assert run(["produce", str(file), "--format", "cloudevents", "--topic", "nowhere"]) == 1
    found = capsys.readouterr().err
    assert "nowhere" in found
    assert found.count("\n") == 1
    assert topics


def test_a_wrong_topics_file_is_named(topics: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(topics).write_text("topics: 3\n")
    assert run(["topics", "create", "--file", topics]) == 2
    assert "topics.yaml does not list topics" in capsys.readouterr().err
