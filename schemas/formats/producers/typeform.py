"""The format `typeform`: Typeform's webhooks. `typeform:FILE` says what the questions measure, see `surveys`."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, items, part, text
from schemas.formats.surveys import Question, Survey, answer, score_of
from schemas.formats.times import moment
from schemas.identifiers import KINDS, Document

_NPS = Question(instrument="nps")


def _identifiers(survey: Survey, response: Document) -> dict[str, Any]:
    """What the form was opened with, under a kind's own name or one of the file's, and what people gave as their address."""
    hidden = part(response, "hidden")
    found = {survey.identifiers.get(name, name): value for name, value in hidden.items()}
    identifiers = {kind: value for kind, value in found.items() if kind in KINDS}
    for one in items(response, "answers"):
        if one.get("type") == "email":
            identifiers.setdefault("email", one.get("email"))
        elif one.get("type") == "phone_number":
            identifiers.setdefault("phone", one.get("phone_number"))
    token = text(response.get("token"))
    return {**identifiers, "response_id": f"typeform:{token}" if token else None}


def _question(survey: Survey, field: Document) -> Question | None:
    """By the question's reference, else its id; Typeform's own NPS questions need no file."""
    found = survey.question(text(field.get("ref")), text(field.get("id")))
    return found or (_NPS if field.get("type") == "nps" else None)


def _answers(survey: Survey, payload: Document, _headers: Headers) -> list[Touch]:
    response = part(payload, "form_response")
    token, at = text(response.get("token")), moment(response.get("submitted_at"))
    identifiers = _identifiers(survey, response)
    touches = []
    for one in items(response, "answers"):
        field, score = part(one, "field"), score_of(one.get("number"))
        question = _question(survey, field)
        if question is None or score is None:
            continue
        data = {"channel": "web", "survey_id": first(response, "form_id"), **answer(question, score)}
        name = text(field.get("id")) or text(field.get("ref"))
        touches.append(Touch("survey.answered", f"{token}:{name}" if token else None, at, identifiers, data))
    return touches


def _producer(survey: Survey) -> Producer:
    return Producer(
        name="typeform",
        title="Typeform webhooks",
        documents=("https://www.typeform.com/developers/webhooks/example-payload/",),
        feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
        event=by(lambda payload: payload.get("event_type")),
        rows={
            "form_response": Row(
                "one per answer to a question that measures something", ("survey.answered",), partial(_answers, survey)
            ),
            "form_response_partial": Row("the whole response has all of it"),
        },
        event_id="token of the response and id of the question",
        time="submitted_at",
        identifiers={
            **dict.fromkeys(("customer_id", "anonymous_id", "crm_id", "account_id"), "hidden field of that name"),
            "email": "hidden field of that name, else the answer of type email",
            "phone": "hidden field of that name, else the answer of type phone_number",
            "order_id": "hidden field of that name",
            "contact_id": "hidden field of that name",
            "invitation_id": "hidden field of that name",
            "response_id": "token, as typeform:..",
        },
        notes=(
            "Questions of Typeform's type NPS count by themselves, and those whose reference is nps, csat, ces, ces1, ces2 or sus.",
            "What others measure says a file: the format is then typeform:FILE.",
            "In the file, `questions: {REF: {instrument: csat, scale_max: 10}}` names a question by its reference or id, and",
            "`identifiers: {user: customer_id}` the hidden fields that have other names.",
        ),
        survey=survey,
        configured=_producer,
    )


PRODUCER = _producer(Survey())
