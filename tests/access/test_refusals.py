"""What is wrong with a connection is said in one sentence that names the setting, never in a stack trace."""

from __future__ import annotations

import gc
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from kafka.admin import ACL, ACLPermissionType, ResourcePattern, ResourceType

from streams.cli.main import run
from streams.kafka_access import KafkaAccess
from streams.settings import load_settings
from streams.worker.app import _credentials
from tests.access.conftest import Environment, missing
from tests.access.processes import ended, journey, until
from tests.rig.certificates import Authority
from tests.rig.secure import SecureKafka, SecureRedis, kafka_acls, secure_redis

Become = Callable[..., None]

# redis-py leaves a TLS connection that has failed while it logged in to the event loop, which a command then closes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Not in somebody else's test."""
    yield
    gc.collect()


def sentence(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """The one line that a command fails with."""
    assert run(arguments) == code
    found = capsys.readouterr()
    assert found.err.count("\n") == 1, found.err
    return found.err.strip()


def wrong(tmp_path: Path) -> str:
    file = tmp_path / "wrong"
    file.write_text("no such password")
    return str(file)


def shown(server: str, authority: Authority) -> dict[str, str]:
    """A client certificate of this authority, as settings."""
    certificate, key = authority.issue("journey-operator")
    return {f"{server}_CERT_FILE": str(certificate), f"{server}_KEY_FILE": str(key)}


KAFKA = {
    "wrong password": "does not let user journey-worker in: see JOURNEY_KAFKA_USER",
    "untrusted": "shows a certificate that is not to be trusted",
    "wrong mechanism": "does not know PLAIN: see JOURNEY_KAFKA_SASL",
}


def kafka_settings(case: str, tmp_path: Path, stranger: Authority) -> dict[str, str]:
    return {
        "wrong password": {"KAFKA_PASSWORD_FILE": wrong(tmp_path)},
        "untrusted": {"KAFKA_CA_FILE": str(stranger.file)},
        "wrong mechanism": {"KAFKA_SASL": "PLAIN"},
    }[case]


@pytest.mark.parametrize("case", KAFKA)
def test_what_cannot_heal_ends_a_worker_and_fails_a_command(
    case: str, become: Become, environment: Environment, stranger: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = kafka_settings(case, tmp_path, stranger)
    become("journey-worker", "journey-worker", **settings)
    assert KAFKA[case] in sentence(capsys, 1, "dlq", "list")
    code, log = ended(tmp_path / "log", environment("journey-worker", "journey-worker", settings), "worker")
    assert (code, len(log)) == (1, 1), log
    assert KAFKA[case] in log[0]


def test_client_certificates(
    become: Become, kafka: SecureKafka, authority: Authority, stranger: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    mutual = {
        "KAFKA": kafka.mutual,
        "KAFKA_SECURITY": "ssl",
        "KAFKA_SASL": "",
        "KAFKA_PASSWORD_FILE": "",
    }
    become("", "journey-operator", **mutual)
    assert "JOURNEY_KAFKA_CERT_FILE" in sentence(capsys, 1, "topics", "check")
    become("", "journey-operator", **mutual, **shown("KAFKA", stranger))
    assert "JOURNEY_KAFKA_CERT_FILE" in sentence(capsys, 1, "topics", "check")
    become("", "journey-operator", **mutual, **shown("KAFKA", authority))
    assert run(["topics", "create"]) == 0
    assert run(["topics", "check"]) == 0


def test_the_name_of_a_server_is_verified(become: Become, authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate for another name, of an authority that is trusted, is no better than none."""
    certificate, key = authority.issue("elsewhere", "DNS:elsewhere.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=handshakes, args=(context, listener), daemon=True).start()
        become("journey-operator", "journey-operator", KAFKA=f"127.0.0.1:{listener.getsockname()[1]}")
        assert "is not to be trusted (IP address mismatch" in sentence(capsys, 1, "topics", "check")


def handshakes(context: ssl.SSLContext, listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with suppress(OSError), context.wrap_socket(connection, server_side=True):
                pass


REDIS = {
    "wrong password": "does not let us in",
    "untrusted": "not to be trusted",
}


@pytest.mark.parametrize("case", REDIS)
def test_redis_that_does_not_let_us_in(
    case: str, become: Become, environment: Environment, stranger: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "wrong password": {"REDIS_PASSWORD_FILE": wrong(tmp_path)},
        "untrusted": {"REDIS_CA_FILE": str(stranger.file)},
    }[case]
    become("journey-worker", "journey-worker", **settings)
    assert REDIS[case] in sentence(capsys, 1, "metrics")
    for command in ("worker", "exporter"):
        code, log = ended(tmp_path / "log", environment("journey-worker", "journey-worker", settings), command)
        assert (code, len(log)) == (1, 1), log
        assert REDIS[case] in log[0]


def test_a_user_without_rights(become: Become, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    become("journey-operator", "journey-operator")
    assert run(["topics", "create"]) == 0
    capsys.readouterr()
    become("nobody-special", "journey-loader")
    assert "Redis: this user has no permissions to run the" in sentence(capsys, 1, "metrics")
    assert "Kafka: no right to topic touchpoints, topic" in sentence(capsys, 1, "topics", "check")
    assert "Kafka: no right to topic" in sentence(capsys, 1, "topics", "create")
    assert "Kafka: no right to topic dead-letters; deploy/security.md" in sentence(capsys, 1, "dlq", "list")
    file = tmp_path / "events.jsonl"
    file.write_text("{}\n")
    produce = ("produce", str(file), "--format", "cloudevents", "--topic", "touchpoints")
    assert "Kafka: no right to topic touchpoints" in sentence(capsys, 1, *produce)
    become("nobody-special", "journey-exporter")
    assert "may not load it: `journey functions load`" in sentence(capsys, 1, "functions", "load")


@pytest.mark.usefixtures("fresh")
def test_missing_rights_are_waited_for(
    environment: Environment, kafka: SecureKafka, redis: SecureRedis, become: Become, tmp_path: Path
) -> None:
    become("journey-operator", "journey-loader")
    assert run(["topics", "create"]) == 0
    with redis.admin() as admin:
        admin.function_flush("SYNC")
    log = tmp_path / "log"
    variables = environment("late-worker", "journey-worker", {"NAMESPACE": "shop", "GROUP": "late"})
    with journey(log, variables, "worker") as worker:
        until(lambda: "Kafka refuses: no right to topic touchpoints, topic dead-letters, group late" in log.read_text(), log)
        kafka.grant([ACL("User:late-worker", "*", acl.operation, ACLPermissionType.ALLOW, late(acl)) for acl in workers_acls()])
        until(lambda: "Redis refuses: the function library journey_" in log.read_text(), log)
        assert run(["functions", "load"]) == 0
        until(lambda: "Redis is back" in log.read_text(), log)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    assert "Traceback" not in log.read_text()


def workers_acls() -> list[ACL]:
    return [acl for acl in kafka_acls() if acl.principal == "User:journey-worker"]


def late(acl: ACL) -> ResourcePattern:
    pattern = acl.resource_pattern
    return ResourcePattern(ResourceType.GROUP, "late") if pattern.resource_type == ResourceType.GROUP else pattern


def test_a_worker_that_waits_for_rights_ends_when_told(environment: Environment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with journey(log, environment("nobody-special", "journey-worker"), "worker") as worker:
        until(lambda: "Kafka refuses" in log.read_text(), log)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def test_an_exporter_without_rights_says_so_once(environment: Environment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with journey(log, environment("journey-worker", "journey-loader"), "exporter", "--port", "0") as exporter:
        until(lambda: "could not be read: this user has no permissions" in log.read_text(), log)
        time.sleep(6)  # longer than it waits between two reads
        exporter.send_signal(signal.SIGTERM)
        assert exporter.wait(20) == 0
    assert len(log.read_text().splitlines()) == 1


def test_redis_with_client_certificates(
    authority: Authority, stranger: Authority, become: Become, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = shutil.which("redis-server")
    if binary is None:
        missing("redis-server is not on PATH")
        return
    with secure_redis(binary, authority, mutual=True) as server:
        become("journey-operator", "journey-loader", REDIS=server.url("journey-loader"))
        assert "JOURNEY_REDIS_CERT_FILE" in sentence(capsys, 1, "functions", "load")
        become("journey-operator", "journey-loader", REDIS=server.url("journey-loader"), **shown("REDIS", stranger))
        assert "JOURNEY_REDIS_CERT_FILE" in sentence(capsys, 1, "functions", "load")
        become("journey-operator", "journey-loader", REDIS=server.url("journey-loader"), **shown("REDIS", authority))
        assert run(["functions", "load"]) == 0


def test_files_that_are_no_certificates(
    become: Become, environment: Environment, authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    become("journey-operator", "journey-operator", KAFKA_CA_FILE=str(text))
    assert f"JOURNEY_KAFKA_CA_FILE: {text} holds no certificates to trust" in sentence(capsys, 2, "topics", "check")
    become("journey-operator", "journey-operator", REDIS_CA_FILE=str(tmp_path / "nowhere.pem"))
    assert "JOURNEY_REDIS_CA_FILE" in sentence(capsys, 2, "metrics")
    locked = authority.issue("locked")[1]
    subprocess.run(
        ["openssl", "ec", "-in", locked, "-aes256", "-passout", "pass:x", "-out", locked], check=True, capture_output=True
    )
    files = {"KAFKA_CERT_FILE": str(locked.with_suffix(".pem")), "KAFKA_KEY_FILE": str(locked)}
    become("journey-operator", "journey-operator", **files)
    assert "the key has a passphrase" in sentence(capsys, 2, "topics", "check")
    code, log = ended(tmp_path / "log", environment("journey-worker", "journey-worker", files), "worker", "--workers", "2")
    assert (code, len(log)) == (2, 1), log
    assert "the key has a passphrase" in log[0]


def test_faust_does_not_fall_back_to_plaintext(become: Become) -> None:
    become("journey-worker", "journey-worker")
    credentials = _credentials(KafkaAccess.of(load_settings()))
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-512"
