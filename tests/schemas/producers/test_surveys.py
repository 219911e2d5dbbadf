"""What people answer, as the survey tools send it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.formats import FormatError, find_format, format_digest
from schemas.formats.pages import examples
from schemas.formats.surveys import score_of
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


TYPEFORM = examples("typeform")[0]
QUESTIONS = """
questions:
  how_easy: {instrument: ces2}
  M5tXK5kG7IeA: {instrument: csat, scale_max: 10}
identifiers: {user: customer_id}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "after-order.yaml"
    path.write_text(QUESTIONS, "utf-8")
    return path


def test_a_question_that_says_what_it_measures_needs_no_file() -> None:
    [answer] = mapped("typeform", json.loads(TYPEFORM))
    assert (answer["data"]["instrument"], answer["data"]["score"]) == ("nps", 9)
    assert answer["data"]["identifiers"] == {
        "email": "jane@example.com",
        "order_id": "1001",
        "response_id": "typeform:a3a12ec67a1365927098a606107fac01",
    }


def test_a_file_says_what_the_others_measure(file: Path) -> None:
    """By reference or by id."""
    found = find_format(f"typeform:{file}")(TYPEFORM, ())
    assert isinstance(found, list)
    assert [(one["data"]["instrument"], one["data"]["score"], one["data"].get("scale_max")) for one in found] == [
        ("nps", 9, None),
        ("ces2", 6, None),
        ("csat", 4, 10),
    ]
    assert {one["data"]["identifiers"]["customer_id"] for one in found} == {"17"}
    assert len({one["id"] for one in found}) == 3


def test_what_a_file_says_is_part_of_the_definitions(file: Path) -> None:
    before = format_digest(f"typeform:{file}")
    moved = file.rename(file.with_name("moved.yaml"))
    assert format_digest(f"typeform:{moved}") == before != format_digest("typeform")
    moved.write_text(QUESTIONS.replace("scale_max: 10", "scale_max: 7"), "utf-8")
    assert format_digest(f"typeform:{moved}") != before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("questions: {a: {instrument: enps}}", "questions.a.instrument"),
        ("questions: {a: {instrument: nps, scale_max: 0}}", "scale_min should be less"),
        ("identifiers: {a: name}", "no kind of identifier"),
        ("question: {}", "question: Extra inputs"),
        ("- 3", "the file"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_a_clear_error(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content, "utf-8")
    with pytest.raises(FormatError, match=says) as error:
        find_format(f"typeform:{path}")
    assert "survey file" in str(error.value)


def test_a_file_for_a_format_that_has_none_is_an_unknown_format(file: Path) -> None:
    with pytest.raises(FormatError, match="unknown format"):
        find_format(f"satismeter:{file}")


def told(name: str, line: bytes) -> list[dict[str, Any]]:
    """What a record gives, by a format's full name."""
    found = find_format(name)(line, ())
    assert isinstance(found, list), found
    return found


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "survey.yaml"
    path.write_text(content, "utf-8")
    return path


def test_refiner_questions_by_their_names(tmp_path: Path) -> None:
    line = examples("refiner")[1]
    [nps] = told("refiner", line)
    assert (nps["data"]["instrument"], nps["data"]["score"]) == ("nps", 9)
    assert nps["data"]["identifiers"] == {
        "customer_id": "user@17",
        "email": "test17@user.com",
        "account_id": "ACCOUNT-ID-ABC-1",
        "response_id": "refiner:eb117cb0-49cf-11ed-b050-03a44b32151d",
    }
    both = told(f"refiner:{written(tmp_path, 'questions: {how_easy: {instrument: ces2}}')}", line)
    assert [(one["data"]["instrument"], one["data"]["score"]) for one in both] == [("nps", 9), ("ces2", 6)]


def test_wootric_tells_what_it_measures_and_changes_its_mind() -> None:
    first, second = [one for line in examples("wootric")[:2] for one in told("wootric", line)]
    assert [(one["data"]["instrument"], one["data"]["score"]) for one in (first, second)] == [("nps", 7), ("nps", 8)]
    assert first["data"]["identifiers"] == second["data"]["identifiers"]
    assert first["id"] != second["id"]
    assert first["time"] < second["time"]


def test_wootric_as_a_form(tmp_path: Path) -> None:
    [answer] = told("wootric", examples("wootric")[2])
    assert (answer["data"]["instrument"], answer["data"]["score"]) == ("csat", 4)
    assert answer["data"]["identifiers"]["customer_id"] == "124abc"
    assert answer["time"].isoformat() == "2016-08-04T13:57:26-07:00"
    file = written(tmp_path, "questions: {CSAT: {instrument: csat, scale_max: 10}}")
    [answer] = told(f"wootric:{file}", examples("wootric")[2])
    assert answer["data"]["scale_max"] == 10


def test_wootric_leaves_out_what_is_excluded_there() -> None:
    response = json.loads(examples("wootric")[0])
    response["response"]["excluded_from_calculations"] = True
    assert not types("wootric", response)


def test_qualtrics_responses(tmp_path: Path) -> None:
    line = examples("qualtrics")[0]
    [nps] = told("qualtrics", line)
    assert (nps["data"]["instrument"], nps["data"]["score"], nps["data"]["channel"]) == ("nps", 9, "email")
    assert nps["data"]["survey_id"] == "SV_8kT2xYpQ7bZ1aLm"
    file = written(tmp_path, "questions: {QID3: {instrument: csat}}\nidentifiers: {order: order_id}")
    found = told(f"qualtrics:{file}", line)
    assert [(one["data"]["instrument"], one["data"]["score"]) for one in found] == [("nps", 9), ("csat", 4)]
    assert found[1]["data"]["identifiers"] == {
        "customer_id": "17",
        "email": "jane@example.com",
        "order_id": "1001",
        "response_id": "qualtrics:R_2WG8n0yW4JzF3xQ",
    }


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("9", 9),
        (9, 9),
        ("-1", -1),
        ("9.5", None),
        (9.5, None),
        (True, None),
        ("", None),
        ("nine", None),
        ("1" * 9, None),
        (None, None),
    ],
)
def test_scores_as_number_or_text(value: object, score: int | None) -> None:
    assert score_of(value) == score
