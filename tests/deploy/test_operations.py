"""What the operations guide names is there."""

from __future__ import annotations

import re

import pytest

from streams.cli.main import run
from streams.settings import PREFIX, Settings
from tests.deploy.composed import DEPLOY, VARIABLE, services
from tests.deploy.test_compose import EXAMPLE

GUIDE = (DEPLOY / "operations.md").read_text("utf-8")
COMMANDS = sorted({found.strip() for found in re.findall(r"journey((?: [a-z]+)+)(?= --|`|\n|  )", GUIDE)})


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    assert "Usage: journey" in capsys.readouterr().out


def test_its_commands_are_found() -> None:
    assert {"positions", "topics create", "topics check", "worker", "exporter", "digest", "dlq list"} <= set(COMMANDS)


def test_its_settings_are_settings() -> None:
    named = {name for name in re.findall(r"JOURNEY_[A-Z_]*[A-Z]", GUIDE) if f"{name}_*" not in GUIDE}
    assert named
    assert named - {PREFIX + name.upper() for name in Settings.model_fields} == set()


def test_its_ports_are_those_that_are_published() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) \| this machine \|", GUIDE, re.MULTILINE)
    published = [(name, port.split(":")[1]) for name, service in services().items() for port in service.get("ports", [])]
    assert sorted((name.lower(), port) for name, port in rows) == sorted(published)


def test_it_says_where_every_variable_is_set() -> None:
    assert set(EXAMPLE) == {
        found["name"] for found in VARIABLE.finditer((DEPLOY / "compose.yaml").read_text("utf-8")) if found["name"]
    }
    for name in EXAMPLE:
        assert name in GUIDE or name.endswith("_PASSWORD")
