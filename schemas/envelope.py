"""The envelope that every touchpoint shares: CloudEvents attributes, and the common fields of `data`.

Models accept what the contract accepts and carry times as milliseconds since the epoch, UTC. Unknown fields are ignored
here and counted by the decoder. Field constraints that protect the pipeline (sizes, ranges) are part of the contract,
so the JSON Schemas state them too.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.currencies import CURRENCIES
from schemas.identifiers import MAX_INTEGER, Identifiers

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CHANNELS = ("web", "app", "email", "sms", "push", "phone", "chat", "social", "store", "logistics", "system")
DEVICES = ("desktop", "mobile", "tablet", "other")
MEDIA = ("phone", "chat", "email", "sms", "social", "messaging", "video", "form", "store", "letter")
"""Closed lists; the decoder turns any other value into `other`, so that a new value never breaks a producer."""

DAY_MS = 86_400_000
YEAR_MS = 366 * DAY_MS


def milliseconds(moment: datetime) -> int:
    """An aware datetime as milliseconds since the epoch, rounded down; any year from 1 to 9999."""
    since = moment - EPOCH
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def iso(at: int) -> str:
    """Milliseconds since the epoch as RFC 3339 in UTC; the inverse of parsing within years 1 to 9999."""
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(value: object) -> int:
    """RFC 3339 text with a zone (or an aware datetime, from a format) as milliseconds.

    Raises PydanticCustomError `instant` for anything else: a number has no unit, a local time no zone.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = _loosely(value)
    elif isinstance(value, datetime):
        moment = value
    else:
        raise PydanticCustomError("instant", "should be a time as text, as in RFC 3339")
    if moment.tzinfo is None:
        raise PydanticCustomError("instant", "should have a zone: a local time is ambiguous")
    # As `milliseconds`, without the call: there is a time in every event.
    since = moment - EPOCH
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def _loosely(value: str) -> datetime:
    try:
        # Some producers put a space before the offset: "2016-07-06T11:16:50 -10:00".
        if value[19:20] == " ":
            return datetime.fromisoformat(value[:19] + value[20:])
    except ValueError:
        pass
    raise PydanticCustomError("instant", "should be a time as in RFC 3339")


def parse_deadline(value: object) -> int | date:
    """An instant, or a date alone, which the decoder ends in the market's time zone. Raises as `parse_instant`."""
    if isinstance(value, str) and len(value) == len("2024-05-01"):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("instant", "should be a date or a time as in RFC 3339") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return parse_instant(value)


def refuse_bool(value: object) -> object:
    """Keeps true from becoming the number 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "should be a number")
    return value


def parse_currency(value: object) -> object:
    """An ISO 4217 code in any case as upper case; raises PydanticCustomError `currency` for other text."""
    if not isinstance(value, str):
        return value
    code = value.strip().upper()
    if code not in CURRENCIES:
        raise PydanticCustomError("currency", "should be an ISO 4217 currency code")
    return code


def fold_case(value: object) -> object:
    """Closed words are compared in lower case; an empty one is absent."""
    return (value.strip().lower() or None) if isinstance(value, str) else value


def _write_deadline(value: int | date) -> str:
    return iso(value) if isinstance(value, int) else value.isoformat()


Text = Annotated[str, Field(coerce_numbers_to_str=True), StringConstraints(strip_whitespace=True)]
Instant = Annotated[
    int,
    BeforeValidator(parse_instant),
    PlainSerializer(iso, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Deadline = Annotated[
    int | date,
    BeforeValidator(parse_deadline),
    PlainSerializer(_write_deadline, when_used="json"),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
Whole = Annotated[int, BeforeValidator(refuse_bool), Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Count = Annotated[int, BeforeValidator(refuse_bool), Field(ge=0, le=10**9)]
Seconds = Annotated[float, BeforeValidator(refuse_bool), Field(ge=0, le=10 * YEAR_MS / 1000, allow_inf_nan=False)]
Milliseconds = Annotated[int, BeforeValidator(refuse_bool), Field(ge=0, le=YEAR_MS)]
Money = Annotated[
    Decimal,
    BeforeValidator(refuse_bool),
    Field(ge=Decimal(-(10**11)), le=Decimal(10**11)),
    WithJsonSchema({"type": ["string", "number"], "description": "decimal, in the currency's unit"}),
]
Currency = Annotated[str, BeforeValidator(parse_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{3}$"})]


class Data(BaseModel):
    """What the data of every touchpoint has. Null means absent everywhere."""

    model_config = ConfigDict(extra="ignore")

    identifiers: Identifiers
    channel: Annotated[str, Field(min_length=1, description=f"one of {', '.join(CHANNELS)}; else `other`")]
    role: Annotated[
        Annotated[Literal["buyer", "payer", "installer", "user"] | None, BeforeValidator(fold_case)],
        Field(description="what this person is to the product"),
    ] = None
    market: Text | None = None
    segment: Text | None = None
    device: Annotated[Text | None, Field(description=f"one of {', '.join(DEVICES)}; else `other`")] = None
    acquisition: Text | None = None
    traffic: Annotated[
        Annotated[Literal["human", "bot", "internal", "test"] | None, BeforeValidator(fold_case)],
        Field(description="human where nothing is said; only human counts in metrics"),
    ] = None
    sent_at: Annotated[
        Instant | None, Field(description="the producer's clock when it sent the event; corrects a wrong clock")
    ] = None
    received_at: Annotated[
        Instant | None, Field(description="a collector's clock when it received the event; completes sent_at")
    ] = None
    consent: Annotated[dict[str, Any] | None, Field(description="purpose -> given or not; not interpreted")] = None


D = TypeVar("D", bound=Data)


class Event(BaseModel, Generic[D]):
    """A touchpoint as a CloudEvent. `id` and `source` together identify the event for ever."""

    model_config = ConfigDict(extra="ignore")

    specversion: Annotated[Literal["1.0", "0.3"], Field(description="of CloudEvents")] = "1.0"
    id: Annotated[str, Field(min_length=1, max_length=1024)]
    source: Annotated[str, Field(min_length=1, max_length=1024)]
    time: Annotated[Instant, Field(description="when it happened")]
    data: D
