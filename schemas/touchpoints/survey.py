"""Surveys: invitations and answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.envelope import Data, Event, Whole, fold_case
from schemas.identifiers import IdValue

DEFAULT_SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces2": (1, 7), "ces1": (1, 5), "sus": (1, 5)}
"""The scale of an instrument where scale_min and scale_max are not given."""

Point = Annotated[Whole, Field(ge=-1000, le=1000)]
Instrument = Annotated[Literal["nps", "csat", "ces2", "ces1", "sus"], BeforeValidator(fold_case)]


def scale_of(instrument: str, scale_min: int | None, scale_max: int | None) -> tuple[int, int]:
    """The least and the greatest answer; the instrument's usual one where nothing else is said."""
    low, high = DEFAULT_SCALES[instrument]
    return low if scale_min is None else scale_min, high if scale_max is None else scale_max


class About(BaseModel):
    """What a survey asks about, such as {kind: order_id, id: 17}."""

    model_config = ConfigDict(extra="ignore")

    kind: Annotated[str, Field(min_length=1, max_length=64)]
    id: Annotated[str, Field(min_length=1, max_length=1024, coerce_numbers_to_str=True)]


class SurveyData(Data):
    """Fields of the survey family."""

    instrument: Instrument | None = None
    survey_id: Annotated[IdValue, Field(description="the questionnaire")] = None
    invitation_id: IdValue = None
    response_id: IdValue = None
    about: About | None = None
    score: Annotated[Point | None, Field(description="a whole number on the scale")] = None
    answers: Annotated[list[Point] | None, Field(max_length=50, description="in the questionnaire's order")] = None
    scale_min: Point | None = None
    scale_max: Point | None = None


class AnswerData(SurveyData):
    """An answer names its instrument and has a score or answers, each on the scale."""

    instrument: Instrument

    @model_validator(mode="after")
    def _on_scale(self) -> Self:
        low, high = scale_of(self.instrument, self.scale_min, self.scale_max)
        if low >= high:
            raise PydanticCustomError("scale", "scale_min should be less than scale_max")
        if self.score is None and not self.answers:
            raise PydanticCustomError("missing_answer", "needs score or answers")
        # The score of a questionnaire (sus) is computed, so only its answers are on the scale.
        scores = [] if self.score is None or self.instrument == "sus" else [self.score]
        if any(not low <= point <= high for point in [*scores, *(self.answers or [])]):
            raise PydanticCustomError("scale", "score and answers should be on the scale")
        return self


class SurveySent(Event[SurveyData]):
    """An invitation was sent."""

    type: Literal["survey.sent"]


class SurveyAnswered(Event[AnswerData]):
    """A person answered; a later answer to the same response or invitation replaces it."""

    type: Literal["survey.answered"]
