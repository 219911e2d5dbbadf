"""Survey answers: scales, top boxes, promoters, and which answer counts."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.model import Touchpoint, Value
from tests.core.steps import tables, tell
from tests.oracle.build import moment, totals, touch

LONG_AFTER = moment(days=9)


def answer(at: int = 0, references: str = "response_id:1", **fields: Value) -> Touchpoint:
    return touch("survey.answered", moment(days=at), "", references, fields=fields)


def found(*steps: Touchpoint) -> dict[str, int]:
    return totals(tables(*steps, LONG_AFTER), "csat", "nps")


@pytest.mark.parametrize(
    ("low", "high", "least_satisfied"),
    [(1, 5, 4), (0, 4, 3), (1, 7, 6), (1, 10, 9), (1, 3, 3), (1, 2, 2), (0, 1, 1)],
)
def test_the_top_boxes_of_csat(low: int, high: int, least_satisfied: int) -> None:
    for score in range(low - 1, high + 2):
        cells = found(answer(instrument="csat", score=score, scale_min=low, scale_max=high))
        assert cells.get("csat", 0) == (low <= score <= high)
        assert cells.get("csat_top", 0) == (least_satisfied <= score <= high)


@pytest.mark.parametrize(("low", "high"), [(1, 4), (1, 6), (0, 10), (1, 100), (5, 1), (3, 3)])
def test_other_scales_are_no_csat(low: int, high: int) -> None:
    assert found(answer(instrument="csat", score=low, scale_min=low, scale_max=high)) == {}


@pytest.mark.parametrize(
    ("score", "kind"), [(0, "detractors"), (6, "detractors"), (7, ""), (8, ""), (9, "promoters"), (10, "promoters")]
)
def test_promoters_and_detractors(score: int, kind: str) -> None:
    assert found(answer(instrument="nps", score=score)) == {"nps": 1, **({f"nps_{kind}": 1} if kind else {})}


@pytest.mark.parametrize(
    "fields",
    [
        {"score": 11},
        {"score": -1},
        {"score": 9, "scale_min": 1, "scale_max": 10},
        {"score": 5, "scale_min": 1, "scale_max": 5},
        {},
    ],
)
def test_nps_is_asked_on_0_to_10_only(fields: dict[str, Value]) -> None:
    said = touch("survey.answered", moment(), "", "response_id:1", fields={"instrument": "nps", **fields})
    assert found(said) == {}


def test_a_question_from_0_to_10_is_not_nps_unless_its_producer_says_so() -> None:
    assert found(answer(instrument="ces2", score=10, scale_min=0, scale_max=10)) == {}


def test_a_later_answer_to_the_same_invitation_replaces_the_earlier_one() -> None:
    first = answer(0, "invitation_id:1 response_id:1", instrument="nps", score=2)
    second = answer(1, "invitation_id:1 response_id:2", instrument="nps", score=10)
    other = answer(2, "invitation_id:2", instrument="nps", score=7)
    for arrived in permutations([first, second, other]):
        assert found(*arrived) == {"nps": 2, "nps_promoters": 1}


def test_an_answer_with_one_instrument_leaves_that_with_another_alone() -> None:
    steps = [answer(0, instrument="nps", score=2), answer(1, instrument="csat", score=5), answer(2, instrument="nps", score=9)]
    for arrived in permutations(steps):
        assert found(*arrived) == {"nps": 1, "nps_promoters": 1, "csat": 1, "csat_top": 1}


def test_an_answer_out_of_its_scale_replaces_too() -> None:
    """The last answer counts, and it says nothing."""
    steps = [answer(0, instrument="nps", score=2), answer(1, instrument="nps", score=77)]
    for arrived in permutations(steps):
        assert found(*arrived) == {}


def test_answers_without_any_reference_are_each_their_own() -> None:
    steps = [
        touch("survey.answered", moment(days=day), "customer_id:1", fields={"instrument": "nps", "score": 9}) for day in (0, 1)
    ]
    assert found(*steps, *steps) == {"nps": 2, "nps_promoters": 2}


@pytest.mark.parametrize(("score", "easy"), [(1, 0), (4, 0), (5, 1), (7, 1)])
def test_effort_is_easy_from_five_of_seven(score: int, easy: int) -> None:
    cells = totals(tables(answer(instrument="ces2", score=score), LONG_AFTER), "ces")
    assert (cells["ces"], cells["ces_sum"], cells.get("ces_easy", 0)) == (1, score, easy)


@pytest.mark.parametrize(
    "fields", [{"score": 8}, {"score": 5, "scale_min": 1, "scale_max": 5}, {"instrument": "ces1", "score": 5}]
)
def test_other_efforts_are_none(fields: dict[str, Value]) -> None:
    said = touch("survey.answered", moment(), "", "response_id:1", fields={"instrument": "ces2", **fields})
    assert totals(tables(said, LONG_AFTER), "ces") == {}


@pytest.mark.parametrize(
    ("answers", "points"),
    [
        ("5,1,5,1,5,1,5,1,5,1", 40),
        ("1,5,1,5,1,5,1,5,1,5", 0),
        ("3,3,3,3,3,3,3,3,3,3", 20),
        ("4,2,4,2,4,2,4,2,4,2", 30),
        ("5,1,5,1,5,1,5,1,5", None),
        ("5,1,5,1,5,1,5,1,5,6", None),
        ("", None),
    ],
)
def test_the_usability_scale_is_of_ten_answers(answers: str, points: int | None) -> None:
    cells = totals(tables(answer(instrument="sus", answers=answers), LONG_AFTER), "sus")
    assert cells == ({} if points is None else {"sus": 1, **({"sus_points": points} if points else {})})


@pytest.mark.parametrize(("off", "answered"), [(0, 1), (1, 0)])
def test_an_invitation_is_answered_within_two_weeks_or_not(off: int, answered: int) -> None:
    end = moment(days=14)
    sent = touch("survey.sent", moment(), "", "invitation_id:1", channel="email")
    said = touch("survey.answered", end + off, "", "invitation_id:1 response_id:1", fields={"instrument": "nps", "score": 9})
    for steps in ([sent, said], [said, sent], [sent, moment(days=30), said]):
        cells = totals(tables(*steps, moment(days=40)), "invitations")
        assert cells == {"invitations": 1, **({"invitations_answered": 1} if answered else {})}
    assert totals(tables(sent, end - 1), "invitations") == {}
    assert totals(tables(sent, end), "invitations") == {"invitations": 1}


def test_the_ratings_of_reviews_add_up() -> None:
    one, two, none = (
        touch("review.posted", moment(days=day), "customer_id:me", channel="social", fields=fields)
        for day, fields in enumerate(({"rating": 5}, {"rating": 2}, {}))
    )
    cells = totals(tables(one, two, none, one, LONG_AFTER), "review")
    assert cells == {"reviews": 2, "review_points": 7}


def test_two_payloads_of_one_event_count_once_also_where_one_is_a_case_of_its_own() -> None:
    """An answer without references is a case under its event's id; the other payload under that id has to find it."""
    sent = touch("survey.sent", moment(), "customer_id:me", eid="one")
    answered = touch("survey.answered", moment(hours=1), "customer_id:me", eid="one", fields={"instrument": "csat", "score": 5})
    for arrived in permutations((sent, answered)):
        told = tell(*arrived, moment(days=30))
        assert told.outcomes["touchpoints|applied"] == told.outcomes["touchpoints|duplicate"] == 1
        assert totals(told.cells, "csat") == {}
