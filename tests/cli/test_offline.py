"""`fold`, `simulate`, `validate` and what needs no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.cli.main import run

PLACED = (
    '{"specversion":"1.0","id":"1","source":"/t","type":"order.placed","time":"2026-03-02T10:00:00Z",'
    '"data":{"identifiers":{"customer_id":"7","order_id":"17"},"channel":"web"}}'
)


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def simulated(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    out, truth = tmp_path / "sim.jsonl.gz", tmp_path / "truth.json"
    options = ["--customers", "30", "--events", "400", "--seed", "5", "--duplicates", "0.1", "--late", "0.1"]
    assert run(["simulate", *options, "--out", str(out), "--truth", str(truth)]) == 0
    return str(out), json.loads(truth.read_text("utf-8"))


def test_what_is_folded_is_what_was_simulated(simulated: tuple[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    file, truth = simulated
    document = output(capsys, "fold", file, "--format", "cloudevents", "--window", "all")
    values = {entry["metric"]: entry["value"] for entry in document["metrics"] if not entry["dimensions"]}
    assert (values["visits"], values["orders"]) == (truth["visits"], truth["orders"])
    assert {entry["window"] for entry in document["metrics"]} == {"all"}


def test_the_same_files_give_the_same_dump(
    simulated: tuple[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dumps = [tmp_path / "one", tmp_path / "two"]
    for dump in dumps:
        assert run(["fold", simulated[0], "--format", "cloudevents", "--window", "28d", "--dump", str(dump)]) == 0
    assert dumps[0].read_bytes() == dumps[1].read_bytes() != b""
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["metric", "window", "by"]


def test_until_leaves_out_what_is_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(PLACED + "\n" + PLACED.replace('"id":"1"', '"id":"2"').replace("02T", "03T").replace("17", "18"))
    document = output(capsys, "fold", str(file), "--format", "cloudevents", "--window", "all", "--until", "2026-03-02T12:00:00Z")
    orders = next(entry for entry in document["metrics"] if entry["metric"] == "orders" and not entry["dimensions"])
    assert (document["as_of"], orders["value"]) == ("2026-03-02T12:00:00Z", 1)


def test_a_file_without_anything_usable_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("no json\n")
    assert run(["fold", str(file), "--format", "cloudevents"]) == 1
    assert "`journey validate` says why" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fold", "nowhere.jsonl", "--format", "cloudevents"], "nowhere.jsonl cannot be read"),
        (["fold", "nowhere.jsonl", "--format", "nonsense"], "unknown format 'nonsense'"),
        (["fold", "nowhere.jsonl", "--format", "cloudevents", "--window", "2h"], "No window '2h'"),
        (["simulate", "--late", "2"], "late is a share"),
        (["schema", "page.view"], "No touchpoint type 'page.view'"),
        (["validate", "nowhere.jsonl", "--format", "cloudevents"], "nowhere.jsonl cannot be read"),
    ],
)
def test_wrong_use_is_explained(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_validate_says_what_each_payload_becomes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(PLACED + "\n\n[]\nno json\n")
    document = output(capsys, "validate", str(file), "--format", "cloudevents")
    assert [(entry["line"], entry["outcome"]) for entry in document["payloads"]] == [
        (1, "accepted"),
        (3, "ignored"),
        (4, "rejected"),
    ]
    assert document["counts"] == {"accepted": 1, "ignored": 1, "rejected": 1, "touchpoints": 1}
    placed = document["payloads"][0]["touchpoints"][0]
    assert (placed["type"], placed["time"], placed["persons"]) == ("order.placed", "2026-03-02T10:00:00Z", ["customer_id:7"])
    assert document["payloads"][2]["reason"] == "invalid_json"
    assert run(["validate", str(file), "--format", "cloudevents"]) == 0
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert ["4", "rejected", "invalid_json"] in rows
    assert ["accepted", "1"] in rows


def test_what_a_producers_events_become(capsys: pytest.CaptureFixture[str]) -> None:
    events = output(capsys, "formats", "sendgrid")["events"]
    assert events["open"]["touchpoints"] == ["message.opened"]
    assert events["dropped"]["touchpoints"] == []
    assert run(["formats", "sendgrid"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "SendGrid Event Webhook"
    assert any(line.split()[:2] == ["click", "message.clicked"] for line in told)
    assert run(["formats", "carrierpigeon"]) == 2
    told_of = capsys.readouterr().err
    assert all(name in told_of for name in ("there is one for", "sendgrid", "stripe"))


def test_formats_and_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    names = [entry["name"] for entry in output(capsys, "formats")["formats"]]
    assert {"cloudevents", "mapping:retentioneering-ecom"} <= set(names)
    assert {"type": "page.viewed", "family": "web"} in output(capsys, "schema")["types"]
    assert run(["schema", "order.placed"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


def test_a_first_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "clicks.csv", tmp_path / "clicks.yaml"
    file.write_text(
        "user_id,event,at\n" + "".join(f"u{n % 3},{('home', 'search')[n % 2]},2024-05-01T12:00:0{n}Z\n" for n in range(8))
    )
    assert run(["mapping", "draft", str(file), "--out", str(out)]) == 0
    assert capsys.readouterr().err == f"Go through {out}, then: journey validate {file} --format mapping:{out}\n"
    document = output(capsys, "validate", str(file), "--format", f"mapping:{out}")
    assert document["counts"] == {"accepted": 8, "ignored": 0, "rejected": 0, "touchpoints": 8}
    assert run(["mapping", "draft", str(file), "--out", str(out)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert run(["mapping", "draft", str(file)]) == 0
    assert capsys.readouterr().out == out.read_text()
    file.write_text("")
    assert run(["mapping", "draft", str(file)]) == 2
    assert "nothing to guess from" in capsys.readouterr().err
