"""What tests run on Java comes from Maven Central, once, into .cache."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from streams.embedded.process import ServerError

RIG = Path(__file__).parent
CACHE = RIG.parent.parent / ".cache"
MAVEN_SECONDS = 600.0


def available(*folders: Path) -> bool:
    """Whether this machine can run it: Java, and either Maven or folders that were filled before."""
    return shutil.which("java") is not None and (shutil.which("mvn") is not None or all(folder.is_dir() for folder in folders))


def java() -> str:
    """The java on PATH."""
    found = shutil.which("java")
    if found is None:
        raise ServerError("No java found: install a JRE 17 or later")
    return found


def version(pom: Path, name: str) -> str:
    """A version that a pom.xml names as a property."""
    found = re.search(rf"<{re.escape(name)}>(.+?)</", pom.read_text())
    assert found is not None
    return found[1]


def jars(pom: Path, folder: Path) -> Path:
    """The folder, with what a pom.xml asks for and all that needs."""

    def fill(copy: Path) -> None:
        _maven("-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={copy}", "-DincludeScope=runtime")

    return _filled(folder, fill)


def archive(artifact: str, folder: Path) -> Path:
    """The folder, with what an artifact of the kind `group:name:version:tar.gz:classifier` holds."""

    def fill(copy: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="journey-maven-") as directory:
            _maven("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={directory}")
            with tarfile.open(next(Path(directory).iterdir())) as packed:
                packed.extractall(copy, filter="data")

    return _filled(folder, fill)


def _filled(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Filled once. Side by side runs fill one each; the first rename wins."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fill(copy)
        with suppress(OSError):  # another run was first; its copy is as good
            copy.rename(folder)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return folder


def _maven(*arguments: str) -> None:
    done = subprocess.run(["mvn", "-q", "-B", *arguments], capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False)
    if done.returncode != 0:
        raise ServerError(f"mvn could not bring the jars: {done.stdout[-500:]} {done.stderr[-500:]}")
