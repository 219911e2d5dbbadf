"""How to reach a schema registry: its address, user and certificates. Without JOURNEY_REGISTRY there is none."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from schemas.rejections import Refusal
from streams.access import read_secret, refuse_in_production, tls_context
from streams.reaching import Trouble
from streams.settings import Settings, SettingsError


class FrameReader(Protocol):
    """Reads values in a registry's frame (`streams.registry`, which needs what only those install who have one)."""

    async def prepare(self, values: Iterable[bytes | None]) -> None:
        """Learns every schema that these values name, so that they can be read. Raises RegistryError."""

    def unframe(self, value: bytes) -> bytes | Refusal:
        """The JSON text that a value with a frame stands for, or why it stands for none. Never raises."""

    async def check(self) -> Trouble | None:
        """Why the registry cannot be asked; None where it can."""

    async def close(self) -> None:
        """Releases connections."""


class RegistryError(Exception):
    """The registry does not say what a schema is: it is away, refuses us, or is none. `trouble` is why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble


class RegistryAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Its repr shows no password."""

    url: str
    user: str = ""
    password: str = ""
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"RegistryAccess({self.url})"

    @classmethod
    def of(cls, settings: Settings) -> RegistryAccess | None:
        """As the settings say, None where they name no registry. SettingsError for what production refuses."""
        if not settings.registry:
            return None
        if settings.registry.startswith("http://"):
            refuse_in_production(settings.env, "JOURNEY_REGISTRY=http://.. is not encrypted", "write https://")
        secret = settings.registry_password.get_secret_value()
        return cls(
            url=settings.registry.rstrip("/"),
            user=settings.registry_user,
            password=secret or read_secret(settings.registry_password_file, "JOURNEY_REGISTRY_PASSWORD_FILE"),
            ca_file=settings.registry_ca_file,
        )

    def tls(self) -> ssl.SSLContext | None:
        """What verifies its certificate. SettingsError where the file holds none to trust."""
        return tls_context("JOURNEY_REGISTRY", self.ca_file, None, None) if self.url.startswith("https://") else None


def open_registry(settings: Settings) -> FrameReader | None:
    """The registry that the settings name, if any; asked on first use. SettingsError also where its libraries are missing."""
    access = RegistryAccess.of(settings)
    if access is None:
        return None
    try:
        from streams.registry.client import Registry  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise SettingsError(f"JOURNEY_REGISTRY needs {error.name}; install customer-journey-pipeline[registry]") from None
    return Registry(access)
