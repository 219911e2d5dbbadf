"""Kafka Connect as a Kafka of one's own has it: a folder with `libs` and `bin/connect-standalone.sh`."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.rig import maven

POM = maven.RIG / "connect.xml"
LOGGING = maven.RIG / "log4j2.properties"


def _cache() -> Path:
    return maven.CACHE / f"connect-{maven.version(POM, 'kafka.version')}"


def available() -> bool:
    """Whether this machine can run it."""
    return maven.available(_cache())


def make_home(home: Path) -> Path:
    """Makes such a folder."""
    libs = maven.jars(POM, _cache())
    (home / "bin").mkdir(parents=True)
    (home / "libs").symlink_to(libs)
    command = [maven.java(), "-Xmx256m", f"-Dlog4j2.configurationFile={LOGGING}", "-cp", f"{libs}/*"]
    script = home / "bin" / "connect-standalone.sh"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} org.apache.kafka.connect.cli.ConnectStandalone "$@"\n')
    script.chmod(0o755)
    return home
