"""Law 4, totality: arbitrary bytes as value, key, headers and timestamp give an outcome, never an exception."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.formats.segment_events import EVENTS
from schemas.outcomes import JOURNEY_CLOCK, JOURNEY_POSITION, Silence
from schemas.rejections import Reason
from schemas.touchpoints import MODELS
from streams.core.content import EARLIEST_MS, LATEST_MS
from streams.core.decode import Decoder
from streams.core.model import Decoded, Ignored, Record, Rejected
from streams.core.policy import Policy, TopicPolicy
from tests.schemas.examples import full

FORMATS = ("cloudevents", "segment", "segment:page-calls", "mapping:retentioneering-ecom")
DECODERS = {
    (name, clock): Decoder(TopicPolicy("t", name), Policy(clock=clock, phone_region="DE", markets={"de": "Europe/Berlin"}))
    for name in FORMATS
    for clock in ("live", "history")
}

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2**63,
        -(2**63),
        10**30,
        10**4000,
        1e308,
        -0.0,
        5e-324,
        "",
        " ",
        "\0",
        "null",
        "[object Object]",
        "0000",
        "9999-12-31",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "2024-05-01",
        "2024-05-01T12:00:00",
        "1e1000000",
        "1e-1000000",
        "NaN",
        "Infinity",
        "\U0001f469\u200d\U0001f680",
        "a@b@c",
        "+" * 300,
        "x" * 5000,
        [],
        {},
        [[]],
        {"": ""},
    ]
)
LEAF = ODD | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8
)

CALL: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m",
    "userId": "u",
    "anonymousId": "a",
    "previousId": "p",
    "groupId": "g",
    "timestamp": "2024-05-01T12:00:00Z",
    "originalTimestamp": "2024-05-01T12:00:00Z",
    "sentAt": "2024-05-01T12:00:01Z",
    "receivedAt": "2024-05-01T12:00:02Z",
    "properties": {
        "order_id": "o",
        "revenue": 5,
        "currency": "EUR",
        "rating": 5,
        "conversation_id": "c",
        "campaign": {"name": "x"},
    },
    "context": {
        "userAgent": "Mozilla/5.0",
        "traits": {"email": "a@example.com"},
        "device": {"type": "ios", "id": "d"},
        "campaign": {"medium": "cpc"},
        "page": {"path": "/"},
        "library": {"name": "analytics.js"},
        "sessionId": 5,
    },
}
ROW: dict[str, Any] = {
    "user_id": "u",
    "session_id": "s",
    "event": "support_chat",
    "timestamp": "2024-03-13 10:21:14",
    "platform": "desktop",
    "acquisition_channel": "email",
}


def paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every member of an object, and of the objects inside."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += paths(inner, (*path, name))
    return found


def changed(document: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    inner = changed(document[name], tuple(rest), value) if rest else value
    return {**document, name: inner}


def calls() -> st.SearchStrategy[dict[str, Any]]:
    kinds = st.sampled_from(["page", "screen", "identify", "group", "alias", "track", "Track"])
    return st.builds(lambda kind, event: {**CALL, "type": kind, "event": event}, kinds, st.sampled_from(sorted(EVENTS)))


@st.composite
def nearly_valid(draw: st.DrawFn) -> bytes:
    """An event with some members replaced by anything, or taken out: it gets past the first check."""
    document: dict[str, Any] = draw(st.sampled_from([full(kind) for kind in MODELS]) | st.just(ROW) | calls())
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(paths(document)))
        try:
            document = changed(document, path, draw(JSON))
        except (KeyError, TypeError):  # the path went with an earlier change
            continue
    return written([document, document] if draw(st.booleans()) and draw(st.booleans()) else document)


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


VALUES = st.none() | st.binary(max_size=200) | JSON.map(written) | nearly_valid()
NAMES = st.text(max_size=8) | st.sampled_from(
    [
        "content-type",
        "Content-Type",
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        JOURNEY_POSITION,
        JOURNEY_CLOCK,
    ]
)
CONTENTS = (
    st.none()
    | st.binary(max_size=30)
    | st.sampled_from(
        [
            b"1.0",
            b"0.3",
            b"application/json",
            b"application/cloudevents+json",
            b"application/cloudevents-batch+json",
            b"page.viewed",
            b"f:1",
        ]
    )
)
HEADERS = st.lists(st.tuples(NAMES, CONTENTS), max_size=5).map(tuple)


def check(outcome: Decoded) -> None:
    if isinstance(outcome, Rejected):
        assert outcome.reason != Reason.INTERNAL_ERROR, outcome
        assert outcome.stage == Reason(outcome.reason).stage
        assert len(outcome.detail.encode("utf-8")) < 2_000
        return
    if isinstance(outcome, Ignored):
        assert Silence(outcome.reason)
        return
    assert outcome
    for touchpoint in outcome:
        assert touchpoint.type in MODELS
        assert touchpoint.persons or touchpoint.references
        assert EARLIEST_MS <= touchpoint.at < LATEST_MS
        assert all(value is not None and value != "" for value in touchpoint.fields.values())
        assert not any(isinstance(value, float) for value in touchpoint.fields.values())
    msgspec.msgpack.encode(outcome)


@pytest.mark.parametrize("clock", ["live", "history"])
@pytest.mark.parametrize("name", FORMATS)
@given(value=VALUES, key=st.none() | st.binary(max_size=9), headers=HEADERS, timestamp=st.integers(-(2**63), 2**63 - 1))
@settings(max_examples=150)
def test_anything_gives_an_outcome(
    name: str, clock: str, value: bytes | None, key: bytes | None, headers: tuple[tuple[str, bytes | None], ...], timestamp: int
) -> None:
    record = Record(0, timestamp, value, key, headers)
    outcome = DECODERS[name, clock].decode(record)
    check(outcome)
    assert DECODERS[name, clock].decode(record) == outcome


@pytest.mark.parametrize("name", FORMATS)
@given(value=nearly_valid(), cut=st.integers(0, 400), byte=st.integers(0, 255), length=st.integers(0, 3))
@settings(max_examples=150)
def test_damaged_bytes_give_an_outcome(name: str, value: bytes, cut: int, byte: int, length: int) -> None:
    check(DECODERS[name, "live"].decode(Record(0, 0, value[:cut] + bytes([byte]) * length + value[cut + length :])))
