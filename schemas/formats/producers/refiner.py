"""The format `refiner`: Refiner's webhooks. `refiner:FILE` says what the questions measure, see `surveys`."""

from __future__ import annotations

from functools import partial

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, part, text
from schemas.formats.surveys import Survey, answer, score_of
from schemas.formats.times import moment
from schemas.identifiers import Document


def _answers(survey: Survey, payload: Document, _headers: Headers) -> list[Touch]:
    response = part(payload, "response")
    number = text(response.get("uuid"))
    identifiers = {
        "customer_id": first(payload, "remote_id"),
        "email": first(payload, "email"),
        "account_id": first(payload, "account.remote_id"),
        "response_id": f"refiner:{number}" if number else None,
    }
    at = moment(first(response, "completed_at", "last_data_reception_at"))
    touches = []
    for name, value in part(response, "data").items():
        question, score = survey.question(name), score_of(value)
        if question is not None and score is not None:
            data = {"channel": "web", "survey_id": first(payload, "form.uuid"), **answer(question, score)}
            touches.append(Touch("survey.answered", f"{number}:{name}" if number else None, at, identifiers, data))
    return touches


def _producer(survey: Survey) -> Producer:
    return Producer(
        name="refiner",
        title="Refiner webhooks",
        documents=("https://refiner.io/docs/kb/integrations/webhooks/",),
        feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
        event=by(lambda payload: payload.get("triggered_event")),
        rows={
            "Completed Survey": Row("one per question that measures something", ("survey.answered",), partial(_answers, survey)),
            "Viewed Survey": Row("nothing was answered"),
            "Dismissed Survey": Row("nothing was answered"),
        },
        event_id="response.uuid and the question's name",
        time="response.completed_at, else last_data_reception_at",
        identifiers={
            "customer_id": "remote_id: your own id of the user",
            "email": "email",
            "account_id": "account.remote_id",
            "response_id": "response.uuid, as refiner:..",
        },
        notes=(
            "Questions count by themselves that are named nps, csat, ces, ces1, ces2 or sus.",
            "What others measure says a file: the format is then refiner:FILE, with `questions: {NAME: {instrument: csat}}` in it.",
            "The names are those in response.data.",
        ),
        survey=survey,
        configured=_producer,
    )


PRODUCER = _producer(Survey())
