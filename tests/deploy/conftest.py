"""What the Dockerfile makes, once for all tests of it. With CI=true a missing tool fails, elsewhere it skips."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.deploy.image import build

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def needs(*tools: str) -> None:
    """Skips where one is not on PATH, and fails in CI."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing and IN_CI:
        pytest.fail(f"needs {', '.join(missing)} on PATH")
    if missing:
        pytest.skip(f"needs {', '.join(missing)} on PATH")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the image has at /opt/journey."""
    needs("make", "cc")
    return build(tmp_path_factory.mktemp("image"))
