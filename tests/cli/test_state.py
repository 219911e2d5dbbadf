"""`metrics`, `show`, `digest` and `exporter` over a real server, with two people's touchpoints in it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
import pytest

from streams.cli.main import run
from streams.cli.serve import until_told
from streams.core.definitions import definitions_digest
from streams.core.model import Advance, Commit, Identifier, Partition, Position, Record, Verdict
from streams.core.pipeline import Pipeline
from streams.core.workspace import journey_id
from streams.drive import run_chunk, run_sweep
from streams.embedded import ServerError, valkey_server
from streams.settings import load_settings
from streams.store.redis import RedisStore

T0 = 1_772_445_600_000  # 2026-03-02T10:00:00Z
HOUR = 3_600_000


def event(number: int, type_: str, minute: int, identifiers: dict[str, str], **fields: Any) -> bytes:
    data = {"identifiers": identifiers, "channel": "web", **fields}
    time = f"2026-03-02T10:{minute:02}:00Z"
    return orjson.dumps({"specversion": "1.0", "id": str(number), "source": "/t", "type": type_, "time": time, "data": data})


EVENTS = [
    event(1, "page.viewed", 0, {"anonymous_id": "cookie-1"}),
    event(2, "checkout.started", 1, {"anonymous_id": "cookie-1"}),
    event(3, "order.placed", 2, {"anonymous_id": "cookie-1", "email": "Ann@Example.com", "order_id": "17", "account_id": "home"}),
    event(4, "page.viewed", 5, {"email": "bob@example.com", "account_id": "home"}),
    event(5, "order.placed", 6, {"customer_id": "17"}),
]


async def fill(url: str) -> None:
    store = RedisStore.at(url, "test")
    settings = load_settings(clock="history", timezone="UTC")
    definitions = definitions_digest(settings.policy(), settings.topic_policies)
    pipeline = Pipeline(settings.policy(), definitions, settings.topic_policies)
    partition = Partition("touchpoints", 0)
    await store.open(definitions, {partition: 0}, ["touchpoints"])
    records = [Record(offset, T0 + HOUR, payload) for offset, payload in enumerate(EVENTS)]
    chunk = pipeline.decode(partition, 0, len(records), records, Position(0))
    assert chunk.rejected == []
    await run_chunk(pipeline, store, chunk, -1)
    watermark, _ = await store.positions()
    await run_sweep(pipeline, store, watermark)
    await store.close()


@pytest.fixture(scope="module")
def filled() -> Iterator[str]:
    try:
        with valkey_server() as server:
            asyncio.run(fill(server.url))
            yield server.url
    except ServerError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, filled: str) -> None:
    monkeypatch.setenv("JOURNEY_REDIS", filled)
    monkeypatch.setenv("JOURNEY_NAMESPACE", "test")
    monkeypatch.setenv("JOURNEY_CLOCK", "history")


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def failure(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    assert run(arguments) == code
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    return found.err


def test_metrics_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    document = output(capsys, "metrics", "--window", "24h", "--metric", "orders", "--metric", "conversion_rate")
    assert (document["as_of"], document["namespace"]) == ("2026-03-02T11:00:00Z", "test")
    values = {entry["metric"]: entry for entry in document["metrics"] if not entry["dimensions"]}
    assert values["orders"]["value"] == 2
    assert (values["conversion_rate"]["numerator"], values["conversion_rate"]["denominator"]) == (2, 3)
    assert values["conversion_rate"]["window"] == "24h"


def test_metrics_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["metrics", "--window", "24h"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("test as of 2026-03-02T11:00:00Z\n")
    rows = [line.split() for line in out.splitlines()]
    assert ["orders", "24h", "2", "2"] in rows
    assert "channel=web" not in out
    assert run(["metrics", "--window", "24h", "--metric", "orders"]) == 0
    assert ["orders", "24h", "channel=web", "2", "2"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_wrong_names_and_times_are_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No window '2h'" in failure(capsys, 2, "metrics", "--window", "2h")
    assert "No metric 'sales'" in failure(capsys, 2, "metrics", "--metric", "sales")
    assert "--at: 'noon' is no time" in failure(capsys, 2, "metrics", "--at", "noon")
    assert "further back" in failure(capsys, 2, "metrics", "--at", "2020-01-01")


def test_a_namespace_without_anything_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEY_NAMESPACE", "empty")
    assert "no watermark yet; start a worker" in failure(capsys, 1, "metrics")


def test_explain_finds_the_journeys_and_events_behind_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    document = output(capsys, "explain", "conversion_rate", "--window", "24h")
    assert (document["namespace"], document["numerator"], document["denominator"]) == ("test", 2, 3)
    assert document["found"] == {"numerator": 2, "n": 3}
    assert document["count"] == 2
    latest = document["behind"][0]
    assert (latest["journey"], latest["kind"], latest["last_step"]) == ("customer_id:17", "visit", "order.placed")
    shown = output(capsys, "show", latest["journey"])
    assert latest["events"] == [entry["event"] for entry in shown["timeline"]]
    rest = output(capsys, "explain", "conversion_rate", "--window", "24h", "--rest")
    assert [one["journey"] for one in rest["behind"]] == ["email:bob@example.com"]
    attempts = output(capsys, "explain", "task_success_rate", "--window", "24h", "--dimension", "task=checkout")
    assert [(one["outcome"], one["case"]) for one in attempts["behind"]] == [("completed", "checkout")]


def test_explain_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "visits", "--window", "24h", "--limit", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("test: visits over 24h\n")
    for part in (
        "before  2026-03-01T11:00:59.999Z",
        "now     2026-03-02T11:00:00Z",
        "channel=web",
        "3 behind it; 2 of them",
        "+3",
    ):
        assert part in out
    assert "looked at" not in out


def test_explain_says_what_it_cannot_explain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No metric 'sales'" in failure(capsys, 2, "explain", "sales")
    assert "churn_rate has no 1h; it has 7d, 28d" in failure(capsys, 2, "explain", "churn_rate", "--window", "1h")
    assert "explain revenue, customers or churn_rate" in failure(capsys, 2, "explain", "clv_predicted")
    assert "say which one: --dimension task=VALUE" in failure(capsys, 2, "explain", "task_success_rate")
    assert "NAME=VALUE with a NAME of channel" in failure(capsys, 2, "explain", "visits", "--dimension", "colour=red")
    both = ("--dimension", "channel=web", "--dimension", "device=mobile")
    assert "one dimension at a time" in failure(capsys, 2, "explain", "visits", *both)
    assert "has no visits device=mobile over 1h" in failure(capsys, 1, "explain", "visits", "--dimension", "device=mobile")
    monkeypatch.setenv("JOURNEY_TIMEZONE", "Asia/Tokyo")
    assert "give it the JOURNEY_ settings of the workers" in failure(capsys, 1, "explain", "visits")


def test_a_server_that_is_away_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEY_REDIS", "redis://127.0.0.1:1/0")
    assert "JOURNEY_REDIS" in failure(capsys, 1, "metrics")


@pytest.mark.parametrize("name", ["email:ANN@example.com", "ann@example.com", "cookie-1", "order_id:17"])
def test_show_finds_a_journey_by_each_of_its_names(capsys: pytest.CaptureFixture[str], name: str) -> None:
    document = output(capsys, "show", name)
    assert {entry["identifier"] for entry in document["identifiers"]} == {"email:ann@example.com", "anonymous_id:cookie-1"}
    assert [entry["identifiers"] for entry in document["links"]] == [["anonymous_id:cookie-1", "email:ann@example.com"]]
    assert [entry["type"] for entry in document["timeline"]] == ["page.viewed", "checkout.started", "order.placed"]
    assert [entry["reference"] for entry in document["cases"]] == ["order_id:17"]


def test_show_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "cookie-1"]) == 0
    out = capsys.readouterr().out
    for part in ("Identifiers", "Links", "Account", "Cases", "Timeline", "email:ann@example.com", "checkout.started"):
        assert part in out


def test_show_tells_of_an_account_what_its_members_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "show", "cookie-1")["account"] == "account_id:home"
    document = output(capsys, "show", "home")
    assert document["found_by"] == "account_id:home"
    assert document["members"] == ["email:ann@example.com", "email:bob@example.com"]
    assert [case["reference"] for case in document["cases"]] == ["order_id:17"]
    assert [entry["type"] for entry in document["timeline"]] == ["order.placed"]
    assert run(["show", "account_id:home"]) == 0
    out = capsys.readouterr().out
    assert "Members" in out
    assert "Identifiers" not in out


def test_show_asks_which_one_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert "may mean customer_id:17, order_id:17" in failure(capsys, 2, "show", "17")
    assert "Nothing is known under 'email:x@example.com'" in failure(capsys, 1, "show", "email:x@example.com")


def test_equal_digests_mean_equal_dumps(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    dump = tmp_path / "dump.jsonl"
    first = output(capsys, "digest", "--dump", str(dump))
    assert output(capsys, "digest") == first
    assert first["lines"] == dump.read_text("utf-8").count("\n") > 0


def test_what_another_version_has_filled_is_refused_and_not_misread(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, filled: str
) -> None:
    asyncio.run(fill_as_another_version(filled))
    monkeypatch.setenv("JOURNEY_NAMESPACE", "older")
    for arguments in (["metrics"], ["digest"], ["show", "customer_id:1"]):
        said = failure(capsys, 1, *arguments)
        assert "Namespace older was filled by another version" in said
        assert "`journey rebuild`" in said


async def fill_as_another_version(url: str) -> None:
    store = RedisStore.at(url, "older")
    definitions, name, partition = "0" * 40, Identifier("customer_id:1"), Partition("touchpoints", 0)
    found, blob = journey_id(name), msgspec.msgpack.encode(["not a journey of ours"])
    await store.open(definitions, {partition: 0}, ["touchpoints"])
    move = Advance(partition, 0, Position(1, T0))
    commit = Commit(definitions, -1, move, {found: None}, {name}, {found: blob}, {name: found}, {}, {}, {})
    assert (await store.commit(commit)).verdict is Verdict.OK
    await store.close()


def test_the_exporter_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-c", "from streams.cli.main import main; main()", "exporter", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            # The first refresh may be under way still: livez answers at once, metrics when there is something.
            with urllib.request.urlopen(url.replace("metrics", "livez"), timeout=10) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


async def test_what_swallows_a_cancellation_is_cancelled_again() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    await asyncio.wait_for(until_told(stubborn()), 10)
    assert swallowed == 3
