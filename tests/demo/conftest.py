"""The demo's own servers must be there; with CI=true a missing one fails, never skips."""

from __future__ import annotations

import os

import pytest

from streams.embedded import ServerError, valkey_binary
from streams.embedded.tansu import tansu_binary


@pytest.fixture(scope="session")
def servers() -> None:
    try:
        tansu_binary()
    except ServerError as error:
        _missing(str(error))
    if valkey_binary() is None:
        _missing("no Valkey or Redis")


def _missing(text: str) -> None:
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(text)
    pytest.skip(text)
