"""From a record's bytes to touchpoints: the first step of the walk.

Pure and total: whatever the value, key, headers and timestamp are, the outcome is touchpoints, Ignored or Rejected. A record
has one outcome, so one event that cannot be used refuses the whole batch that it came in. Inside: record checks (size,
depth) -> format (native documents) -> contract (pydantic) -> identifiers in normal form -> Touchpoint.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.formats import find_format
from schemas.identifiers import Document
from schemas.outcomes import JOURNEY_CLOCK, JOURNEY_TIMESTAMP, Ignore, Silence
from schemas.rejections import Reason, Refusal
from schemas.touchpoints import FAMILY_OF
from schemas.touchpoints.plain import read_plain
from schemas.upcast import upcast
from streams.core.content import EARLIEST_MS, LATEST_MS, Content
from streams.core.identifying import Identifying
from streams.core.model import Decoded, Ignored, Record, Rejected, Stage, Touchpoint
from streams.core.policy import SECOND, Policy, TopicPolicy

SKEW_TOLERANCE_MS = 10 * SECOND
"""Sending, batching and the network take time; a difference within this says nothing about the producer's clock."""

SEALED_FAMILIES = frozenset({"web", "task"})
"""Families that are sealed with their visit; a batch topic of a live namespace, which has no allowance, may not carry them."""

_HASH8 = blake2b(digest_size=8)
"""Copied for each digest: setting one up anew takes longer than hashing."""

_MAX_DIGITS = 16
"""Of a time in ms; longer ones are none."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_ATTRIBUTES = {"id": Reason.MISSING_ID, "source": Reason.MISSING_ID, "time": Reason.MISSING_TIME, "data": Reason.MISSING_DATA}
_WRONG = {"id": Reason.INVALID_ID, "source": Reason.INVALID_ID, "time": Reason.INVALID_TIME, "data": Reason.INVALID_DATA}


Unframe = Callable[[bytes], bytes | Refusal]
"""What a value in a schema registry's frame stands for, as JSON text; never raises."""


class Decoder:
    """Decodes the records of one topic by one policy.

    notes: what was dropped or changed in accepted touchpoints, by name (unknown_fields, blocked_identifier, text_cut,
    skew_corrected, ...): operational counts that only grow, for whoever exports them. map: the topic's format.
    """

    def __init__(self, topic: TopicPolicy, policy: Policy, unframe: Unframe | None = None) -> None:
        """Raises FormatError for a format that does not exist, ZoneInfoNotFoundError for a time zone."""
        self._unframe = unframe
        self.notes: Counter[str] = Counter()
        self.map = find_format(topic.format)
        self._content = Content(policy, self.notes)
        self._identifying = Identifying(policy, self.notes)
        self._policy = policy
        self._bytes, self._depth = policy.limits.record_bytes, policy.limits.depth
        self._batch = topic.cadence == "batch"
        self._sealed = SEALED_FAMILIES if self._batch and policy.clock == "live" else frozenset()
        self._digest = msgspec.msgpack.Encoder(order="deterministic").encode

    def decode(self, record: Record) -> Decoded:
        """What one record says. Never raises: a defect of the decoder is the rejection `internal_error`."""
        try:
            return self._decode(record)
        except Exception as defect:  # noqa: BLE001 - one poisonous record must not stop a partition for ever
            return _rejected(Reason.INTERNAL_ERROR, type(defect).__name__)

    def _decode(self, record: Record) -> Decoded:
        value = self._value(record)
        if not isinstance(value, bytes):
            return value
        mapped = self.map(value, record.headers)
        if isinstance(mapped, Refusal):
            return _rejected(mapped.reason, mapped.detail)
        if isinstance(mapped, Ignore):
            return Ignored(mapped.reason)
        received = received_at(record)
        if len(mapped) == 1:
            found = self._touchpoint(mapped[0], received)
            return (found,) if isinstance(found, Touchpoint) else found
        touchpoints: list[Touchpoint] = []
        for document in mapped:
            touchpoint = self._touchpoint(document, received)
            if isinstance(touchpoint, Rejected):
                return Rejected(touchpoint.stage, touchpoint.reason, f"[{len(touchpoints)}] {touchpoint.detail}")
            touchpoints.append(touchpoint)
        return tuple(touchpoints)

    def _value(self, record: Record) -> bytes | Ignored | Rejected:
        """The record's value without a schema registry's frame, if it is one that may be parsed."""
        for name, _ in record.headers:
            if name == JOURNEY_CLOCK:
                return Ignored(Silence.CLOCK)
        value = record.value
        if value is None:
            return Ignored(Silence.TOMBSTONE)
        refused = self._check(value)
        if refused is Reason.SCHEMA_REGISTRY_FRAME and self._unframe is not None:
            plain = self._unframe(value)
            if isinstance(plain, Refusal):
                return _rejected(plain.reason, plain.detail)
            value, refused = plain, self._check(plain)
        return value if refused is None else _rejected(refused)

    def _check(self, value: bytes) -> Reason | None:
        """Bounds, before anything is parsed."""
        if len(value) > self._bytes:
            return Reason.TOO_LARGE
        if not value:
            return Reason.EMPTY_VALUE
        if value[0] == 0:
            return Reason.SCHEMA_REGISTRY_FRAME
        # Fewer brackets than the limit cannot be deeper than it; only the rest is scanned.
        if value.count(b"{") + value.count(b"[") > self._depth and depth_of(value) > self._depth:
            return Reason.TOO_DEEP
        return None

    def _touchpoint(self, document: Document, record_received: int) -> Touchpoint | Rejected:
        event = _validate(document)
        if not isinstance(event, dict):
            return event
        data, kind, at = event["data"], event["type"], event["time"]
        if self._sealed and FAMILY_OF[kind] in self._sealed:
            return _rejected(Reason.NOT_FOR_BATCH, f"type: {kind} is sealed with its visit")
        sent = data.get("sent_at")
        if sent is not None:
            at = self._occurred_at(at, sent, data.get("received_at"), record_received)
        if not EARLIEST_MS <= at < LATEST_MS:
            return _rejected(Reason.TIME_OUT_OF_RANGE, "time: should be in 1990 to 2099")
        identifiers, raw = data["identifiers"], document["data"]
        unknown = len(raw) - len(data) + len(raw["identifiers"]) - len(identifiers)
        if unknown:
            self.notes["unknown_fields"] += unknown
        fields, given = self._content.read(data)
        persons, references, groups = self._identifying.read(identifiers, given)
        if not persons and not references:
            return _rejected(Reason.MISSING_IDENTIFIER, "data.identifiers: needs a person or a reference")
        dimensions = self._content.dimensions(data)
        traffic = data.get("traffic") or "human"
        content = self._digest((kind, persons, references, groups, dimensions, traffic, fields))
        eid, digest = _HASH8.copy(), _HASH8.copy()
        eid.update(f"{event['source']}\0{event['id']}".encode())
        digest.update(content)
        return Touchpoint(
            eid.digest(), digest.digest(), at, kind, persons, references, groups, dimensions, traffic, fields, self._batch
        )

    def _occurred_at(self, at: int, sent: int, received: int | None, record_received: int) -> int:
        """Event time, moved by the producer's clock error where that is known and believable.

        The error is reception minus sending. Reception is the collector's `received_at`, else the record's timestamp,
        which in history is the event time itself and says nothing.
        """
        if received is None:
            if self._policy.clock != "live":
                return at
            received = record_received
        skew = received - sent
        if -SKEW_TOLERANCE_MS <= skew <= SKEW_TOLERANCE_MS:
            return at
        if abs(skew) > self._policy.skew_ms:
            self.notes["skew_refused"] += 1
            return at
        self.notes["skew_corrected"] += 1
        return at + skew


