"""Prometheus must be there; with CI=true a missing one fails, never skips."""

from __future__ import annotations

import os

import pytest

from streams.drill.servers import program
from streams.embedded import ServerError


@pytest.fixture(scope="session")
def monitoring() -> None:
    try:
        for name in ("prometheus", "promtool"):
            program(name)
    except ServerError as error:
        if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
            pytest.fail(str(error))
        pytest.skip(str(error))
