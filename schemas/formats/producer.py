"""A producer's format as a table: which of its events become which touchpoints, which are ignored, and why.

The table is what runs and what is told (`journey formats NAME`, and its page in schemas/formats/pages): one entry per event of the
producer's. A row's function sees one payload and answers with touches; it never raises for what a producer sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.formats.bodies import bodies
from schemas.formats.payload import MAX_BATCH, Headers, Mapped
from schemas.formats.surveys import Survey
from schemas.identifiers import Document
from schemas.outcomes import Ignore, Silence
from schemas.rejections import Reason, Refusal

Values = Mapping[str, Any]


class Touch(NamedTuple):
    """One touchpoint of a payload.

    id: stable and the producer's own where there is one: a payload sent twice gives the same, and two events never do. Where one
    object comes again and again as it changes, it names the object and the fact ("ticket:17:opened").
    time: an aware datetime (see times.moment); None is a refusal. identifiers and data: absent values are left out.
    """

    type: str
    id: object
    time: object
    identifiers: Values
    data: Values


Touches = Sequence[Touch] | Ignore | Refusal
Build = Callable[[Document, Headers], Touches]


class Row(NamedTuple):
    """One event of the producer's: the types that it may give, by what function, and one line for people.

    Without types and function it is ignored, and `says` is why.
    """

    says: str
    types: tuple[str, ...] = ()
    build: Build | None = None


def by(find: Callable[[Document], object]) -> Callable[[Document, Headers], object]:
    """The event's name by a payload alone."""
    return lambda payload, _headers: find(payload)


@dataclass(frozen=True, kw_only=True)
class Producer:
    """A format; calling it maps one record.

    title: what people call it. documents: addresses of the producer's own documentation. feeds: how its payloads get into a topic.
    event: the name of a payload's event, a key of rows; None or an empty one is a refusal, an unknown one is ignored.
    event_id, time: where they come from, for people; identifiers: kind -> where it comes from; notes: what else to know.
    split: a record's payloads. survey: what its questions measure. configured: the same format with another one.
    """

    name: str
    title: str
    documents: tuple[str, ...]
    feeds: str
    event: Callable[[Document, Headers], object]
    rows: Mapping[str, Row]
    event_id: str
    time: str
    identifiers: Mapping[str, str]
    notes: tuple[str, ...] = ()
    split: Callable[[bytes, Headers], list[Any] | Refusal] = bodies
    configured: Callable[[Survey], Producer] | None = None
    survey: Survey = field(default_factory=Survey)

    @property
    def described(self) -> str:
        """What it is called, and what a survey file says, however that is laid out."""
        said = self.survey.model_dump_json(exclude_defaults=True) if self.survey != Survey() else ""
        return f"{self.name} {said}".strip()

    def __call__(self, value: bytes, headers: Headers) -> Mapped:
        """Native documents of one record, or why there are none. A record of several payloads is used whole or refused whole."""
        payloads = self.split(value, headers)
        if isinstance(payloads, Refusal):
            return payloads
        if not payloads:
            return Ignore(Silence.EMPTY_BATCH)
        if len(payloads) > MAX_BATCH:
            return Refusal(Reason.BATCH_TOO_LARGE, f"{len(payloads)} events, at most {MAX_BATCH}")
        documents: list[Document] = []
        for index, payload in enumerate(payloads):
            mapped = self._one(payload, headers)
            if isinstance(mapped, Refusal):
                return Refusal(mapped.reason, f"[{index}] {mapped.detail}".strip() if len(payloads) > 1 else mapped.detail)
            if not isinstance(mapped, Ignore):
                documents.extend(mapped)
        return documents or Ignore(Silence.UNMAPPED_EVENT)

    def _one(self, payload: Any, headers: Headers) -> Mapped:
        if not isinstance(payload, dict):
            return Refusal(Reason.NOT_AN_OBJECT)
        event = self.event(payload, headers)
        if isinstance(event, Refusal):
            return event
        if event is None or event == "":
            return Refusal(Reason.MISSING_TYPE, f"not an event of {self.title}: its name is missing")
        row = self.rows.get(event) if isinstance(event, str) else None
        if row is None or row.build is None:
            return Ignore(Silence.UNMAPPED_EVENT)
        touches = row.build(payload, headers)
        if isinstance(touches, Ignore | Refusal):
            return touches
        return self._documents(touches)

    def _documents(self, touches: Sequence[Touch]) -> Mapped:
        documents: list[Document] = []
        for touch in touches:
            if touch.time is None:
                return Refusal(Reason.MISSING_TIME, f"time: is missing; it is {self.time}")
            if touch.id is None or touch.id == "":
                return Refusal(Reason.MISSING_ID, f"id: is missing; it is {self.event_id}")
            # Anything that is not text or a whole number in an identifier's place is a mistake that should not cost the event.
            identifiers = {
                kind: value
                for kind, value in touch.identifiers.items()
                if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
            }
            data = {name: value for name, value in touch.data.items() if value is not None and value != ""}
            documents.append(
                {
                    "id": touch.id if isinstance(touch.id, str) else str(touch.id),
                    "source": self.name,
                    "type": touch.type,
                    "time": touch.time,
                    "data": {**data, "identifiers": identifiers},
                }
            )
        return documents or Ignore(Silence.UNMAPPED_EVENT)


def part(parent: object, *names: str) -> Document:
    """The object under these names, one inside the other; an empty one where there is none."""
    for name in names:
        parent = parent.get(name) if isinstance(parent, dict) else None
    return parent if isinstance(parent, dict) else {}


def items(parent: Document, name: str) -> list[Document]:
    """The objects of a list; an empty list where there is none."""
    value = parent.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text without surrounding space, a whole number as its digits, at most 2,000 characters; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**30 else ""
    return value[:2_000].strip() if isinstance(value, str) else ""


def first(parent: Document, *names: str) -> Any:
    """The first of these that is neither absent nor empty nor a list or an object; a name with a dot looks into objects."""
    for name in names:
        *outer, last = name.split(".")
        value = part(parent, *outer).get(last)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return value
    return None
