"""`journey doctor` for people, on the embedded servers; tests/access has the real ones."""

from __future__ import annotations

import os

import pytest

from streams.cli.main import run
from streams.embedded import ServerError, tansu_broker, valkey_server


def test_a_table_with_a_line_for_each_check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with tansu_broker() as kafka, valkey_server(persistent=True) as redis:
            monkeypatch.setenv("JOURNEY_KAFKA", kafka)
            monkeypatch.setenv("JOURNEY_REDIS", redis.url)
            assert run(["doctor"]) == 1
            assert "fail   topic touchpoints   is not there: `journey topics create`" in capsys.readouterr().out
            assert run(["topics", "create"]) == 0
            capsys.readouterr()
            assert run(["doctor"]) == 0
    except ServerError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["state", "what", "found"]
    assert {line.split()[0] for line in lines[1:]} <= {"ok", "warn"}
    assert [line for line in lines if line.startswith("ok     Redis persistence   append-only file")]
    assert [line for line in lines if line.startswith("ok     topic touchpoints   12 partitions, live, LogAppendTime")]
