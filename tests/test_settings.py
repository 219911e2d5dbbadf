from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.core.policy import DAY, HOUR, MINUTE, Policy, TaskPolicy, TopicPolicy
from streams.settings import SettingsError, load_settings
from streams.settings_table import described


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_without_anything_they_are_the_policy_s_own_defaults() -> None:
    assert load_settings(clock="history").policy() == Policy(clock="history")
    assert load_settings().policy() == Policy(disorder_ms=2 * MINUTE)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "journey.yaml"
    file.write_text("namespace: one\nsilence: 60d\nkafka: one:9092\ntopics:\n  web: cloudevents\n")
    set_all(monkeypatch, {"JOURNEY_CONFIG": str(file), "JOURNEY_KAFKA": "two:9092", "JOURNEY_TOPICS": "{shop: cloudevents}"})
    settings = load_settings()
    assert (settings.namespace, settings.kafka, settings.policy().silence_ms) == ("one", "two:9092", 60 * DAY)
    assert settings.topic_policies == (TopicPolicy("shop"),)
    sources = {row.name: row.source for row in described(settings)}
    assert (sources["JOURNEY_SILENCE"], sources["JOURNEY_KAFKA"], sources["JOURNEY_REDIS"]) == ("file", "environment", "default")


def test_topics_and_tasks_become_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = "{web: cloudevents, orders: {format: cloudevents, cadence: batch}}"
    tasks = "{find: {start: search.performed, success: [page.viewed], limit: 5m}, install: {limit: 2h}}"
    set_all(monkeypatch, {"JOURNEY_TOPICS": topics, "JOURNEY_TASKS": tasks})
    settings = load_settings()
    assert settings.topic_policies == (TopicPolicy("web"), TopicPolicy("orders", "cloudevents", "batch"))
    find = TaskPolicy("find", 5 * MINUTE, frozenset({"search.performed"}), frozenset({"page.viewed"}))
    assert settings.policy().tasks == (find, TaskPolicy("install", 2 * HOUR))


