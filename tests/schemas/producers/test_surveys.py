"""What people answer, as the survey tools send it."""

from __future__ import annotations

import json
from typing import Any

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped, types

SATISMETER: dict[str, Any] = json.loads(examples("satismeter")[0])


def test_each_answer_that_measures_something_counts_for_its_instrument() -> None:
    found = mapped("satismeter", SATISMETER)
    assert [(one["data"]["instrument"], one["data"]["score"]) for one in found] == [("nps", 5), ("ces2", 4), ("csat", 4)]
    assert {one["data"]["identifiers"]["response_id"] for one in found} == {"satismeter:63767499ca6fb1b7c988d5bb"}


def test_a_user_without_an_id_is_not_the_user_no_response() -> None:
    """They write that where an id is missing; all of those people would become one."""
    for one in mapped("satismeter", SATISMETER):
        assert one["data"]["identifiers"] == {"email": "john@doe.com", "response_id": "satismeter:63767499ca6fb1b7c988d5bb"}


def test_what_was_not_answered_is_ignored() -> None:
    assert not types("satismeter", {**SATISMETER, "event": "dismissed"})
    assert not types("satismeter", {**SATISMETER, "event": "partial"})
    response = {**SATISMETER["response"], "answers": [{"metric": "nps", "value": None, "id": "q"}, {"value": 4, "id": "r"}]}
    assert not types("satismeter", {**SATISMETER, "response": response})
