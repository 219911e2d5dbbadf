"""The format `wootric`: Wootric's webhooks, as JSON or as a form. `wootric:FILE` says other scales, see `surveys`."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, text
from schemas.formats.surveys import Survey, answer, score_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_THINGS = ("response", "decline", "end_user")


def _inside(payload: Document, name: str) -> Document:
    """The object of that name; in a form its fields are called name[field]."""
    value = payload.get(name)
    if isinstance(value, dict):
        return value
    start = f"{name}["
    return {key[len(start) : -1]: item for key, item in payload.items() if key.startswith(start) and key.endswith("]")}


def _event(payload: Document) -> object:
    thing = next((thing for thing in _THINGS if _inside(payload, thing)), "")
    return f"{thing} {text(payload.get('event_name'))}".strip() or None


def _answered(survey: Survey, payload: Document, _headers: Headers) -> Touches:
    response = _inside(payload, "response")
    question, score = survey.question(text(payload.get("survey_mode"))), score_of(response.get("score"))
    if question is None or score is None or response.get("excluded_from_calculations") in (True, "true"):
        return []
    number = text(response.get("id"))
    at = first(response, "updated_at", "created_at")
    identifiers = {
        "customer_id": first(response, "external_id"),
        "email": first(response, "email"),
        "response_id": f"wootric:{number}" if number else None,
    }
    data: dict[str, Any] = {"channel": "web", "survey_id": first(response, "survey_id"), **answer(question, score)}
    return [Touch("survey.answered", f"{number}:{text(at)}" if number else None, moment(at), identifiers, data)]


def _producer(survey: Survey) -> Producer:
    answered = partial(_answered, survey)
    return Producer(
        name="wootric",
        title="Wootric webhooks",
        documents=("https://docs.wootric.com/webhooks/",),
        feeds="the bodies of its webhooks in a topic as they are, JSON or URL encoded, put there by `journey collect` or what else receives them",
        event=by(_event),
        rows={
            "response created": Row("by its survey_mode: NPS, CSAT or CES", ("survey.answered",), answered),
            "response updated": Row("replaces the answer of the same response", ("survey.answered",), answered),
            "response deleted": Row("the record was removed"),
            "decline created": Row("nothing was answered"),
            "decline updated": Row("nothing was answered"),
            "end_user created": Row("that somebody may be asked is no touchpoint"),
            "end_user updated": Row("that somebody may be asked is no touchpoint"),
        },
        event_id="id and updated_at of the response",
        time="updated_at of the response, else created_at",
        identifiers={
            "customer_id": "external_id",
            "email": "email",
            "response_id": "id, as wootric:..",
        },
        notes=(
            "CSAT is read from 1 to 5 and CES from 1 to 7. For other scales the format is wootric:FILE.",
            "Its file then has `questions: {CSAT: {instrument: csat, scale_max: 10}}`.",
            "Responses that are excluded from calculations there are left out here.",
        ),
        survey=survey,
        configured=_producer,
    )


PRODUCER = _producer(Survey())
