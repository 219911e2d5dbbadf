"""Why a record or a touchpoint is refused: the closed list of reasons, each with its stage and its meaning.

Dashboards, the dead-letter topic and `journey validate` use these values; an existing value is never renamed.
`stage` is where in the walk it is decided: record (before parsing), format (the producer's payload), contract (the
touchpoint's fields), time, identity.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self


class Reason(StrEnum):
    """A reason; the string itself is what is counted and stored."""

    stage: str
    meaning: str

    def __new__(cls, value: str, stage: str = "", meaning: str = "") -> Self:
        """Builds a member that is its value and carries its stage and meaning; `Reason("too_late")` looks one up."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.stage = stage
        member.meaning = meaning
        return member

    EMPTY_VALUE = "empty_value", "record", "the record's value has no bytes"
    TOO_LARGE = "too_large", "record", "the record's value is larger than limits.record_bytes"
    TOO_DEEP = "too_deep", "record", "the payload is nested deeper than limits.depth"
    SCHEMA_REGISTRY_FRAME = (
        "schema_registry_frame",
        "record",
        "the value starts with a schema registry's zero byte, and JOURNEY_REGISTRY names no registry to ask",
    )
    UNKNOWN_SCHEMA = "unknown_schema", "record", "the schema registry has no schema of the id in the value's frame"
    UNUSABLE_SCHEMA = "unusable_schema", "record", "the schema is neither Avro nor JSON Schema, or contains itself"
    INVALID_FRAME = "invalid_frame", "record", "the value's bytes are not by the schema that its frame names"
    INTERNAL_ERROR = "internal_error", "record", "the decoder itself failed: a defect that should be reported"

    INVALID_JSON = "invalid_json", "format", "the value is not one JSON document in UTF-8"
    NOT_AN_OBJECT = "not_an_object", "format", "the JSON document is not an object, or not one where one is needed"
    NOT_A_CLOUDEVENT = "not_a_cloudevent", "format", "specversion is missing or is not 1.0 or 0.3"
    INVALID_HEADER = "invalid_header", "format", "a ce_ header is not UTF-8 text"
    UNSUPPORTED_CONTENT = "unsupported_content", "format", "the data is not JSON according to its content type or encoding"
    INVALID_BASE64 = "invalid_base64", "format", "data_base64 is not base64"
    BATCH_TOO_LARGE = "batch_too_large", "format", "one record holds more events than a batch may"
    UNMAPPED_VALUE = "unmapped_value", "format", "the mapping has no touchpoint type for this payload and does not ignore it"
    MISSING_POSITION = "missing_position", "format", "the mapping takes the event id from a file position that is not there"

    MISSING_TYPE = "missing_type", "contract", "there is no type"
    UNKNOWN_TYPE = "unknown_type", "contract", "the type is not one of the contract's"
    MISSING_ID = "missing_id", "contract", "there is no event id or no source"
    INVALID_ID = "invalid_id", "contract", "the event id or source is empty, too long or not text"
    MISSING_DATA = "missing_data", "contract", "there is no data"
    INVALID_DATA = "invalid_data", "contract", "data is not an object"
    MISSING_FIELD = "missing_field", "contract", "a field that the type needs is missing"
    INVALID_FIELD = "invalid_field", "contract", "a field has a wrong type or a value that it cannot have"
    NOT_FOR_BATCH = "not_for_batch", "contract", "a batch topic of a live namespace carries a family that is sealed"

    MISSING_TIME = "missing_time", "time", "there is no event time"
    INVALID_TIME = "invalid_time", "time", "the event time is not RFC 3339 with a zone (or not as the mapping says)"
    TIME_OUT_OF_RANGE = "time_out_of_range", "time", "the event time is before 1990 or after 2099"
    TOO_LATE = "too_late", "time", "the event is older than the record clock minus the allowance"
    FROM_FUTURE = "from_future", "time", "the event is further ahead of the record clock than is tolerated"

    MISSING_IDENTIFIER = "missing_identifier", "identity", "no usable person or reference identifier"
    INVALID_IDENTIFIER = "invalid_identifier", "identity", "an identifier is neither text nor a whole number"


class Refusal(NamedTuple):
    """What a format answers to a payload that it cannot use; `detail` is for people and quotes no content."""

    reason: Reason
    detail: str = ""
