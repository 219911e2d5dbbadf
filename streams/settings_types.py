"""The types of the settings' values: durations, time zones, topics and tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from streams.durations import parse_duration

Duration = Annotated[int, BeforeValidator(parse_duration)]
"""Milliseconds inside; written as `90d`, `1h30m`, `250ms` or seconds."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def parse_yaml(value: object) -> object:
    """What a text says as YAML; anything else as it is. Raises ValueError for a text that is no YAML."""
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"is no YAML in one line ({str(error).splitlines()[0]})") from error


Types = Annotated[frozenset[str], BeforeValidator(_listed)]


class TopicSetting(BaseModel):
    """How a topic is read; `touchpoints: segment` is short for `touchpoints: {format: segment}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: str = "cloudevents"
    cadence: Literal["live", "batch"] = "live"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"format": value} if isinstance(value, str) else value


SIGNATURES = ("bearer", "intercom", "mailgun", "segment", "sendgrid", "shopify", "stripe", "twilio", "zendesk")
"""How a source of webhooks shows that a request is its own."""


class SourceSetting(BaseModel):
    """A source of webhooks; `shopify: FILE` is short for `shopify: {secret_file: FILE}`.

    topic: named like the source if not set. signature: that of the producer it is named after, else a bearer token.
    secret_file: of SendGrid it holds the verification key. url: as the producer calls it; Twilio signs it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    secret_file: Path
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,200}$")] = ""
    signature: Literal["", SIGNATURES] = ""  # type: ignore[valid-type]
    url: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"secret_file": value} if isinstance(value, str) else value

    def scheme(self, name: str) -> str:
        """Its signature, where the source has this name."""
        return self.signature or (name if name in SIGNATURES else "bearer")


class TaskSetting(BaseModel):
    """A task: the touchpoint types that start and complete it (none: explicit task.* touchpoints), and its time limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    limit: Duration
    start: Types = frozenset()
    success: Types = frozenset()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.start) != bool(self.success):
            raise ValueError("needs both start and success, or neither")
        if self.start & self.success:
            raise ValueError(f"has {min(self.start & self.success)} both as start and as success")
        if self.limit == 0:
            raise ValueError("needs a limit above zero")
        return self


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write it like Europe/Berlin") from error
    return name


Zone = Annotated[str, BeforeValidator(lambda value: _zone(str(value)))]
Port = Annotated[int, Field(ge=0, le=65_535)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$")]
