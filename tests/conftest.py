"""Settings of all tests: hypothesis profiles, and an environment without anybody's own JOURNEY_* variables."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from streams.core import is_compiled

collect_ignore = [] if is_compiled() else ["native"]  # `make test-native` is for that

# Deterministic where a failure must mean a change of the code: CI, and everybody who asks for it. Elsewhere examples are new
# at each run, so that the laws go on being tried.
_QUIET = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("local", print_blob=True, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "local"))


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("JOURNEY_"):
            monkeypatch.delenv(name)
