"""What the questions of a survey measure, for producers whose payloads do not say it: the file of a format `NAME:FILE`.

questions:
how_likely: {instrument: nps}
how_easy: {instrument: ces2, scale_min: 1, scale_max: 7}
identifiers: {user: customer_id}       # what the producer lets you pass through -> kind of identifier
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.formats.described import Strict, read_described
from schemas.identifiers import KINDS
from schemas.touchpoints.survey import DEFAULT_SCALES, Instrument, scale_of


def _is_kind(value: str) -> str:
    if value not in KINDS:
        raise ValueError(f"{value!r} is no kind of identifier; they are {', '.join(KINDS)}")
    return value


class Question(Strict):
    """What a question measures, and its scale where that is not the instrument's usual one."""

    instrument: Instrument
    scale_min: int | None = None
    scale_max: int | None = None

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        low, high = scale_of(self.instrument, self.scale_min, self.scale_max)
        if low >= high:
            raise ValueError("scale_min should be less than scale_max")
        return self


class Survey(Strict):
    """questions: by the name that the producer gives them. identifiers: name of what is passed through -> kind."""

    questions: dict[str, Question] = Field(default_factory=dict)
    identifiers: dict[str, Annotated[str, AfterValidator(_is_kind)]] = Field(default_factory=dict)

    def question(self, *names: str) -> Question | None:
        """What the question of one of these names measures: as the file says, else the instrument that it is named after."""
        found = next((self.questions[name] for name in names if name in self.questions), None)
        return found or next((_NAMED[name.lower()] for name in names if name.lower() in _NAMED), None)


_NAMED = {name: Question(instrument=name) for name in DEFAULT_SCALES} | {"ces": Question(instrument="ces2")}
"""Customer effort without a version is the second one, on a scale of 1 to 7."""
_LONGEST = 6


def score_of(value: object) -> int | None:
    """A whole number, as number or as text; None for anything else."""
    if isinstance(value, str) and len(value) <= _LONGEST and value.strip().lstrip("-").isdecimal() and value.isascii():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def answer(question: Question, score: int) -> dict[str, object]:
    """The fields of an answer to a question."""
    return {
        "instrument": question.instrument,
        "score": score,
        "scale_min": question.scale_min,
        "scale_max": question.scale_max,
    }


def load_survey(file: str) -> Survey:
    """The survey file. Raises FormatError where it cannot be read or says something else."""
    return read_described(Path(file), f"survey file {file!r}", Survey)
