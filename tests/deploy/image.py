"""The Dockerfile without Docker: its steps, run in a directory in place of `/src` and `/opt/journey`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.deploy.composed import DEPLOY, ROOT

STEP_SECONDS = 600.0
INSTRUCTION = re.compile(r"(?P<name>[A-Z]+) (?P<rest>.*)", re.DOTALL)


class Instruction(NamedTuple):
    """One instruction of one stage (0 builds, 1 is kept)."""

    stage: int
    name: str
    rest: str


def instructions() -> Iterator[Instruction]:
    """All of the Dockerfile's, in order; a step of several lines is one."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", "")
    stage = -1
    for line in filter(None, text.splitlines()):
        found = INSTRUCTION.fullmatch(line)
        assert found is not None, line
        stage += found["name"] == "FROM"
        yield Instruction(stage, found["name"], found["rest"])


def build(directory: Path) -> Path:
    """Carries out the stage that builds; returns what stands for `/opt/journey`.

    `make native` is that of this checkout, which may have been made before; everything else happens anew.
    """
    source, target = directory / "src", directory / "opt" / "journey"
    source.mkdir()
    for instruction in instructions():
        if instruction.stage > 0:
            break
        if instruction.name == "COPY":
            *names, where = instruction.rest.split()
            copy(names, source / where)
        elif instruction.rest == "make native":
            run_step("make native", ROOT)
            (source / "build").mkdir()
            (source / "build" / "native").symlink_to(ROOT / "build" / "native")
            (source / ".venv").symlink_to(ROOT / ".venv")
        elif instruction.name == "RUN":
            python = f"{sys.executable} -m venv"
            run_step(instruction.rest.replace("/opt/journey", str(target)).replace("python3 -m venv", python), source)
    return target


def copy(names: list[str], where: Path) -> None:
    """COPY: files into a directory, or one directory's content."""
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, where, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            where.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, where)


def run_step(step: str, directory: Path) -> None:
    """RUN, which must end well."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        ["/bin/sh", "-c", step],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{step}\n{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
