"""The format `qualtrics`: survey responses as Qualtrics' API has them. `qualtrics:FILE` says what the questions measure, see `surveys`."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, first, part, text
from schemas.formats.surveys import Question, Survey, answer, score_of
from schemas.formats.times import moment
from schemas.identifiers import Document

_NPS = Question(instrument="nps")
_CHANNELS = {"email": "email", "sms": "sms"}
_DONE = (1, True, "1", "true", "True")


def _response(payload: Document) -> Document:
    """The response alone, or as the answer to a request."""
    return part(payload, "result") or payload


def _event(payload: Document, _headers: Headers) -> object:
    response = _response(payload)
    if not part(response, "values"):
        return "notification" if first(payload, "Topic", "ResponseID") is not None else None
    return "finished response" if response["values"].get("finished") in _DONE else "unfinished response"


def _answers(survey: Survey, payload: Document, _headers: Headers) -> Touches:
    response = _response(payload)
    values = part(response, "values")
    number = text(first(response, "responseId") or values.get("_recordId"))
    known = {survey.identifiers[name]: value for name, value in values.items() if name in survey.identifiers}
    identifiers = {
        "customer_id": first(values, "externalDataReference"),
        "email": first(values, "recipientEmail"),
        **known,
        "response_id": f"qualtrics:{number}" if number else None,
    }
    shared = {
        "channel": _CHANNELS.get(text(values.get("distributionChannel")).lower(), "web"),
        "survey_id": first(response, "surveyId"),
    }
    at = moment(first(values, "endDate", "recordedDate"))
    touches = []
    for name, value in values.items():
        question = survey.question(name) or (_NPS if f"{name}_NPS_GROUP" in values else None)
        score = score_of(value)
        if question is not None and score is not None:
            touch_id = f"{number}:{name}" if number else None
            touches.append(Touch("survey.answered", touch_id, at, identifiers, {**shared, **answer(question, score)}))
    return touches


def _producer(survey: Survey) -> Producer:
    return Producer(
        name="qualtrics",
        title="Qualtrics survey responses",
        documents=(
            "https://api.qualtrics.com/1179a68b7183c-retrieve-a-survey-response",
            "https://www.qualtrics.com/support/survey-platform/actions-module/web-service-task/",
        ),
        feeds="responses as its API answers for one, put into a topic by what its workflow or event subscription calls",
        event=_event,
        rows={
            "finished response": Row("one per question that measures something", ("survey.answered",), partial(_answers, survey)),
            "unfinished response": Row("it comes again when it is finished"),
            "notification": Row("of an event subscription, which has no answers: fetch the response"),
        },
        event_id="responseId and the question's name",
        time="endDate, else recordedDate",
        identifiers={
            "customer_id": "externalDataReference, or what the file names",
            "email": "recipientEmail, or what the file names",
            **dict.fromkeys(("phone", "crm_id", "account_id", "order_id", "contact_id", "invitation_id"), "what the file names"),
            "response_id": "responseId, as qualtrics:..",
        },
        notes=(
            "NPS questions count by themselves: their group stands beside them.",
            "What others measure says a file: the format is then qualtrics:FILE, with `questions: {QID3: {instrument: csat}}` in it.",
            "`identifiers: {order: order_id}` in the file names embedded data that identifies somebody or something.",
        ),
        survey=survey,
        configured=_producer,
    )


PRODUCER = _producer(Survey())
