"""CloudEvents over Kafka: structured, batched and binary, versions 1.0 and 0.3, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from schemas.formats import Headers, Mapped, find_format
from schemas.outcomes import Ignore, Silence
from schemas.rejections import Reason, Refusal
from streams.core.decode import Decoder
from streams.core.model import Record
from streams.core.policy import Policy, TopicPolicy
from tests.schemas.examples import native

STRUCTURED: Headers = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
BATCH: Headers = (("Content-Type", b"application/cloudevents-batch+json"),)


def mapped(document: Any, headers: Headers = ()) -> Mapped:
    value = document if isinstance(document, bytes) else json.dumps(document).encode()
    return find_format("cloudevents")(value, headers)


def reason(document: Any, headers: Headers = ()) -> Reason:
    result = mapped(document, headers)
    assert isinstance(result, Refusal), result
    return result.reason


def binary(**changes: bytes | None) -> Headers:
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_source": b"//shop/web",
        "ce_type": b"page.viewed",
        "ce_time": b"2024-05-01T12:00:00Z",
        "content-type": b"application/json",
    }
    return tuple({**headers, **changes}.items())


@pytest.mark.parametrize("headers", [(), STRUCTURED, (("other", None),)])
def test_structured(headers: Headers) -> None:
    assert mapped(native(), headers) == [native()]


def test_binary_gives_the_same_event() -> None:
    assert mapped(native()["data"], binary()) == [native()]
    upper = tuple((name.upper(), value) for name, value in binary())
    assert mapped(native()["data"], upper) == [native()]


def test_of_two_headers_of_one_name_the_first_counts() -> None:
    assert mapped(native()["data"], (*binary(), ("CE_ID", b"e2"))) == [native()]


def test_a_binary_header_without_a_value_is_absent() -> None:
    events = mapped(native()["data"], binary(ce_id=None))
    assert isinstance(events, list)
    assert "id" not in events[0]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (binary(ce_id=b"\xff"), Reason.INVALID_HEADER),
        (binary(ce_specversion=b"2.0"), Reason.NOT_A_CLOUDEVENT),
        (binary(**{"content-type": b"application/avro"}), Reason.UNSUPPORTED_CONTENT),
    ],
)
def test_binary_refusals(headers: Headers, expected: Reason) -> None:
    assert reason(native()["data"], headers) == expected


def test_a_batch_is_several_events_with_their_own_ids() -> None:
    events = [native(), {**native(), "id": "e2"}]
    assert mapped(events, BATCH) == events
    assert mapped(events) == events


def test_the_same_event_twice_in_a_batch_stays_two_for_the_fold_to_absorb() -> None:
    events = [native(), native(page="/q")]
    assert mapped(events) == events
    decoded = Decoder(TopicPolicy("t"), Policy()).decode(Record(0, 0, json.dumps(events).encode()))
    assert isinstance(decoded, tuple)
    assert decoded[0].eid == decoded[1].eid
    assert decoded[0].digest != decoded[1].digest


def test_a_batch_of_nothing_says_nothing() -> None:
    assert mapped([], BATCH) == Ignore(Silence.EMPTY_BATCH)


def test_one_wrong_event_refuses_its_batch() -> None:
    assert mapped([native(), 5]) == Refusal(Reason.NOT_AN_OBJECT, "[1]")
    assert reason([native(), {**native(), "specversion": None}]) == Reason.NOT_A_CLOUDEVENT
    assert reason(native(), BATCH) == Reason.NOT_AN_OBJECT
    assert reason([native()] * 1001) == Reason.BATCH_TOO_LARGE
    assert mapped([native()] * 1000) == [native()] * 1000


@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize(
    "content", [None, "application/json", "application/json; charset=utf-8", "text/json", "application/x+json"]
)
def test_json_data_in_both_versions(version: str, content: str | None) -> None:
    event = {**native(), "specversion": version, "datacontenttype": content}
    assert mapped(event) == [event]


def test_encoded_data_is_decoded() -> None:
    data = native()["data"]
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    one = {name: value for name, value in native().items() if name != "data"}
    result = mapped({**one, "data_base64": encoded})
    assert isinstance(result, list)
    assert result[0]["data"] == data
    old = {**one, "specversion": "0.3", "datacontentencoding": "base64", "data": encoded}
    assert mapped(old) == [{**old, "data": data}]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"data_base64": "... no base64 ..."}, Reason.INVALID_BASE64),
        ({"data_base64": 5}, Reason.INVALID_BASE64),
        ({"data_base64": "\u20ac"}, Reason.INVALID_BASE64),
        ({"data_base64": "bm90IGpzb24="}, Reason.INVALID_JSON),
        ({"datacontenttype": "application/xml"}, Reason.UNSUPPORTED_CONTENT),
        ({"datacontenttype": 5}, Reason.UNSUPPORTED_CONTENT),
        ({"specversion": ["1.0"]}, Reason.NOT_A_CLOUDEVENT),
        ({"specversion": 1.0}, Reason.NOT_A_CLOUDEVENT),
    ],
)
def test_structured_refusals(change: dict[str, Any], expected: Reason) -> None:
    assert reason({**native(), **change}) == expected


def test_whole_numbers_stay_exact() -> None:
    assert mapped(native(visit_id=2**53 + 1)) == [native(visit_id=2**53 + 1)]
