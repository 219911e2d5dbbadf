"""How to reach Kafka: one value for the three clients (kafka-python for commands, aiokafka under Faust for the worker)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Literal

import msgspec

from streams.access import read_secret, refuse_in_production, tls_context
from streams.settings import Settings


class KafkaAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Bootstrap servers (`host:port`, comma-separated) and what they ask for. Its repr shows no password."""

    bootstrap: str
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    mechanism: str = "PLAIN"
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"KafkaAccess({self.bootstrap}, {self.security})"

    @classmethod
    def of(cls, settings: Settings) -> KafkaAccess:
        """As the settings say. SettingsError for what production refuses, and for a file that cannot be read."""
        if "ssl" not in settings.kafka_security:
            what = f"JOURNEY_KAFKA_SECURITY={settings.kafka_security} is not encrypted"
            refuse_in_production(settings.env, what, "write ssl or sasl_ssl")
        password = settings.kafka_password.get_secret_value()
        return cls(
            bootstrap=settings.kafka,
            security=settings.kafka_security,
            ca_file=settings.kafka_ca_file,
            cert_file=settings.kafka_cert_file,
            key_file=settings.kafka_key_file,
            mechanism=settings.kafka_sasl,
            user=settings.kafka_user,
            password=password or read_secret(settings.kafka_password_file, "JOURNEY_KAFKA_PASSWORD_FILE"),
        )

    @property
    def servers(self) -> list[str]:
        """Each `host:port`."""
        return self.bootstrap.split(",")

    def ssl_context(self) -> ssl.SSLContext | None:
        """For TLS, else None. SettingsError where a file is missing or no certificate."""
        if "ssl" not in self.security:
            return None
        return tls_context("JOURNEY_KAFKA", self.ca_file, self.cert_file, self.key_file)

    def client_options(self) -> dict[str, Any]:
        """Arguments of kafka-python's and aiokafka's clients; both know these names."""
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.security.upper()}
        context = self.ssl_context()
        if context is not None:
            options["ssl_context"] = context
        if self.security.startswith("sasl"):
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return options
