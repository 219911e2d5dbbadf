"""Certificates for tests, made by openssl: an authority, servers and clients that it vouches for, and a stranger's authority."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

DAYS = "2"


def available() -> bool:
    """Whether this machine has openssl."""
    return shutil.which("openssl") is not None


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Authority:
    """An authority in a directory. file: its own certificate, which clients and servers trust."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._key = directory / f"{name}.key"
        self.file = directory / f"{name}.pem"
        subject = ("-subj", f"/CN={name}", "-days", DAYS)
        _openssl("req", "-x509", *_new_key(self._key), *subject, "-out", str(self.file))

    def issue(self, name: str, names: str = "") -> tuple[Path, Path]:
        """A certificate and its key. names: what a client may know a server by, such as `IP:127.0.0.1,DNS:localhost`."""
        key, certificate, request, extensions = (
            self._directory / f"{name}.{ending}" for ending in ("key", "pem", "csr", "extensions")
        )
        extensions.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        _openssl("req", *_new_key(key), "-subj", f"/CN={name}", "-out", str(request))
        signed_by = ("-CA", str(self.file), "-CAkey", str(self._key), "-CAcreateserial")
        _openssl(
            "x509", "-req", "-in", str(request), *signed_by, "-days", DAYS, "-extfile", str(extensions), "-out", str(certificate)
        )
        return certificate, key


def _new_key(path: Path) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path))
