"""What reaching Kafka and reaching Redis have in common: certificates, secrets from files, and no plaintext in production.

Everything wrong here is a setting's fault, so it is a `SettingsError` that names the setting.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from streams.settings import SettingsError

PRODUCTION = "production"


def refuse_in_production(env: str, what: str, instead: str) -> None:
    """SettingsError where JOURNEY_ENV says that this is the real thing. what: the setting, and what is wrong with it."""
    if env.lower() == PRODUCTION:
        raise SettingsError(f"{what}, which JOURNEY_ENV={PRODUCTION} refuses: {instead}")


def read_secret(path: Path | None, setting: str) -> str:
    """A secret that a file holds, without the line's end; empty without a file."""
    if path is None:
        return ""
    try:
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: {path} cannot be read ({_reason(error)})") from None
    if not secret:
        raise SettingsError(f"{setting}: {path} is empty")
    return secret


def tls_context(prefix: str, ca_file: Path | None, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    """Verifies the server's certificate and name. prefix: of the settings, such as JOURNEY_KAFKA."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise SettingsError(f"{prefix}_CA_FILE: {ca_file} holds no certificates to trust ({_reason(error)})") from None
    if cert_file is not None:
        try:
            context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
        except (OSError, _PassphraseError) as error:
            names = f"{prefix}_CERT_FILE and {prefix}_KEY_FILE"
            raise SettingsError(
                f"{names}: {cert_file} and {key_file} are no certificate and its key ({_reason(error)})"
            ) from None
    return context


class _PassphraseError(ValueError):
    """A key that nobody can unlock: OpenSSL would ask for its passphrase on the terminal."""


def _no_passphrase() -> str:
    raise _PassphraseError("the key has a passphrase; give one without")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM").lower().replace("_", " ")
    return (error.strerror or "no file") if isinstance(error, OSError) else str(error)
