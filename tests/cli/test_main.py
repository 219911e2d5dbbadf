from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest
import redis

from streams.cli import main
from streams.cli.failure import Failure, Misuse


def journey(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from streams.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def commands(prefix: Sequence[str] = ()) -> list[list[str]]:
    """Every command of the tree, groups included."""
    import typer

    found: list[list[str]] = []

    def walk(node: object, path: list[str]) -> None:
        found.append(path)
        for name, child in sorted(getattr(node, "commands", {}).items()):
            walk(child, [*path, name])

    walk(typer.main.get_command(main.app), list(prefix))
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([*command, "--help"]) == 0
    assert "Usage: journey" in capsys.readouterr().out


def test_help_needs_no_heavy_library() -> None:
    heavy = ["faust", "aiokafka", "kafka", "redis", "pydantic", "prometheus_client", "phonenumbers"]
    code = (
        "import sys; from streams.cli.main import run; run(['--help']);"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == "[]"
    assert time.monotonic() - started < 10


def test_wrong_use_is_one_sentence_and_exit_code_2() -> None:
    done = journey("nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "journey: No such command 'nonsense'.\n"


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (Failure("The lights are out; turn them on."), 1, "turn them on"),
        (Misuse("No such window; take 24h."), 2, "take 24h"),
        (redis.ConnectionError("refused\nat length"), 1, "JOURNEY_REDIS"),
        (RuntimeError("odd"), 1, "RuntimeError: odd; JOURNEY_DEBUG=1 shows where"),
    ],
)
def test_errors_are_explained_in_one_line(error: Exception, code: int, part: str) -> None:
    sentence, exit_code = main.explained(error)
    assert exit_code == code
    assert part in sentence
    assert "\n" not in sentence


def test_a_wrong_setting_has_no_stack_trace_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEY_CLOCK", "fast")
    assert main.run(["config", "show"]) == 2
    assert capsys.readouterr().err.startswith("journey: JOURNEY_CLOCK: ")
    monkeypatch.setenv("JOURNEY_DEBUG", "1")
    assert main.run(["config", "show"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_config_show_masks_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JOURNEY_REDIS", "redis://:hunter2@cache:6379/0")
    assert main.run(["config", "show", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows["JOURNEY_REDIS"]["value"] == "redis://:***@cache:6379/0"
    assert rows["JOURNEY_REDIS"]["source"] == "environment"
    assert main.run(["config", "show"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["setting", "source", "value"]
    assert "hunter2" not in out
