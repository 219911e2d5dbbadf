"""The settings as a list for people: the README's table, and `journey config show` with secrets masked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, get_type_hints
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from streams.durations import format_duration
from streams.settings import OUTSIDE, PREFIX, Settings
from streams.settings_types import Duration, SourceSetting, TaskSetting, TopicSetting

MASK = "***"


class SettingRow(NamedTuple):
    """One setting: its variable, its value or default as one would write it, where that comes from, what it means."""

    name: str
    value: str
    source: str
    meaning: str


def described(settings: Settings) -> list[SettingRow]:
    """Every setting with its value in `settings`; passwords are masked, also the one in a URL."""
    hints = get_type_hints(Settings, include_extras=True)
    durations = {name for name, hint in hints.items() if hint in (Duration, Duration | None)}
    rows = []
    for name, field in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        source = "default"
        if name in settings.model_fields_set:
            source = "environment" if os.environ.get(variable) else "file"
        value = getattr(settings, name)
        text = format_duration(value) if isinstance(value, int) and name in durations else _text(value)
        rows.append(SettingRow(variable, text, source, field.description or ""))
    return rows


def settings_table() -> str:
    """The README's table in Markdown: every setting, its default and its meaning."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {'`' + value + '`' if value else ''} | {meaning} |" for name, value, _, meaning in described(_defaults())
    ]
    lines += [f"| `{name}` |  | {meaning} |" for name, meaning in OUTSIDE.items()]
    return "\n".join(lines)


def _defaults() -> Settings:
    """The settings of an empty environment, whatever this process's is."""
    fields = Settings.model_fields
    return Settings.model_construct(
        _fields_set=set(), **{name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    )


def _text(value: object) -> str:
    """A value as one would write it in the environment."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_text(part)}" for name, part in value.items()) + "}" if value else ""
    if isinstance(value, TopicSetting):
        return value.format if value.cadence == "live" else f"{{format: {value.format}, cadence: {value.cadence}}}"
    if isinstance(value, TaskSetting):
        types = f"start: {_text(value.start)}, success: {_text(value.success)}, " if value.start else ""
        return f"{{{types}limit: {format_duration(value.limit)}}}"
    if isinstance(value, SourceSetting):
        return "{" + ", ".join(f"{name}: {_text(getattr(value, name))}" for name in sorted(value.model_fields_set)) + "}"
    if isinstance(value, frozenset):
        return "[" + ", ".join(sorted(value)) + "]"
    return str(value)


def _masked(secret: str) -> str:
    """A URL keeps everything but its password; any other secret shows only that there is one."""
    if "://" not in secret:
        return MASK if secret else ""
    url = urlsplit(secret)
    if url.password is None:
        return secret
    user, _, host = url.netloc.rpartition("@")
    return urlunsplit(url._replace(netloc=f"{user.partition(':')[0]}:{MASK}@{host}"))
