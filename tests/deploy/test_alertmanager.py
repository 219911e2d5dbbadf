"""Alertmanager itself with the shipped configuration: which alerts reach a webhook while others fire."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from streams.embedded.process import ServerProcess, accepts, free_port

CONFIG = Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml"
ADDRESS = "url_file: /etc/alertmanager/webhook_url"

Alert = dict[str, str]


def needed(*commands: str) -> None:
    for command in commands:
        if shutil.which(command) is None:
            sentence = f"{command} is not on PATH; on Debian it comes with the package prometheus-alertmanager"
            if os.environ.get("CI") == "true":
                pytest.fail(sentence)
            pytest.skip(sentence)


def configuration(url: str) -> str:
    """The shipped one, with an address in place, because Debian's Alertmanager does not know url_file, and without waiting."""
    text = CONFIG.read_text("utf-8")
    assert text.count(ADDRESS) == 1
    return re.sub(r"group_wait: \w+", "group_wait: 200ms", text.replace(ADDRESS, f"url: {url}"))


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    needed("amtool")
    file = tmp_path / "alertmanager.yml"
    file.write_text(configuration("http://127.0.0.1:1/"))
    done = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def webhook() -> Iterator[tuple[str, list[Alert]]]:
    """Its address, and the labels of every alert that was posted to it so far."""
    told: list[Alert] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.extend(alert["labels"] for alert in body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Running:
    """An Alertmanager and what it told its webhook."""

    def __init__(self, port: int, told: list[Alert]) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v2/alerts"
        self.told = told

    def post(self, *alerts: Alert) -> None:
        body = json.dumps([{"labels": alert} for alert in alerts]).encode()
        request = urllib.request.Request(self._api, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()

    def states(self) -> dict[tuple[str, str], str]:
        """Name and namespace of every alert -> active or suppressed."""
        with urllib.request.urlopen(self._api, timeout=5) as answer:
            found: list[Any] = json.load(answer)
        return {key(alert["labels"]): alert["status"]["state"] for alert in found}

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, (self.states(), self.told)
            time.sleep(0.05)


def key(labels: Alert) -> tuple[str, str]:
    return labels["alertname"], labels.get("namespace", "")


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Running]:
    needed("prometheus-alertmanager")
    with webhook() as (url, told):
        file, port = tmp_path / "alertmanager.yml", free_port()
        file.write_text(configuration(url))
        command = [
            "prometheus-alertmanager",
            f"--config.file={file}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        process = ServerProcess("Alertmanager", command, tmp_path / "alertmanager.log")
        process.start(lambda: accepts(port), 20)
        try:
            yield Running(port, told)
        finally:
            process.stop()


def business(namespace: str = "shop", name: str = "JourneyAbandonmentSpike") -> Alert:
    return {"alertname": name, "scope": "business", "team": "ux", "severity": "critical", "namespace": namespace}


def pipeline(name: str, namespace: str = "shop") -> Alert:
    found = {"alertname": name, "scope": "pipeline", "team": "platform", "severity": "critical"}
    return found | {"namespace": namespace} if namespace else found


NAMES = [
    "JourneyPipelineLag",
    "JourneyNoRecords",
    "JourneyRejectRatio",
    "JourneySnapshotStale",
    "JourneyClockHeldBack",
    "JourneyWorkerStuck",
    "JourneyRedisRollback",
    "JourneyPositionMissing",
    "JourneyExporterDown",
]


def test_pipeline_alerts_hold_the_business_alerts_of_their_namespace_back(alertmanager: Running) -> None:
    namespaces = [f"shop-{number}" for number in range(len(NAMES))]
    causes = [pipeline(name, namespace) for name, namespace in zip(NAMES, namespaces, strict=True)]
    alertmanager.post(*causes)
    alertmanager.until(lambda: len(alertmanager.states()) == len(causes))
    alertmanager.post(*map(business, namespaces), business("other"))
    expected = {("JourneyAbandonmentSpike", "other"), *map(key, causes)}
    alertmanager.until(lambda: {key(alert) for alert in alertmanager.told} >= expected)
    states = alertmanager.states()
    assert {states["JourneyAbandonmentSpike", namespace] for namespace in namespaces} == {"suppressed"}
    assert {key(alert) for alert in alertmanager.told} == expected


def test_without_namespaces_it_is_one(alertmanager: Running) -> None:
    spike = business()
    del spike["namespace"]
    alertmanager.post(pipeline("JourneyPipelineLag", ""))
    alertmanager.until(lambda: len(alertmanager.states()) == 1)
    alertmanager.post(spike)
    alertmanager.until(lambda: alertmanager.states().get(("JourneyAbandonmentSpike", "")) == "suppressed")


def test_an_exporter_that_nobody_scrapes_holds_all_back(alertmanager: Running) -> None:
    alertmanager.post(pipeline("JourneyExporterDown", ""))
    alertmanager.until(lambda: len(alertmanager.states()) == 1)
    alertmanager.post(business("shop"), business("other"))
    alertmanager.until(lambda: list(alertmanager.states().values()).count("suppressed") == 2)


@pytest.mark.parametrize("name", ["JourneyWorkerDown", "JourneyWorkerHalted"])
def test_one_worker_that_is_away_silences_nobody(alertmanager: Running, name: str) -> None:
    alertmanager.post(pipeline(name))
    alertmanager.until(lambda: len(alertmanager.states()) == 1)
    alertmanager.post(business(), business(name="JourneyNpsDrop"))
    expected = {(name, "shop"), ("JourneyAbandonmentSpike", "shop"), ("JourneyNpsDrop", "shop")}
    alertmanager.until(lambda: {key(alert) for alert in alertmanager.told} == expected)
    assert set(alertmanager.states().values()) == {"active"}
