"""Prometheus and Alertmanager of the machine's packages, on loopback, in directories of their own, stopped by their handles."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from streams.embedded import ServerError, ServerProcess, free_port
from streams.embedded.process import LOOPBACK, running

START_SECONDS = 60.0
"""Prometheus opens its blocks before it is ready."""
QUERY_SECONDS = 300.0
RANGE_POINTS = 10_000
"""Prometheus refuses to answer more than 11,000 points of a series at once."""

_PROGRAMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "prometheus": ("prometheus", ("prometheus",)),
    "promtool": ("prometheus", ("promtool",)),
    "alertmanager": ("prometheus-alertmanager", ("prometheus-alertmanager", "alertmanager")),
}
"""Name -> the Debian package, and what the program may be called on PATH."""

_FORM = "application/x-www-form-urlencoded"


class Series(msgspec.Struct, frozen=True):
    """A series of a query's answer. points: (Unix seconds, value) in order of time; one for an instant query."""

    labels: Mapping[str, str]
    points: list[tuple[float, float]]


def program(name: str) -> str:
    """The path of `prometheus`, `promtool` or `alertmanager`; ServerError, with the package, where it is missing."""
    package, names = _PROGRAMS[name]
    for found in map(shutil.which, names):
        if found:
            return found
    raise ServerError(f"No {name} found on PATH: on Debian and Ubuntu, apt-get install {package}.")


class Server:
    """A server with an HTTP API that says when it is ready; started again it has the same port and data."""

    def __init__(self, name: str, directory: Path, options: Callable[[str], list[str]]) -> None:
        """`options` gets `HOST:PORT` to listen on."""
        self.address = f"{LOOPBACK}:{free_port()}"
        self.url = f"http://{self.address}"
        command = [program(name), *options(self.address)]
        self.process = ServerProcess(name, command, directory / f"{name}.log")

    def start(self) -> None:
        """Starts it and waits until it is ready; ServerError otherwise."""
        self.process.start(self._ready, START_SECONDS)

    def stop(self) -> None:
        """Ends it by its handle."""
        self.process.stop()

    def _ready(self) -> bool:
        try:
            return self._request("GET", "/-/ready", timeout=1.0)[0] == 200
        except (OSError, HTTPException):
            return False

    def _request(
        self, method: str, path: str, body: str | None = None, kind: str = "", timeout: float = QUERY_SECONDS
    ) -> tuple[int, bytes]:
        connection = HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, path: str, body: str, kind: str) -> Any:
        """The JSON answer to a POST, None for an empty one. ServerError for a refusal and for no answer."""
        try:
            status, answer = self._request("POST", path, body, kind)
        except (OSError, HTTPException) as error:
            raise ServerError(f"{self.process.name} did not answer {path}: {error}. {self.process.log_tail()}") from None
        if status != 200:
            raise ServerError(f"{self.process.name} refused {path}: {answer.decode(errors='replace')[:500]}")
        return json.loads(answer) if answer else None


class Prometheus(Server):
    """A Prometheus on a data directory, which may hold blocks.

    configuration: the text of its prometheus.yml. lookback_seconds: how long a sample stands for its series; longer than the
    steps of history that was not scraped.
    """

    def __init__(self, directory: Path, data: Path, configuration: str = "", lookback_seconds: float = 300.0) -> None:
        file = directory / "prometheus.yml"
        file.write_text(configuration, "utf-8")
        super().__init__(
            "prometheus",
            directory,
            lambda address: [
                f"--config.file={file}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=100y",  # event time may be years ago
                f"--web.listen-address={address}",
                "--web.enable-lifecycle",
                f"--query.lookback-delta={round(lookback_seconds)}s",
                "--log.level=warn",
            ],
        )
        self.data = data

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """An instant query, now or at a time in Unix seconds. ServerError where Prometheus refuses the expression."""
        moment = {} if at is None else {"time": f"{at:.3f}"}
        result = self.ask("/api/v1/query", urlencode({"query": expression, **moment}), _FORM)["data"]["result"]
        return [_series(one["metric"], [one["value"]]) for one in result]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The expression at start, start + step, .. up to end (Unix seconds), asked in parts where there are many."""
        found: dict[str, Series] = {}
        while start <= end:
            last = min(end, start + (RANGE_POINTS - 1) * step)
            asked = {"query": expression, "start": f"{start:.3f}", "end": f"{last:.3f}", "step": f"{step:.3f}"}
            for one in self.ask("/api/v1/query_range", urlencode(asked), _FORM)["data"]["result"]:
                series = _series(one["metric"], one["values"])
                found.setdefault(json.dumps(one["metric"], sort_keys=True), Series(series.labels, [])).points.extend(
                    series.points
                )
            start += RANGE_POINTS * step
        return list(found.values())


class Alertmanager(Server):
    """An Alertmanager without peers. configuration: the text of its alertmanager.yml."""

    def __init__(self, directory: Path, configuration: str) -> None:
        file = directory / "alertmanager.yml"
        file.write_text(configuration, "utf-8")
        super().__init__(
            "alertmanager",
            directory,
            lambda address: [
                f"--config.file={file}",
                f"--storage.path={directory / 'alertmanager'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
                "--log.level=warn",
            ],
        )

    def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Hands alerts over as Prometheus does: each with `labels` and `annotations`. ServerError where it refuses them."""
        self.ask("/api/v2/alerts", json.dumps(alerts), "application/json")


@contextmanager
def prometheus(data: Path | None = None, configuration: str = "", lookback_seconds: float = 300.0) -> Iterator[Prometheus]:
    """A running Prometheus; its data are gone at its end, unless they lie in a directory of the caller's."""
    with running(
        "prometheus", lambda place: Prometheus(place, data or place / "data", configuration, lookback_seconds)
    ) as server:
        yield server


@contextmanager
def alertmanager(configuration: str) -> Iterator[Alertmanager]:
    """A running Alertmanager in a temporary directory."""
    with running("alertmanager", lambda place: Alertmanager(place, configuration)) as server:
        yield server


def _series(labels: Mapping[str, str], points: list[Any]) -> Series:
    return Series(labels, [(float(at), float(value)) for at, value in points])
