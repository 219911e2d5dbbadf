"""The collector as a process: what it acknowledges is in Kafka, whoever is killed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaConsumer

from tests.access.processes import WAIT_SECONDS, ended, journey, until
from tests.rig import topics
from tests.rig.kafka import KafkaBroker

COMMAND = ("collect", "--port", "0")
TOKEN, SECRET = "a-token", b"a secret"
LIMIT = 100_000


class Answer(NamedTuple):
    status: int
    body: str
    retry: str | None


class Running(NamedTuple):
    process: subprocess.Popen[str]
    port: int
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(), response.headers["retry-after"])
        finally:
            connection.close()

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", path, body, headers)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def say(self, body: bytes, **headers: str) -> Answer:
        return self.post("/v1/shop", body, {"authorization": f"Bearer {TOKEN}", **headers})

    @contextmanager
    def half(self) -> Iterator[socket.socket]:
        """A request whose body of two bytes has begun: `}` is what it waits for."""
        with socket.create_connection(("127.0.0.1", self.port)) as slow:
            head = f"POST /v1/shop HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 2\r\n\r\n{{"
            slow.sendall(head.encode())
            until(lambda: "journey_collect_in_flight 1.0" in self.get("/metrics").body, self.log)
            yield slow


@contextmanager
def collecting(folder: Path, bootstrap: str, topic: str, **variables: str) -> Iterator[Running]:
    """The command, as one starts it, with a source of a bearer token and one of Shopify's signature."""
    (folder / "token").write_text(TOKEN)
    (folder / "secret").write_bytes(SECRET)
    sources = {
        "shop": {"secret_file": str(folder / "token"), "topic": topic},
        "shopify": {"secret_file": str(folder / "secret"), "topic": topic},
    }
    settings = {
        "JOURNEY_KAFKA": bootstrap,
        "JOURNEY_COLLECT": json.dumps(sources),
        "JOURNEY_COLLECT_BODY_BYTES": str(LIMIT),
        **variables,
    }
    log = folder / "collector.log"
    with journey(log, settings, *COMMAND) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("collector  http://127.0.0.1:"), log.read_text()
        yield Running(process, int(line.split("/")[2].rpartition(":")[2]), log)


def ready(running: Running) -> None:
    until(lambda: running.get("/readyz").status == 200, running.log)


def records(broker: KafkaBroker, topic: str) -> list[Any]:
    """All that the topic has."""
    consumer = KafkaConsumer(topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=3_000)
    try:
        return list(consumer)
    finally:
        consumer.close()


def test_a_body_is_in_kafka_as_it_came(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, 2, prefix="webhooks")
    body = b'{"id": 17,  "name": "\xc3\xa9"}\n'
    signed = base64.b64encode(hmac.new(SECRET, body, hashlib.sha256).digest()).decode()
    with collecting(tmp_path, broker.bootstrap, topic) as running:
        ready(running)
        headers = {
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Hmac-Sha256": signed,
            "Content-Type": "application/json",
            "Cookie": "a=b",
            "Journey-Clock": "9999999999999",
        }
        assert running.post("/v1/shopify", body, headers) == Answer(202, "accepted\n", None)
        event = {"ce-specversion": "1.0", "ce-type": "page.viewed", "ce-id": "1", "content-type": "application/json"}
        assert running.say(b"{}", **event).status == 202
        metrics = running.get("/metrics").body
    by_value = {record.value: dict(record.headers) for record in records(broker, topic)}
    assert by_value[body] == {"content-type": b"application/json", "x-shopify-topic": b"orders/create"}
    assert by_value[b"{}"] == {
        "ce_specversion": b"1.0",
        "ce_type": b"page.viewed",
        "ce_id": b"1",
        "content-type": b"application/json",
    }
    assert 'journey_collect_requests_total{source="shopify",status="202"} 1.0' in metrics


def test_what_cannot_be_taken_is_told_why(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, prefix="webhooks")
    with collecting(tmp_path, broker.bootstrap, topic) as running:
        ready(running)
        answers = [
            running.post("/v1/nobody", b"{}"),
            running.post("/v1/shop", b"{}"),
            running.post("/v1/shop", b"{}", {"authorization": "Bearer another"}),
            running.post("/v1/shopify", b"{}", {"authorization": f"Bearer {TOKEN}"}),
            running.say(b""),
            running.say(b"x" * (LIMIT + 1)),
            running.say(b"{}", **{"content-encoding": "gzip"}),
            running.get("/v1/shop"),
            running.get("/"),
        ]
        assert [answer.status for answer in answers] == [404, 401, 401, 401, 400, 413, 415, 405, 404]
        assert running.say(b"x" * LIMIT).status == 202
        assert running.process.poll() is None
    assert [len(record.value) for record in records(broker, topic)] == [LIMIT]


