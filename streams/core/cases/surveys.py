"""Survey answers: CSAT by top boxes, NPS by promoters and detractors (Reichheld 2003), CES by mean and by who had it easy
(Gartner's CES 2.0), SUS by its ten answers (Brooke 1996).

A later answer with the same instrument to the same response or invitation replaces the earlier one. Only the declared instrument counts on its
own scale: a 0-10 question is not NPS unless the producer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.core.cells import Notebook, Where, where_of
from streams.core.fields import PLACE
from streams.core.journey import CODES, Fact
from streams.core.policy import DAY

_SENT, _ANSWERED = CODES["survey.sent"], CODES["survey.answered"]
ANSWERED_MS = 14 * DAY
"""Within this an invitation is answered, or it is not."""
EASY = 5
"""From this on, of 7, it was easy."""
DETRACTOR = 6
"""Up to this, of 10, somebody is a detractor."""
_SUS_QUESTIONS = 10
_TOP_BOXES = {2: 1, 3: 1, 5: 2, 7: 2, 10: 2}
"""Points of the scale -> how many of the top ones are satisfied."""


def book_survey(facts: Sequence[Fact], as_of: int, book: Notebook) -> None:
    """C of one invitation or response, facts sorted by (at, eid): the last answer with each instrument counts."""
    sent = next((fact for fact in facts if fact.code == _SENT), None)
    if sent is not None and sent.at + ANSWERED_MS <= as_of:
        _book_invitation(sent, facts, book)
    last = {fact.fields.get("instrument"): fact for fact in facts if fact.code == _ANSWERED}
    for instrument, answer in last.items():
        score = answer.fields.get("score")
        if isinstance(score, int):
            where = where_of(answer.dimensions, PLACE)
            if instrument == "csat":
                _book_csat(answer, score, where, book)
            elif instrument == "nps":
                _book_nps(answer, score, where, book)
            elif instrument == "ces2":
                _book_ces(answer, score, where, book)
        if instrument == "sus":
            _book_sus(answer, book)


def _book_invitation(sent: Fact, facts: Sequence[Fact], book: Notebook) -> None:
    """Two weeks after it was sent."""
    end, where = sent.at + ANSWERED_MS, where_of(sent.dimensions, PLACE)
    book.count("invitations", end, where)
    if any(fact.code == _ANSWERED and fact.at <= end for fact in facts):
        book.count("invitations_answered", end, where)


def deadlines(facts: Sequence[Fact]) -> Iterator[int]:
    """When invitations should have been answered."""
    return (fact.at + ANSWERED_MS for fact in facts if fact.code == _SENT)


def book_reviews(facts: Sequence[Fact], book: Notebook) -> None:
    """C of a person's reviews, each when it was posted; one without a rating says nothing here."""
    for fact in facts:
        rating = fact.fields.get("rating")
        if isinstance(rating, int):
            where = where_of(fact.dimensions, PLACE)
            book.count("reviews", fact.at, where)
            if rating:
                book.count("review_points", fact.at, where, rating)


def _book_csat(answer: Fact, score: int, where: Where, book: Notebook) -> None:
    low, high = _scale(answer, 1, 5)
    boxes = _TOP_BOXES.get(high - low + 1)
    if boxes is not None and low <= score <= high:
        book.count("csat", answer.at, where)
        if score > high - boxes:
            book.count("csat_top", answer.at, where)


def _book_nps(answer: Fact, score: int, where: Where, book: Notebook) -> None:
    if _scale(answer, 0, 10) == (0, 10) and 0 <= score <= 10:
        book.count("nps", answer.at, where)
        if score >= 9:
            book.count("nps_promoters", answer.at, where)
        elif score <= DETRACTOR:
            book.count("nps_detractors", answer.at, where)


def _book_ces(answer: Fact, score: int, where: Where, book: Notebook) -> None:
    if _scale(answer, 1, 7) == (1, 7) and 1 <= score <= 7:
        book.count("ces", answer.at, where)
        book.count("ces_sum", answer.at, where, score)
        if score >= EASY:
            book.count("ces_easy", answer.at, where)


def _book_sus(answer: Fact, book: Notebook) -> None:
    """The points of odd questions are answer - 1, of even ones 5 - answer; all ten must be answered, from 1 to 5."""
    said = str(answer.fields.get("answers", "")).split(",")
    if len(said) != _SUS_QUESTIONS or not all(one in ("1", "2", "3", "4", "5") for one in said):
        return
    points = sum(int(one) - 1 if number % 2 == 0 else 5 - int(one) for number, one in enumerate(said))
    where = where_of(answer.dimensions, PLACE)
    book.count("sus", answer.at, where)
    if points:
        book.count("sus_points", answer.at, where, points)


def is_low(answer: Fact) -> bool:
    """Whether an answer says that somebody was not served well: a detractor, none of the top boxes, or not easy."""
    instrument, score = answer.fields.get("instrument"), answer.fields.get("score")
    if answer.code != _ANSWERED or not isinstance(score, int):
        return False
    if instrument == "nps":
        return _scale(answer, 0, 10) == (0, 10) and 0 <= score <= DETRACTOR
    if instrument == "ces2":
        return _scale(answer, 1, 7) == (1, 7) and 1 <= score < EASY
    low, high = _scale(answer, 1, 5)
    boxes = _TOP_BOXES.get(high - low + 1)
    return instrument == "csat" and boxes is not None and low <= score <= high - boxes


def _scale(answer: Fact, low: int, high: int) -> tuple[int, int]:
    least, most = answer.fields.get("scale_min", low), answer.fields.get("scale_max", high)
    return (least, most) if isinstance(least, int) and isinstance(most, int) else (low, high)