def received_at(record: Record) -> int:
    """When a record first came, in ms: its timestamp, or for one that is sent again the earlier one that its header says.

    A header is believed only so far: nobody gets a record past the record clock, or past what is too late, by it.
    """
    for name, value in record.headers:
        if name == JOURNEY_TIMESTAMP and value is not None and value.isdigit() and len(value) < _MAX_DIGITS:
            return min(record.timestamp, int(value))
    return record.timestamp


def depth_of(value: bytes) -> int:
    """The deepest nesting of a JSON text's brackets, strings left out; linear, and total for any bytes."""
    depth = deepest = 0
    for match in _BRACKETS.finditer(value):
        first = value[match.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first != ord('"'):
            depth -= 1
    return deepest


def _validate(document: Document) -> Document | Rejected:
    try:
        return read_plain(document)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        present = upcast(document)
        if present is not None:
            return _validate(present)
        if document.get("type") in (None, ""):
            return _rejected(Reason.MISSING_TYPE, "type: is missing")
        return _rejected(Reason.UNKNOWN_TYPE, "type: is none of the contract's")
    return _explain(problem)


def _explain(problem: ErrorDetails) -> Rejected:
    """The reason for a validation error, and the path of the field; content is never quoted."""
    # The path starts with the union's tag; inside an identifier it ends with the name of a union's branch.
    path = [str(part) for part in problem["loc"][1:]]
    missing = problem["type"] == "missing" or problem["input"] is None
    inside = path[:2] == ["data", "identifiers"]
    path = path[:3] if inside else path
    if len(path) == 1 and path[0] in _WRONG:
        if problem["type"] in ("scale", "missing_answer"):
            reason = Reason.INVALID_FIELD if problem["type"] == "scale" else Reason.MISSING_FIELD
        else:
            reason = (_ATTRIBUTES if missing else _WRONG)[path[0]]
    elif inside:
        reason = Reason.MISSING_IDENTIFIER if missing and len(path) == 2 else Reason.INVALID_IDENTIFIER
    else:
        reason = Reason.MISSING_FIELD if missing else Reason.INVALID_FIELD
    return _rejected(reason, f"{'.'.join(path)}: {problem['msg']}")


def _rejected(reason: Reason, detail: str = "") -> Rejected:
    return Rejected(Stage(reason.stage), reason, detail)
