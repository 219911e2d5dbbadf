"""Run by `make test-native`, which puts the compiled modules first: what it tests is really compiled, and all of it."""

from __future__ import annotations

import importlib
from pathlib import Path

import streams

ROOT = Path(__file__).parents[2]
PYTHON = {"__init__", "catalogue", "cx_metrics", "metric", "support_metrics", "ux_metrics", "voice_metrics"}
PYTHON |= {"decode", "definitions", "journey", "metrics", "model", "pipeline", "policy", "profiles"}
PYTHON |= {"statistics", "validation", "workspace"}
"""Modules of the core that stay Python; every other one should be in the Makefile's list."""


def test_what_folds_is_compiled() -> None:
    core = ROOT / "streams" / "core"
    folding = [path for path in (*core.glob("*.py"), *core.glob("cases/*.py")) if path.stem not in PYTHON]
    assert len(folding) > 10
    for path in folding:
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        assert not str(module.__file__).endswith(".py"), path.stem


def test_it_is_made_of_the_sources_as_they_are() -> None:
    native = Path(streams.__file__).parent
    for path in (ROOT / "streams" / "core").rglob("*.py"):
        assert (native / path.relative_to(ROOT / "streams")).read_bytes() == path.read_bytes(), path.name