def test_dimensions_and_limits_add_to_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "JOURNEY_MARKETS": "{de: Europe/Berlin, us: America/New_York}",
        "JOURNEY_DIMENSIONS": "{segment: [new, loyal]}",
        "JOURNEY_LIMITS": "{depth: 8, identifiers: {email: 3}}",
    }
    set_all(monkeypatch, variables)
    policy = load_settings().policy()
    assert policy.dimensions["market"] == {"de", "us"}
    assert policy.dimensions["segment"] == {"new", "loyal"}
    assert policy.dimensions["acquisition"] == Policy().dimensions["acquisition"]
    assert (policy.limits.depth, policy.limits.identifiers["email"], policy.limits.identifiers["phone"]) == (8, 3, 10)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"JOURNEY_CLOK": "live"}, "JOURNEY_CLOK is no setting; did you mean JOURNEY_CLOCK"),
        ({"JOURNEY_CLOCK": "fast"}, "JOURNEY_CLOCK: "),
        ({"JOURNEY_KAFKA": "localhost"}, "JOURNEY_KAFKA: 'localhost' is no host:port"),
        ({"JOURNEY_REDIS": "localhost:6379"}, "JOURNEY_REDIS: must start with redis://"),
        ({"JOURNEY_NAMESPACE": "{shop}"}, "JOURNEY_NAMESPACE: "),
        ({"JOURNEY_TIMEZONE": "Mars"}, "JOURNEY_TIMEZONE: 'Mars' is no time zone"),
        ({"JOURNEY_MARKETS": "{de: Mars}"}, "JOURNEY_MARKETS.de: 'Mars' is no time zone"),
        ({"JOURNEY_ALLOWANCE": "soon"}, "JOURNEY_ALLOWANCE: 'soon' is no duration"),
        ({"JOURNEY_VISIT_GAP": "0"}, "JOURNEY_VISIT_GAP: "),
        ({"JOURNEY_TOPICS": "["}, "JOURNEY_TOPICS: is no YAML"),
        ({"JOURNEY_TOPICS": "{}"}, "JOURNEY_TOPICS: "),
        ({"JOURNEY_TOPICS": "{a: {cadence: weekly}}"}, "JOURNEY_TOPICS.a.cadence: "),
        ({"JOURNEY_TOPICS": "{a: {cadence: batch}}"}, "JOURNEY_TOPICS has only batch topics"),
        ({"JOURNEY_TOPICS": "{dead-letters: cloudevents}"}, "JOURNEY_DEAD_LETTER_TOPIC must not be"),
        ({"JOURNEY_TASKS": "{a: {start: order.placed, limit: 5m}}"}, "JOURNEY_TASKS.a: needs both start and success"),
        (
            {"JOURNEY_TASKS": "{a: {start: page.left, success: page.left, limit: 5m}}"},
            "JOURNEY_TASKS.a: has page.left both as start and as success",
        ),
        ({"JOURNEY_TASKS": "{a: {start: page.left, success: page.viewed}}"}, "JOURNEY_TASKS.a.limit: "),
        ({"JOURNEY_TOPICS": "{a: nonsense}"}, "JOURNEY_TOPICS: a: unknown format 'nonsense'"),
        ({"JOURNEY_TASKS": "{a: {start: page.view, success: order.placed, limit: 5m}}"}, "JOURNEY_TASKS: a: 'page.view' is no"),
        ({"JOURNEY_DISORDER": "8d"}, "JOURNEY_DISORDER must not be longer than JOURNEY_ALLOWANCE"),
        ({"JOURNEY_DIMENSIONS": "{markt: [de]}"}, "JOURNEY_DIMENSIONS: 'markt' is no dimension"),
        ({"JOURNEY_LIMITS": "{dept: 3}"}, "JOURNEY_LIMITS: 'dept' is no limit; did you mean depth"),
        ({"JOURNEY_LIMITS": "{depth: no}"}, "JOURNEY_LIMITS: depth must be a whole number"),
        ({"JOURNEY_PHONE_REGION": "Germany"}, "JOURNEY_PHONE_REGION: 'Germany' is no two-letter region"),
        ({"JOURNEY_EXPORTER_PORT": "6066"}, "JOURNEY_EXPORTER_PORT must not be JOURNEY_WORKER_PORT"),
        ({"JOURNEY_KAFKA_SECURITY": "sasl_ssl"}, "JOURNEY_KAFKA_SECURITY=sasl_ssl needs JOURNEY_KAFKA_USER"),
        ({"JOURNEY_KAFKA_CERT_FILE": "a.pem"}, "JOURNEY_KAFKA_CERT_FILE and JOURNEY_KAFKA_KEY_FILE"),
        ({"JOURNEY_REGISTRY": "registry:8081"}, "JOURNEY_REGISTRY: must start with http:// or https://"),
        ({"JOURNEY_REGISTRY": "https://me:secret@registry"}, "hold no user: that is JOURNEY_REGISTRY_USER"),
        ({"JOURNEY_REGISTRY_CA_FILE": "a.pem"}, "need JOURNEY_REGISTRY"),
        ({"JOURNEY_REGISTRY": "http://registry", "JOURNEY_REGISTRY_USER": "me"}, "JOURNEY_REGISTRY_USER and its password"),
        ({"JOURNEY_CONFIG": "nowhere.yaml"}, "JOURNEY_CONFIG: nowhere.yaml cannot be read"),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str) -> None:
    set_all(monkeypatch, variables)
    with pytest.raises(SettingsError, match=re.escape(sentence)) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("clok: live\n", "'clok' in the file that JOURNEY_CONFIG names is no setting; did you mean clock"),
        ("- clock\n", "must be a mapping"),
        ("clock: [\n", "is no YAML"),
        ("clock: fast\n", "JOURNEY_CLOCK: "),
    ],
)
def test_what_is_wrong_in_the_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "journey.yaml"
    file.write_text(content)
    monkeypatch.setenv("JOURNEY_CONFIG", str(file))
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        load_settings()


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = {"JOURNEY_KAFKA_SECURITY": "sasl_ssl", "JOURNEY_KAFKA_USER": "reader", "JOURNEY_KAFKA_PASSWORD": "hunter2"}
    set_all(monkeypatch, {"JOURNEY_REDIS": "rediss://reader:hunter2@cache:6380/1", **kafka})
    settings = load_settings()
    rows = {row.name: row.value for row in described(settings)}
    assert rows["JOURNEY_REDIS"] == "rediss://reader:***@cache:6380/1"
    assert rows["JOURNEY_KAFKA_PASSWORD"] == "***"  # noqa: S105 - the mask
    assert "hunter2" not in repr(settings)
    monkeypatch.setenv("JOURNEY_REDIS", "hunter2")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_every_setting_says_what_it_means() -> None:
    assert [row.name for row in described(load_settings()) if not row.meaning] == []
