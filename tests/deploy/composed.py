"""deploy/compose.yaml as Docker Compose reads it: merged, and with variables put in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


@cache
def composed() -> dict[str, Any]:
    """The file; `<<` is merged. Nobody changes it."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def services() -> dict[str, dict[str, Any]]:
    """Name -> service."""
    found: dict[str, dict[str, Any]] = composed()["services"]
    return found


def put_in(text: str, variables: Mapping[str, str]) -> str:
    """A value with variables put in. KeyError for one that must be set and is not."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        given = variables.get(found["name"], "")
        if not given and found["kind"] == "?":
            raise KeyError(found["name"])
        return given or (found["rest"] or "" if found["kind"] == "-" else "")

    return VARIABLE.sub(value, text)


def environment(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What a service's process finds in its environment."""
    return {name: put_in(value, variables) for name, value in services()[service].get("environment", {}).items()}
