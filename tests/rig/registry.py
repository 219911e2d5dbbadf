"""A real schema registry for tests: Apicurio, with the interface of Confluent's, in memory, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from streams.embedded.process import LOOPBACK, ServerProcess, free_port, running
from tests.rig import maven

VERSION = "3.0.9"  # the last line that runs on Java 17
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
INTERFACE = "/apis/ccompat/v7"
START_SECONDS = 60.0


def available() -> bool:
    """Whether this machine can run it."""
    return maven.available(_cache())


def _cache() -> Path:
    return maven.CACHE / f"apicurio-registry-{VERSION}"


class SchemaRegistry:
    """One registry; after `stop`, `start` brings back an empty one, on the same port."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}{INTERFACE}"
        runner = next(maven.archive(ARTIFACT, _cache()).glob("*-runner.jar"))
        options = ["-Xmx256m", "-XX:+UseSerialGC", f"-Dquarkus.http.host={LOOPBACK}", f"-Dquarkus.http.port={port}"]
        command = [maven.java(), *options, "-jar", str(runner)]
        self.process = ServerProcess("registry", command, directory / "registry.log")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.process.start(self._ready, START_SECONDS)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        self.process.stop()

    def register(self, subject: str, schema: Any, kind: str = "AVRO", references: Any = ()) -> int:
        """The id of a schema under this subject."""
        body = {"schema": orjson.dumps(schema).decode(), "schemaType": kind, "references": list(references)}
        answer = httpx.post(f"{self.url}/subjects/{subject}/versions", json=body, trust_env=False)
        assert answer.is_success, answer.text
        number = answer.json()["id"]
        assert isinstance(number, int)
        return number


@contextmanager
def schema_registry() -> Iterator[SchemaRegistry]:
    """A running one."""
    with running("registry", SchemaRegistry) as registry:
        yield registry
