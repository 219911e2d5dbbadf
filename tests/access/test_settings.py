"""What the settings say about connections; no server is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.cli.main import run
from streams.kafka_access import KafkaAccess
from streams.redis_access import RedisAccess
from streams.settings import SettingsError, load_settings

SASL = {"KAFKA_SECURITY": "sasl_ssl", "KAFKA_USER": "worker"}


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"JOURNEY_{name}", value)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"KAFKA_SECURITY": "sasl_ssl"}, "needs JOURNEY_KAFKA_USER, and JOURNEY_KAFKA_PASSWORD or _PASSWORD_FILE"),
        (
            {**SASL, "KAFKA_PASSWORD": "a", "KAFKA_PASSWORD_FILE": "b"},
            "Of JOURNEY_KAFKA_PASSWORD and JOURNEY_KAFKA_PASSWORD_FILE",
        ),
        ({"KAFKA_USER": "worker"}, "JOURNEY_KAFKA_USER and its password need JOURNEY_KAFKA_SECURITY"),
        ({"KAFKA_CA_FILE": "ca.pem"}, "need JOURNEY_KAFKA_SECURITY=ssl or sasl_ssl"),
        ({"REDIS_CA_FILE": "ca.pem"}, "need a JOURNEY_REDIS that begins with rediss://"),
        (
            {"REDIS_KEY_FILE": "k", "REDIS": "rediss://cache"},
            "JOURNEY_REDIS_CERT_FILE and JOURNEY_REDIS_KEY_FILE must be set together",
        ),
        ({"REDIS": "rediss://a:b@cache", "REDIS_PASSWORD_FILE": "p"}, "Of JOURNEY_REDIS_PASSWORD_FILE and a password in"),
    ],
)
def test_what_does_not_fit_together_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str) -> None:
    set_all(monkeypatch, variables)
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        load_settings()


@pytest.mark.parametrize("security", ["plaintext", "sasl_plaintext"])
def test_production_refuses_plaintext_to_kafka(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], security: str
) -> None:
    credentials = {"KAFKA_USER": "worker", "KAFKA_PASSWORD": "p"} if security == "sasl_plaintext" else {}
    set_all(monkeypatch, {"KAFKA_SECURITY": security, **credentials})
    assert KafkaAccess.of(load_settings()).security == security
    set_all(monkeypatch, {"ENV": "production"})
    sentence = f"JOURNEY_KAFKA_SECURITY={security} is not encrypted, which JOURNEY_ENV=production refuses: write ssl or sasl_ssl"
    for command in (["worker"], ["topics", "check"], ["dlq", "list"], ["positions"]):
        assert run(command) == 2
        assert capsys.readouterr().err == f"journey: {sentence}\n"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://127.0.0.1:6379/0", "JOURNEY_REDIS=redis://.. is not encrypted, which JOURNEY_ENV=production refuses"),
        (
            "rediss://cache/0?ssl_cert_reqs=none",
            "JOURNEY_REDIS with ssl_cert_reqs believes any server, which JOURNEY_ENV=production",
        ),
        ("rediss://cache/0?ssl_check_hostname=False", "JOURNEY_REDIS with ssl_check_hostname believes any server"),
    ],
)
def test_production_refuses_redis_that_anybody_could_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, sentence: str
) -> None:
    set_all(monkeypatch, {"REDIS": url})
    assert RedisAccess.of(load_settings()).url == url
    set_all(monkeypatch, {"ENV": "production"})
    for command in (["exporter"], ["metrics"], ["functions", "load"]):
        assert run(command) == 2
        assert capsys.readouterr().err.startswith(f"journey: {sentence}")


def test_production_takes_what_is_encrypted_or_stays_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"ENV": "production", "KAFKA_SECURITY": "ssl", "REDIS": "unix:///run/redis.sock"})
    assert KafkaAccess.of(load_settings()).security == "ssl"
    assert RedisAccess.of(load_settings()).place == "/run/redis.sock"
    set_all(monkeypatch, {"REDIS": "rediss://reader@cache:6380/0"})
    assert RedisAccess.of(load_settings()).place == "cache:6380"


def test_what_needs_no_server_needs_no_encryption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    set_all(monkeypatch, {"ENV": "production"})
    file = tmp_path / "events.jsonl"
    file.write_text("{}\n")
    assert run(["validate", str(file), "--format", "cloudevents"]) == 0
    assert run(["config", "show"]) == 0
    assert capsys.readouterr().err == ""


def test_passwords_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    both = {"KAFKA_PASSWORD_FILE": str(file), "REDIS_PASSWORD_FILE": str(file)}
    set_all(monkeypatch, {**SASL, "REDIS": "rediss://reader@cache", **both})
    settings = load_settings()
    kafka, redis = KafkaAccess.of(settings), RedisAccess.of(settings)
    assert kafka.client_options()["sasl_plain_password"] == redis.options()["password"] == "hunter2"  # noqa: S105
    assert "hunter2" not in repr((settings, kafka, redis))
    file.write_text("\n")
    with pytest.raises(SettingsError, match=r"JOURNEY_KAFKA_PASSWORD_FILE: .* is empty"):
        KafkaAccess.of(settings)
    file.unlink()
    with pytest.raises(SettingsError, match=r"JOURNEY_REDIS_PASSWORD_FILE: .* cannot be read \(No such file"):
        RedisAccess.of(settings)
