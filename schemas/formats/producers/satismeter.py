"""The format `satismeter`: SatisMeter's webhooks, whose answers say what they measure."""

from __future__ import annotations

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, by, first, items, part, text
from schemas.formats.times import moment
from schemas.identifiers import Document

_INSTRUMENTS = {"nps": "nps", "csat": "csat", "ces": "ces2"}
"""The metric of an answer -> instrument. Its effort question is answered from 1 to 7."""
_NOTHING = "No response"
"""What stands in the place of a value that a person has not."""


def _answers(payload: Document, _headers: Headers) -> list[Touch]:
    response = part(payload, "response")
    person, answered = part(response, "user"), text(response.get("id"))
    identifiers = {
        name: value
        for name, value in (
            ("customer_id", first(person, "userId")),
            ("email", first(person, "email", "traits.email")),
            ("response_id", f"satismeter:{answered}" if answered else None),
        )
        if value != _NOTHING
    }
    device = text(first(response, "device.type")).lower()
    method = text(response.get("method")).lower()
    shared = {
        "channel": "email" if method == "email" else "web",
        "device": device if device in ("desktop", "mobile", "tablet") else None,
        "survey_id": first(payload, "campaign.id") or first(response, "campaign"),
    }
    at = moment(response.get("created"))
    touches = []
    for answer in items(response, "answers"):
        instrument = _INSTRUMENTS.get(text(answer.get("metric")).lower())
        score = answer.get("value")
        if instrument is not None and isinstance(score, int) and not isinstance(score, bool):
            touch_id = f"{answered}:{text(answer.get('id')) or instrument}" if answered else None
            touches.append(
                Touch("survey.answered", touch_id, at, identifiers, {**shared, "instrument": instrument, "score": score})
            )
    return touches


PRODUCER = Producer(
    name="satismeter",
    title="SatisMeter webhooks",
    documents=("https://help.satismeter.com/en/articles/6980481-webhooks",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("event")),
    rows={
        "completed": Row("one per answer that measures NPS, CSAT or CES", ("survey.answered",), _answers),
        "partial": Row("the completed response has all of it"),
        "dismissed": Row("nothing was answered"),
    },
    event_id="response.id and the id of the question",
    time="response.created",
    identifiers={
        "customer_id": "response.user.userId",
        "email": "response.user.email, else its trait",
        "response_id": "response.id, as satismeter:..",
    },
    notes=("CES is their scale of 1 to 7 (ces2), CSAT 1 to 5. Other questions are left out.",),
)