def test_a_topic_that_takes_less_is_no_reason_to_lose_anything(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, prefix="webhooks", configs={"max.message.bytes": "1000"})
    with collecting(tmp_path, broker.bootstrap, topic) as running:
        ready(running)
        assert running.say(random.Random(1).randbytes(50_000)).status == 413
        assert running.say(b"{}").status == 202


def test_who_waits_too_many_is_told_to_wait(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, prefix="webhooks")
    with collecting(tmp_path, broker.bootstrap, topic, JOURNEY_COLLECT_IN_FLIGHT="1") as running:
        ready(running)
        with running.half() as slow:
            assert running.say(b"{}") == Answer(429, "too many requests wait already; send it again\n", "1")
            slow.sendall(b"}")
            assert b" 202 " in slow.recv(4096)
        assert running.say(b"{}").status == 202


def posting(running: Running, count: int, workers: int, meanwhile: Callable[[], None], after: int) -> list[bytes]:
    """Bodies that were acknowledged, of those that several posters send while something happens to somebody."""
    acknowledged: list[bytes] = []
    reached, happened = threading.Event(), threading.Event()

    def one(number: int) -> None:
        if happened.is_set():
            return
        body = b"%06d" % number
        try:
            if running.say(body).status == 202:
                acknowledged.append(body)
        except (OSError, HTTPException):
            pass  # whoever sent it does not know, and would send it again
        if number >= after:
            reached.set()

    with ThreadPoolExecutor(workers) as pool:
        done = [pool.submit(one, number) for number in range(count)]
        assert reached.wait(WAIT_SECONDS)
        meanwhile()
        happened.set()
        for future in done:
            future.result()
    return acknowledged


def test_nothing_acknowledged_is_lost_when_the_collector_is_killed(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, 3, prefix="webhooks")
    with collecting(tmp_path, broker.bootstrap, topic) as running:
        ready(running)
        acknowledged = posting(running, 2_000, 8, running.process.kill, 300)
        assert running.process.wait(WAIT_SECONDS) == -signal.SIGKILL
    assert 0 < len(acknowledged) < 2_000
    assert set(acknowledged) <= {record.value for record in records(broker, topic)}


def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, 3, prefix="webhooks")
    with collecting(tmp_path, broker.bootstrap, topic) as running:
        ready(running)
        acknowledged = posting(running, 2_000, 8, broker.kill, 300)
        away = running.say(b"while it is away")
        assert (away.status, away.retry) == (503, "5")
        broker.start()
        until(lambda: running.say(b"and back").status == 202, running.log)
        assert "Traceback" not in running.log.read_text()
    assert acknowledged
    there = {record.value for record in records(broker, topic)}
    assert set(acknowledged) <= there
    assert b"and back" in there


def test_who_waits_gets_an_answer_before_it_ends(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = topics.create(broker.bootstrap, prefix="webhooks")
    with collecting(tmp_path, broker.bootstrap, topic) as running:
        ready(running)
        with running.half() as slow:
            running.process.terminate()
            time.sleep(0.5)
            slow.sendall(b"}")
            assert b" 202 " in slow.recv(4096)
        assert running.process.wait(WAIT_SECONDS) == 0
    assert [record.value for record in records(broker, topic)] == [b"{}"]


def test_without_kafka_it_waits_and_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = f"127.0.0.1:{unused.getsockname()[1]}"
    with collecting(tmp_path, nobody, "webhooks") as running:
        assert running.get("/livez").status == 200
        assert running.get("/readyz") == Answer(503, "Kafka is not connected yet\n", None)
        assert running.say(b"{}") == Answer(503, "Kafka has not acknowledged it; send it again\n", "5")
        until(lambda: f"nobody listens at {nobody}" in running.log.read_text(), running.log)
        assert "Traceback" not in running.log.read_text()
        running.process.terminate()
        assert running.process.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "JOURNEY_COLLECT lists no source"),
        ({"JOURNEY_COLLECT": "{shop: /nowhere/secret}"}, "JOURNEY_COLLECT.shop.secret_file: /nowhere/secret cannot be read"),
        ({"JOURNEY_COLLECT": "{twilio: /nowhere/secret}"}, "twilio: needs url"),
        ({"JOURNEY_COLLECT": "{shop: {secret_file: x, signature: md5}}"}, "JOURNEY_COLLECT.shop.signature"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    code, lines = ended(tmp_path / "collector.log", variables, *COMMAND)
    assert code == 2
    (line,) = lines
    assert line.startswith("journey: ")
    assert sentence in line
