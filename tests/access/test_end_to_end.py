"""Everything over TLS, by users that may do no more than deploy/security.md grants them."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.cli.main import run
from tests.access.conftest import Environment
from tests.access.processes import journey, until

SECRET = "ann.personal@example.com"  # noqa: S105 -- personal data that no log may hold
TOKEN = "a-token-of-this-test"  # noqa: S105 -- no log may hold it either


def touchpoints(path: Path) -> Path:
    """Two touchpoints of now, one that is broken, and one that the contract rejects; the last two hold personal data."""
    now = datetime.now(UTC)
    events = [
        event("1", "page.viewed", now - timedelta(minutes=5), {"anonymous_id": "cookie"}),
        event("2", "order.placed", now - timedelta(minutes=4), {"anonymous_id": "cookie", "email": SECRET, "order_id": "17"}),
    ]
    path.write_text("\n".join(map(json.dumps, events)) + "\n")
    return path


def event(number: str, type_: str, at: datetime, identifiers: dict[str, str]) -> dict[str, Any]:
    data = {"identifiers": identifiers, "channel": "web"}
    return {"specversion": "1.0", "id": number, "source": "/shop", "type": type_, "time": at.isoformat(), "data": data}


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code = run([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


@pytest.mark.usefixtures("fresh")
def test_all_commands_with_the_least_rights(
    environment: Environment, become: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    become("journey-operator", "journey-loader")
    states = {entry["topic"]: entry["state"] for entry in output(capsys, "topics", "create")["topics"]}
    assert states == dict.fromkeys(["touchpoints", "touchpoints.history", "dead-letters", "control"], "created")
    assert {entry["state"] for entry in output(capsys, "topics", "check")["topics"]} == {"fine"}
    assert run(["functions", "load"]) == 0
    assert capsys.readouterr().out.startswith("loaded  journey_")

    become("journey-producer", "journey-exporter")
    file = touchpoints(tmp_path / "events.jsonl")
    assert output(capsys, "produce", str(file), "--format", "cloudevents", "--topic", "touchpoints")["records"] == 2
    send_raw(SECRET.encode())
    collect_log, token = tmp_path / "collect.log", tmp_path / "token"
    token.write_text(TOKEN)
    source = {"COLLECT": json.dumps({"shop": {"secret_file": str(token), "topic": "touchpoints"}})}
    with journey(collect_log, environment("journey-producer", "journey-exporter", source), "collect", "--port", "0") as collector:
        assert collector.stdout is not None
        url = collector.stdout.readline().split()[1]
        until(lambda: posted(f"{url}shop", page_call()) == 202, collect_log)

    log = tmp_path / "worker.log"
    with journey(log, environment("journey-worker", "journey-worker"), "worker") as worker:
        become("journey-operator", "journey-operator")
        until(lambda: sum(row["position"] for row in output(capsys, "positions")["positions"]) == 4, log)
        assert output(capsys, "show", "order_id:17")["identifiers"]
        assert output(capsys, "digest")["lines"] > 0
        letters = output(capsys, "dlq", "list")
        by_reason = {letter["reason"]: letter["position"] for letter in letters["dead_letters"]}
        assert sorted(by_reason) == ["invalid_json", "not_a_cloudevent"]
        assert output(capsys, "dlq", "show", by_reason["invalid_json"])["payload"] == SECRET
        assert output(capsys, "metrics", "--window", "all", "--metric", "orders")["namespace"] == "shop"

        variables = environment(
            "", "journey-exporter", {"KAFKA": "", "KAFKA_SECURITY": "", "KAFKA_CA_FILE": "", "KAFKA_PASSWORD_FILE": ""}
        )
        exporter_log = tmp_path / "exporter.log"
        with journey(exporter_log, variables, "exporter", "--port", "0") as exporter:
            assert exporter.stdout is not None
            url = exporter.stdout.readline().split()[1]
            until(lambda: b"journey_watermark_timestamp_seconds" in fetched(url), exporter_log)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    become("journey-operator", "journey-worker", TOPICS="{touchpoints: segment}")
    assert output(capsys, "topics", "adopt")["state"].startswith("it goes on")
    become("journey-operator", "journey-operator", TOPICS="{touchpoints: segment}")
    assert output(capsys, "dlq", "replay")["sent"] == 1
    assert [letter["reason"] for letter in output(capsys, "dlq", "list")["dead_letters"]] == ["invalid_json"]
    for name in (log, exporter_log, collect_log):
        text = name.read_text()
        assert SECRET not in text
        assert TOKEN not in text
        assert "Traceback" not in text
        assert "WARNING" not in text.replace("not there yet", ""), text


def page_call() -> bytes:
    """Of Segment, which is no CloudEvent."""
    call = {
        "type": "page",
        "messageId": "m1",
        "userId": "7",
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"path": "/"},
    }
    return json.dumps(call).encode()


def posted(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def send_raw(value: bytes) -> None:
    """Something that no producer of ours would send, as the user of this process."""
    from kafka import KafkaProducer

    from streams.kafka_access import KafkaAccess
    from streams.settings import load_settings

    producer = KafkaProducer(**KafkaAccess.of(load_settings()).client_options())
    producer.send("touchpoints", value=value).get(20)
    producer.close()
