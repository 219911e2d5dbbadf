"""How to reach Redis: the URL, and what a URL should not or cannot say (a password from a file, certificates)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from redis.asyncio import Redis

from streams.access import read_secret, refuse_in_production, tls_context
from streams.settings import Settings
from streams.store.redis import RedisStore, connect

UNVERIFIED = {"ssl_cert_reqs": {"none", "optional"}, "ssl_check_hostname": {"false", "no", "0"}}
"""What a URL may say so that redis-py believes every server."""


class RedisAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Its repr shows no password. password: instead of the URL's; empty for the one in the URL, if any."""

    url: str
    password: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __repr__(self) -> str:
        return f"RedisAccess({self.place})"

    @classmethod
    def of(cls, settings: Settings) -> RedisAccess:
        """As the settings say. SettingsError for what production refuses, and for files that cannot be read."""
        url = settings.redis.get_secret_value()
        if url.startswith("redis://"):
            what = "JOURNEY_REDIS=redis://.. is not encrypted"
            refuse_in_production(settings.env, what, "write rediss:// (TLS) or unix://")
        query = parse_qs(urlsplit(url).query)
        for name, values in UNVERIFIED.items():
            if values & {value.lower() for value in query.get(name, ())}:
                refuse_in_production(settings.env, f"JOURNEY_REDIS with {name} believes any server", "leave that out")
        return cls(
            url=url,
            password=read_secret(settings.redis_password_file, "JOURNEY_REDIS_PASSWORD_FILE"),
            ca_file=settings.redis_ca_file,
            cert_file=settings.redis_cert_file,
            key_file=settings.redis_key_file,
        )

    @property
    def place(self) -> str:
        """Where the server is, for people: without user and password."""
        url = urlsplit(self.url)
        return url.path if url.scheme == "unix" else f"{url.hostname or 'localhost'}:{url.port or 6379}"

    @property
    def user(self) -> str:
        """Who we are there."""
        return urlsplit(self.url).username or "default"

    def options(self) -> dict[str, Any]:
        """Arguments of redis-py beside the URL. SettingsError where a file is missing or no certificate."""
        options: dict[str, Any] = {"password": self.password} if self.password else {}
        if self.url.startswith("rediss://"):
            tls_context("JOURNEY_REDIS", self.ca_file, self.cert_file, self.key_file)  # says what is wrong with the files
            files = {"ssl_ca_certs": self.ca_file, "ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
            options |= {name: str(path) for name, path in files.items() if path is not None}
        return options

    def client(self, *, timeout_seconds: float = 10.0) -> Redis:
        """A client without retries of its own (`streams.store.redis.connect`)."""
        return connect(self.url, timeout_seconds=timeout_seconds, **self.options())


def open_store(settings: Settings) -> RedisStore:
    """The namespace in Redis that the settings name; connected on first use."""
    return RedisStore(RedisAccess.of(settings).client(), settings.namespace)
