"""Settings: environment variables `JOURNEY_*`, and a YAML file that `JOURNEY_CONFIG` names (the environment wins).

Mappings are written in the environment as YAML in one line: `JOURNEY_TOPICS='{touchpoints: cloudevents}'`. Whatever is
unknown, malformed or inconsistent raises `SettingsError`, whose message is one sentence that names the setting. Reading
settings does no network I/O, and nothing is read when this module is imported.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from phonenumbers import SUPPORTED_REGIONS
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.formats import FormatError, find_format
from schemas.touchpoints import MODELS
from streams.core.policy import (
    DAY,
    DEFAULT_DIMENSIONS,
    DEFAULT_TASKS,
    IDENTIFIER_LIMITS,
    MINUTE,
    Clock,
    Limits,
    Policy,
    TaskPolicy,
    TopicPolicy,
)
from streams.settings_types import Duration, Name, Port, SourceSetting, TaskSetting, TopicSetting, Types, Zone, parse_yaml

PREFIX = "JOURNEY_"
OUTSIDE = {"JOURNEY_CONFIG": "path of a YAML file with settings", "JOURNEY_DEBUG": "1 shows stack traces of errors"}
"""Variables that are read before the settings are."""


class SettingsError(ValueError):
    """A setting that is unknown, malformed or inconsistent with another; the message names it."""


def _default_tasks() -> dict[str, TaskSetting]:
    # model_construct: a limit given to the constructor would be read as seconds.
    return {
        task.name: TaskSetting.model_construct(limit=task.limit_ms, start=task.start, success=task.success)
        for task in DEFAULT_TASKS
    }


class Settings(BaseSettings):
    """Everything that a process of the pipeline is told. Each field's description is its line in the README."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        enable_decoding=False,  # mappings are YAML, read by the validators
        validate_default=False,  # durations are milliseconds here, and seconds in what is validated
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    env: Name = Field("development", description="Name of the environment; `production` refuses plaintext")
    namespace: Name = Field("shop", description="Whose journeys: prefix of every key in Redis")
    kafka: str = Field("localhost:9092", min_length=1, description="Kafka bootstrap servers, `host:port`, comma-separated")
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="Kafka security protocol: plaintext, ssl, sasl_plaintext or sasl_ssl"
    )
    kafka_ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust for Kafka; the system's if not set"
    )
    kafka_cert_file: Path | None = Field(None, description="PEM file of the client certificate for Kafka")
    kafka_key_file: Path | None = Field(None, description="PEM file of the client certificate's key")
    kafka_sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field("PLAIN", description="SASL mechanism for Kafka")
    kafka_user: str = Field("", description="SASL user for Kafka")
    kafka_password: SecretStr = Field(SecretStr(""), description="SASL password for Kafka")
    kafka_password_file: Path | None = Field(None, description="File that holds the SASL password instead")
    redis: SecretStr = Field(SecretStr("redis://localhost:6379/0"), description="Redis or Valkey URL; `rediss://` for TLS")
    redis_password_file: Path | None = Field(None, description="File that holds the password of the user in JOURNEY_REDIS")
    redis_ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust for Redis; the system's if not set"
    )
    redis_cert_file: Path | None = Field(None, description="PEM file of the client certificate for Redis")
    redis_key_file: Path | None = Field(None, description="PEM file of that certificate's key")
    registry: str = Field(
        "", description="Address of a schema registry, such as `https://registry:8081`, for values in its frame"
    )
    registry_user: str = Field("", description="User for the schema registry")
    registry_password: SecretStr = Field(SecretStr(""), description="Password for the schema registry")
    registry_password_file: Path | None = Field(None, description="File that holds the schema registry's password instead")
    registry_ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust for the schema registry; the system's if not set"
    )
    group: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,200}$", description="Kafka consumer group; `journey-NAMESPACE` if not set")
    topics: dict[Name, TopicSetting] = Field(
        default_factory=lambda: {"touchpoints": TopicSetting()},
        min_length=1,
        description="Topics to read: name -> format, or `{format: .., cadence: live or batch}`",
    )
    dead_letter_topic: Name = Field("dead-letters", description="Topic that keeps every rejected record")
    clock: Clock = Field(
        "live", description="live: time is that of the log; history: that of the records (files, demo), never the wall clock"
    )
    timezone: Zone = Field("UTC", description="Time zone of days and of dates without a market")
    markets: dict[str, Zone] = Field(
        default_factory=dict, description="Market -> its time zone; a date promised there ends at midnight there"
    )
    phone_region: str = Field("", description="Region of phone numbers without a country code, such as DE")
    disorder: Duration | None = Field(
        None, description="How far the watermark stays behind the record clocks; 2m if live, 0s if history"
    )
    allowance: Duration = Field(7 * DAY, description="A touchpoint older than the record clock by more is rejected as too late")
    future: Duration = Field(10 * MINUTE, description="A touchpoint ahead of the record clock by more is rejected")
    skew: Duration = Field(DAY, description="The largest error of a producer's clock that `sent_at` may correct")
    tasks: dict[Name, TaskSetting] = Field(
        default_factory=_default_tasks, description="Tasks: name -> `{start: [types], success: [types], limit: 30m}`"
    )
    other_task_limit: Duration = Field(30 * MINUTE, gt=0, description="Time limit of explicit tasks that are not configured")
    visit_gap: Duration = Field(30 * MINUTE, gt=0, description="A visit ends after this long without a touchpoint")
    visit_limit: Duration = Field(DAY, gt=0, description="The longest visit")
    join: Duration = Field(DAY, description="How long after a touchpoint an event may still say whose visit it was part of")
    silence: Duration = Field(
        90 * DAY, gt=0, description="A customer without a subscription is lost after this long without activity"
    )
    dimensions: dict[str, Types] = Field(
        default_factory=dict, description="Dimension -> the values it keeps; any other value becomes `other`"
    )
    limits: dict[str, Any] = Field(default_factory=dict, description="Limits of records and journeys: name -> number")
    worker_host: str = Field("127.0.0.1", description="Address that a worker serves its pipeline metrics and health on")
    worker_port: Port = Field(6066, description="Port of the first worker; the second takes the next")
    exporter_host: str = Field("127.0.0.1", description="Address that the exporter serves on")
    exporter_port: Port = Field(9108, description="Port that the exporter serves on")
    collect: dict[Name, SourceSetting] = Field(
        default_factory=dict,
        description="Webhooks to collect: source -> file of its secret, or `{secret_file: .., topic: .., signature: .., url: ..}`",
    )
    collect_host: str = Field("127.0.0.1", description="Address that the collector serves on")
    collect_port: Port = Field(9180, description="Port that the collector serves on")
    collect_body_bytes: int = Field(1_048_576, ge=1, description="The largest body that the collector takes")
    collect_in_flight: int = Field(200, ge=1, description="Requests that may wait for Kafka at a time; others are told to wait")

    @field_validator("topics", "markets", "tasks", "dimensions", "limits", "collect", mode="before")
    @classmethod
    def _mapping(cls, value: object) -> object:
        return parse_yaml(value)

    @field_validator("kafka")
    @classmethod
    def _servers(cls, value: str) -> str:
        for server in value.split(","):
            if not re.fullmatch(r"\s*[^\s:/,]+:\d{1,5}\s*", server):
                raise ValueError(f"{server.strip()!r} is no host:port")
        return value.replace(" ", "")

    @field_validator("redis")
    @classmethod
    def _url(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"(rediss?|unix)://", value.get_secret_value()):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("registry")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
            raise ValueError("must start with http:// or https://, and hold no user: that is JOURNEY_REGISTRY_USER")
        return value

    @field_validator("phone_region")
    @classmethod
    def _region(cls, value: str) -> str:
        if value and value not in SUPPORTED_REGIONS:
            raise ValueError(f"{value!r} is no two-letter region such as DE")
        return value

    @field_validator("topics")
    @classmethod
    def _formats(cls, value: dict[str, TopicSetting]) -> dict[str, TopicSetting]:
        for name, topic in value.items():
            try:
                find_format(topic.format)
            except FormatError as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    @field_validator("tasks")
    @classmethod
    def _types(cls, value: dict[str, TaskSetting]) -> dict[str, TaskSetting]:
        for name, task in value.items():
            for type_ in sorted((task.start | task.success) - MODELS.keys()):
                raise ValueError(f"{name}: {type_!r} is no touchpoint type{_closest(type_, MODELS)}")
        return value

    @field_validator("dimensions")
    @classmethod
    def _dimensions(cls, value: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        for name in sorted(value.keys() - DEFAULT_DIMENSIONS.keys()):
            raise ValueError(f"{name!r} is no dimension whose values are configured{_closest(name, DEFAULT_DIMENSIONS)}")
        return value

    @field_validator("limits")
    @classmethod
    def _limits(cls, value: dict[str, Any]) -> dict[str, Any]:
        kinds = value.get("identifiers", {})
        if not isinstance(kinds, dict):
            raise ValueError("identifiers must be a mapping: kind -> number")
        for name in sorted(value.keys() - Limits.__struct_fields__, key=str):
            raise ValueError(f"{name!r} is no limit{_closest(str(name), Limits.__struct_fields__)}")
        numbers = {**{name: number for name, number in value.items() if name != "identifiers"}, **kinds}
        for name, number in numbers.items():
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ValueError(f"{name} must be a whole number above zero")
        return value

    @field_validator("collect")
    @classmethod
    def _sources(cls, value: dict[str, SourceSetting]) -> dict[str, SourceSetting]:
        for name, source in value.items():
            if source.scheme(name) == "twilio" and not source.url:
                raise ValueError(f"{name}: needs url, as Twilio calls it, because Twilio signs it")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.clock == "live" and all(topic.cadence == "batch" for topic in self.topics.values()):
            raise ValueError("JOURNEY_TOPICS has only batch topics, so a live clock would never move; make one of them live")
        if self.dead_letter_topic in self.topics:
            raise ValueError("JOURNEY_DEAD_LETTER_TOPIC must not be one of JOURNEY_TOPICS")
        if self.disorder is not None and self.disorder > self.allowance:
            raise ValueError("JOURNEY_DISORDER must not be longer than JOURNEY_ALLOWANCE")
        if self.worker_port and self.worker_port == self.exporter_port:
            raise ValueError("JOURNEY_EXPORTER_PORT must not be JOURNEY_WORKER_PORT")
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for server in ("kafka", "redis"):
            if (getattr(self, f"{server}_cert_file") is None) != (getattr(self, f"{server}_key_file") is None):
                names = f"JOURNEY_{server.upper()}_CERT_FILE and JOURNEY_{server.upper()}_KEY_FILE"
                raise ValueError(f"{names} must be set together")
        password = bool(self.kafka_password.get_secret_value())
        if self.kafka_security.startswith("sasl") and not (self.kafka_user and (password or self.kafka_password_file)):
            raise ValueError(
                f"JOURNEY_KAFKA_SECURITY={self.kafka_security} needs JOURNEY_KAFKA_USER, and JOURNEY_KAFKA_PASSWORD or _PASSWORD_FILE"
            )
        if password and self.kafka_password_file:
            raise ValueError("Of JOURNEY_KAFKA_PASSWORD and JOURNEY_KAFKA_PASSWORD_FILE only one may be set")
        if (self.kafka_user or password or self.kafka_password_file) and not self.kafka_security.startswith("sasl"):
            raise ValueError("JOURNEY_KAFKA_USER and its password need JOURNEY_KAFKA_SECURITY=sasl_ssl")
        kafka_files = self.kafka_ca_file or self.kafka_cert_file or self.kafka_key_file
        if kafka_files and "ssl" not in self.kafka_security:
            raise ValueError("JOURNEY_KAFKA_CA_FILE, _CERT_FILE and _KEY_FILE need JOURNEY_KAFKA_SECURITY=ssl or sasl_ssl")
        url = self.redis.get_secret_value()
        if (self.redis_ca_file or self.redis_cert_file or self.redis_key_file) and not url.startswith("rediss://"):
            raise ValueError("JOURNEY_REDIS_CA_FILE, _CERT_FILE and _KEY_FILE need a JOURNEY_REDIS that begins with rediss://")
        if self.redis_password_file and urlsplit(url).password:
            raise ValueError("Of JOURNEY_REDIS_PASSWORD_FILE and a password in JOURNEY_REDIS only one may be set")
        return self

    @model_validator(mode="after")
    def _registry(self) -> Self:
        secret = bool(self.registry_password.get_secret_value())
        if secret and self.registry_password_file:
            raise ValueError("Of JOURNEY_REGISTRY_PASSWORD and JOURNEY_REGISTRY_PASSWORD_FILE only one may be set")
        if bool(self.registry_user) != bool(secret or self.registry_password_file):
            raise ValueError("JOURNEY_REGISTRY_USER and its password must be set together")
        if (self.registry_user or self.registry_ca_file) and not self.registry:
            raise ValueError("JOURNEY_REGISTRY_USER and JOURNEY_REGISTRY_CA_FILE need JOURNEY_REGISTRY")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_file())

    @property
    def consumer_group(self) -> str:
        """The Kafka consumer group of this namespace's workers."""
        return self.group or f"journey-{self.namespace}"

    @property
    def topic_policies(self) -> tuple[TopicPolicy, ...]:
        """How each topic is read, in the order of the settings."""
        return tuple(TopicPolicy(name, topic.format, topic.cadence) for name, topic in self.topics.items())

    def policy(self) -> Policy:
        """The definitions of the namespace."""
        markets = {"market": frozenset(self.markets)} if self.markets else {}
        disorder = self.disorder
        if disorder is None:
            disorder = 2 * MINUTE if self.clock == "live" else 0
        identifiers = {**IDENTIFIER_LIMITS, **self.limits.get("identifiers", {})}
        return Policy(
            clock=self.clock,
            timezone=self.timezone,
            markets=self.markets,
            phone_region=self.phone_region,
            tasks=tuple(TaskPolicy(name, task.limit, task.start, task.success) for name, task in sorted(self.tasks.items())),
            other_task_limit_ms=self.other_task_limit,
            visit_gap_ms=self.visit_gap,
            visit_limit_ms=self.visit_limit,
            join_ms=self.join,
            silence_ms=self.silence,
            disorder_ms=disorder,
            allowance_ms=self.allowance,
            future_ms=self.future,
            skew_ms=self.skew,
            dimensions={**DEFAULT_DIMENSIONS, **markets, **self.dimensions},
            limits=Limits(**{**self.limits, "identifiers": identifiers}),
        )


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process: `overrides` win over the environment, which wins over the file.

    Raises SettingsError with one sentence that names every setting at fault.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OUTSIDE.keys()
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise SettingsError("; ".join(f"{name} is no setting{_closest(name.upper(), known)}" for name in unknown))
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(dict(part)) for part in error.errors())) from None


def _sentence(error: Mapping[str, Any]) -> str:
    """What is wrong, without the value: it may be a secret."""
    path = [str(part) for part in error["loc"]]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not path:
        return message
    if error["type"] == "extra_forbidden" and len(path) == 1:
        return f"{path[0]!r} in the file that JOURNEY_CONFIG names is no setting{_closest(path[0], Settings.model_fields)}"
    name = ".".join([PREFIX + path[0].upper(), *path[1:]])
    return f"{name}: {message[:1].lower()}{message[1:]}"


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _file() -> dict[str, Any]:
    path = os.environ.get("JOURNEY_CONFIG", "")
    if not path:
        return {}
    try:
        content = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"JOURNEY_CONFIG: {path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"JOURNEY_CONFIG: {path} is no YAML ({str(error).splitlines()[0]})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"JOURNEY_CONFIG: {path} must be a mapping of settings")
    return {str(name): value for name, value in content.items()}
