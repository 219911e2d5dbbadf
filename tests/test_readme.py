"""The README's tables are what the code says: whoever changes a setting, a command or a metric sees it here."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli.readme import filled

README = Path(__file__).parents[1] / "README.md"


def test_tables_are_what_the_code_says() -> None:
    found = README.read_text("utf-8")
    assert found.splitlines() == filled(found).splitlines(), "README.md lags behind the code; `make readme` mends it"


def test_a_lost_marker_is_no_match() -> None:
    with pytest.raises(ValueError, match="markers of commands"):
        filled(README.read_text("utf-8").replace("<!-- /commands -->", ""))
