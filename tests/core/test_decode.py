"""Decoding one record: what becomes of each kind of payload, field by field, and each reason to ignore or refuse."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from schemas.outcomes import JOURNEY_CLOCK, JOURNEY_TIMESTAMP, Silence
from schemas.rejections import Reason
from streams.core.content import EARLIEST_MS, LATEST_MS
from streams.core.decode import SKEW_TOLERANCE_MS, Decoder, depth_of
from streams.core.model import Dimensions, Ignored, Record, Rejected, Touchpoint
from streams.core.policy import HOUR, Limits, Policy, TopicPolicy
from tests.schemas.examples import COMMON, native

NOON = 1_714_564_800_000
"""2024-05-01T12:00:00Z, the time of every native example."""

POLICY = Policy(
    markets={"de": "Europe/Berlin", "us": "America/New_York"},
    dimensions={
        "market": frozenset({"at"}),
        "segment": frozenset({"Premium"}),
        "acquisition": frozenset({"email"}),
        "page_group": frozenset({"product"}),
        "reason": frozenset({"price"}),
    },
)


def decoder(policy: Policy = POLICY, **topic: Any) -> Decoder:
    return Decoder(TopicPolicy("t", **topic), policy)


def record(document: object, timestamp: int = NOON) -> Record:
    return Record(0, timestamp, document if isinstance(document, bytes) else orjson.dumps(document))


def one(document: object, policy: Policy = POLICY, timestamp: int = NOON) -> Touchpoint:
    decoded = decoder(policy).decode(record(document, timestamp))
    assert isinstance(decoded, tuple), decoded
    assert len(decoded) == 1
    return decoded[0]


def refusal(document: object, policy: Policy = POLICY, **topic: Any) -> Rejected:
    decoded = decoder(policy, **topic).decode(record(document))
    assert isinstance(decoded, Rejected), decoded
    assert decoded.stage == Reason(decoded.reason).stage
    return decoded


def fields(kind: str, **data: Any) -> dict[str, Any]:
    return dict(one(native(kind, **data)).fields)


def test_a_page_view() -> None:
    touchpoint = one(
        native(identifiers={"anonymous_id": "a", "customer_id": 7, "account_id": "g"}, **COMMON, page="/p", visit_id="s")
    )
    assert touchpoint.type == "page.viewed"
    assert touchpoint.at == NOON
    assert touchpoint.persons == ("customer_id:7", "anonymous_id:a")
    assert touchpoint.references == ("visit_id:s",)
    assert touchpoint.groups == ("account_id:g",)
    assert touchpoint.dimensions == Dimensions("web", "mobile", "de", "Premium", "email")
    assert touchpoint.traffic == "human"
    assert touchpoint.fields == {"page": "/p"}
    assert touchpoint.batch is False
    assert (len(touchpoint.eid), len(touchpoint.digest)) == (8, 8)


def test_one_event_id_and_content_give_one_digest_each() -> None:
    event = native(page="/p")
    same = one({**event, "extra": 1, "data": {**event["data"], "extra": 2, "sent_at": "2024-05-01T12:00:00Z"}})
    assert (same.eid, same.digest) == (one(event).eid, one(event).digest)
    assert one(native(page="/q")).digest != one(event).digest
    assert one(native(page="/q")).eid == one(event).eid
    assert len({one({**event, **other}).eid for other in ({}, {"id": "e2"}, {"source": "//shop/app"})}) == 3


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"device": "iPhone"}, {"device": "mobile"}),
        ({"device": "iPad"}, {"device": "tablet"}),
        ({"device": "fridge"}, {"device": "other"}),
        ({"market": "AT"}, {"market": "at"}),
        ({"market": "fr"}, {"market": "other"}),
        ({"market": ""}, {}),
        ({"segment": "gold"}, {"segment": "other"}),
        ({"acquisition": " Email "}, {"acquisition": "email"}),
        ({"channel": "WEB"}, {}),
        ({"channel": "whatsapp"}, {"channel": "other"}),
    ],
)
def test_dimensions_are_closed(data: dict[str, str], expected: dict[str, str]) -> None:
    assert one(native(**data)).dimensions == msgspec.structs.replace(Dimensions("web"), **expected)


def test_fields_in_the_pipelines_own_units() -> None:
    assert fields(
        "contact.ended", hold_seconds=300, talk_seconds="12.5", queue_seconds=0, wrap_up_seconds=0.0004, by="Agent"
    ) == {
        "hold_ms": 300_000,
        "talk_ms": 12_500,
        "queue_ms": 0,
        "wrap_up_ms": 0,
        "by": "agent",
    }
    assert fields("order.placed", value=19.99, currency="eur") == {"value": 199_900, "currency": "EUR"}
    assert fields("order.placed", value="0.00005", currency="JPY") == {"value": 0, "currency": "JPY"}
    assert fields("order.placed", value="-0.00015", currency="JPY") == {"value": -2, "currency": "JPY"}
    assert fields("survey.answered", instrument="sus", answers=[1, 5, 3]) == {"instrument": "sus", "answers": "1,5,3"}
    assert fields("page.viewed", page="", element=None, dead=False) == {"dead": False}
    assert fields("page.viewed", view_id=17) == {"view_id": "17"}


def test_money_needs_a_currency() -> None:
    reader = decoder()
    decoded = reader.decode(record(native("order.placed", value=5)))
    assert isinstance(decoded, tuple)
    assert decoded[0].fields == {}
    assert reader.notes == {"value_without_currency": 1}
    assert fields("order.placed", currency="EUR") == {}


@pytest.mark.parametrize(
    ("market", "at"),
    [
        ("de", "2024-05-03T21:59:59.999Z"),
        ("DE", "2024-05-03T21:59:59.999Z"),
        ("us", "2024-05-04T03:59:59.999Z"),
        (None, "2024-05-03T23:59:59.999Z"),
    ],
)
def test_a_date_alone_ends_that_day_in_the_market(market: str | None, at: str) -> None:
    dated = fields("delivery.promised", market=market, promised_at="2024-05-03")
    assert dated == fields("delivery.promised", market=market, promised_at=at)


def test_a_day_of_a_clock_change_ends_at_midnight() -> None:
    assert fields("delivery.promised", market="de", promised_at="2024-10-27")["promised_at"] == 1_730_069_999_999


@pytest.mark.parametrize("never", ["9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01"])
def test_a_deadline_that_means_never_is_absent(never: str) -> None:
    assert fields("subscription.cancelled", ends_at=never) == {}


def test_closed_fields() -> None:
    assert fields("task.failed", task="checkout", reason="price") == {"task": "checkout", "reason": "price"}
    assert fields("task.failed", task="dance", reason="?") == {"task": "other", "reason": "other"}
    assert fields("page.viewed", page_group="blog") == {"page_group": "other"}
    assert fields("contact.opened", medium="Phone") == {"medium": "phone"}
    assert fields("contact.opened", medium="pigeon") == {"medium": "other"}


def test_long_text_is_cut_and_counted() -> None:
    reader = decoder(Policy(limits=Limits(text_chars=5)))
    decoded = reader.decode(record(native(page="123456", element="12345")))
    assert isinstance(decoded, tuple)
    assert decoded[0].fields == {"page": "12345", "element": "12345"}
    assert reader.notes == {"text_cut": 1}


def test_references_as_fields_or_identifiers() -> None:
    assert one(native("contact.opened", contact_id=5, root_contact_id="4")).references == ("contact_id:5", "root_contact_id:4")
    both = native("order.placed", identifiers={"user_id": "u", "order_id": "i"}, order_id="f", cart_token=5)
    assert one(both).references == ("order_id:i", "cart_token:5")


def test_a_survey_refers_to_what_it_is_about() -> None:
    for kind in ("order", "order_id", "ORDER_ID"):
        touchpoint = one(native("survey.answered", instrument="nps", score=9, about={"kind": kind, "id": 17}, response_id="r"))
        assert touchpoint.references == ("order_id:17", "response_id:r")
        assert touchpoint.fields["about"] == f"{kind}:17"
    assert one(native("survey.sent", about={"kind": "brand", "id": "b"})).references == ()


def test_persons_come_in_the_policys_order() -> None:
    identifiers = {"email": "a@example.com", "phone": "+4930901820", "crm_id": "c", "user_id": "u", "anonymous_id": "a"}
    document = native(identifiers=identifiers)
    assert one(document).persons == ("user_id:u", "email:a@example.com", "phone:+4930901820", "anonymous_id:a", "crm_id:c")
    turned = Policy(limits=Limits(identifiers={"crm_id": 1, "phone": 1}))
    assert one(document, turned).persons[:2] == ("crm_id:c", "phone:+4930901820")


def test_dropped_identifiers_are_counted() -> None:
    reader = decoder()
    identifiers = {
        "user_id": "null",
        "email": "nobody",
        "anonymous_id": "",
        "device_id": None,
        "phone": "+4930901820",
        "tax_id": "5",
    }
    decoded = reader.decode(record(native(identifiers=identifiers, color="red")))
    assert isinstance(decoded, tuple)
    assert decoded[0].persons == ("phone:+4930901820",)
    assert reader.notes == {"blocked_identifier": 1, "invalid_identifier": 1, "empty_identifier": 1, "unknown_fields": 2}


@pytest.mark.parametrize("kind", ["order_id", "contact_id", "message_id"])
def test_a_reference_alone_is_enough(kind: str) -> None:
    assert one(native(identifiers={kind: "1"})).persons == ()


@pytest.mark.parametrize(
    "identifiers", [{}, {"account_id": "g"}, {"user_id": "undefined"}, {"user_id": None}, {"user_id": " "}, {"tax_id": "5"}]
)
def test_nobody_and_nothing_is_refused(identifiers: dict[str, Any]) -> None:
    assert refusal(native(identifiers=identifiers)).reason == Reason.MISSING_IDENTIFIER


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": None}, Reason.MISSING_TYPE),
        ({"type": ""}, Reason.MISSING_TYPE),
        ({"type": "page.seen"}, Reason.UNKNOWN_TYPE),
        ({"type": ["page.viewed"]}, Reason.UNKNOWN_TYPE),
        ({"id": None}, Reason.MISSING_ID),
        ({"id": ""}, Reason.INVALID_ID),
        ({"id": 5}, Reason.INVALID_ID),
        ({"source": None}, Reason.MISSING_ID),
        ({"time": None}, Reason.MISSING_TIME),
        ({"time": 1714564800}, Reason.INVALID_TIME),
        ({"time": "2024-05-01T12:00:00"}, Reason.INVALID_TIME),
        ({"time": "1989-12-31T23:59:59.999Z"}, Reason.TIME_OUT_OF_RANGE),
        ({"time": "2100-01-01T00:00:00Z"}, Reason.TIME_OUT_OF_RANGE),
        ({"time": "9999-12-31T23:59:59Z"}, Reason.TIME_OUT_OF_RANGE),
        ({"time": "0001-01-01T00:00:00+14:00"}, Reason.TIME_OUT_OF_RANGE),
        ({"data": None}, Reason.MISSING_DATA),
        ({"data": []}, Reason.INVALID_DATA),
        ({"data": {}}, Reason.MISSING_IDENTIFIER),
        ({"data": {"identifiers": {"user_id": "u"}}}, Reason.MISSING_FIELD),
        ({"data": {"identifiers": {"user_id": "u"}, "channel": None}}, Reason.MISSING_FIELD),
        ({"data": {"identifiers": {"user_id": "u"}, "channel": 5}}, Reason.INVALID_FIELD),
        ({"data": {"identifiers": "u", "channel": "web"}}, Reason.INVALID_IDENTIFIER),
        ({"data": {"identifiers": {"user_id": 1.5}, "channel": "web"}}, Reason.INVALID_IDENTIFIER),
        ({"type": "survey.answered"}, Reason.MISSING_FIELD),
        ({"specversion": "2.0"}, Reason.NOT_A_CLOUDEVENT),
    ],
)
def test_what_breaks_the_contract_is_refused(change: dict[str, Any], reason: Reason) -> None:
    assert refusal({**native(), **change}).reason == reason


@pytest.mark.parametrize("edge", ["1990-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z"])
def test_the_first_and_last_moment_are_accepted(edge: str) -> None:
    assert one({**native(), "time": edge}).at in (EARLIEST_MS, LATEST_MS - 1)


def test_a_refusal_names_the_field_and_quotes_nothing() -> None:
    refused = refusal(native("order.placed", currency="s3cret"))
    assert refused.detail == "data.currency: should be an ISO 4217 currency code"
    assert refusal(native(identifiers={"user_id": ["s3cret"]})).detail.startswith("data.identifiers.user_id: ")


def test_an_old_version_is_upcast() -> None:
    assert one({**native(), "type": "page.viewed.v1"}).type == "page.viewed"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", Reason.EMPTY_VALUE),
        (b"\0\0\0\0\x05{}", Reason.SCHEMA_REGISTRY_FRAME),
        (b"{" * 100_000, Reason.TOO_DEEP),
        (b'{"a":' * 33 + b"1" + b"}" * 33, Reason.TOO_DEEP),
        (b"x" * (256 * 1024 + 1), Reason.TOO_LARGE),
        (b"not json", Reason.INVALID_JSON),
        (b"\xff\xfe{}", Reason.INVALID_JSON),
        (b'{"a":NaN}', Reason.INVALID_JSON),
        (b'{"a":"\\ud800"}', Reason.INVALID_JSON),
        (b"5", Reason.NOT_AN_OBJECT),
        (b'{"a":' + b"9" * 6000 + b"}", Reason.INVALID_JSON),
    ],
)
def test_bytes_that_are_no_event(value: bytes, reason: Reason) -> None:
    assert refusal(value).reason == reason


def test_the_bounds_are_inclusive() -> None:
    nested: Any = 1
    for _ in range(30):
        nested = [nested]
    event = native(consent={"a": nested})
    raw = orjson.dumps(event)
    assert depth_of(raw) == 33
    assert refusal(event).reason == Reason.TOO_DEEP
    one(event, msgspec.structs.replace(POLICY, limits=Limits(depth=33, record_bytes=len(raw))))
    assert (
        refusal(event, msgspec.structs.replace(POLICY, limits=Limits(depth=33, record_bytes=len(raw) - 1))).reason
        == Reason.TOO_LARGE
    )


def test_brackets_in_text_are_no_depth() -> None:
    assert depth_of(b'{"a":"[[[[\\"[[{{"}') == 1
    assert one(native(page="[" * 100)).fields["page"] == "[" * 100


def test_clock_records_and_tombstones_say_nothing() -> None:
    reader = decoder()
    assert reader.decode(Record(0, 0, None)) == Ignored(Silence.TOMBSTONE)
    assert reader.decode(Record(0, 0, None, None, ((JOURNEY_CLOCK, b""),))) == Ignored(Silence.CLOCK)
    assert reader.decode(Record(0, 0, b"{}", None, (("x", None), (JOURNEY_CLOCK, None)))) == Ignored(Silence.CLOCK)


def test_a_wrong_clock_is_corrected_by_when_it_was_sent() -> None:
    event = native(sent_at="2024-05-01T12:00:00Z")
    assert one(event, timestamp=NOON + HOUR).at == NOON + HOUR
    assert one(event, timestamp=NOON - HOUR).at == NOON - HOUR
    assert one(event, timestamp=NOON + SKEW_TOLERANCE_MS).at == NOON
    assert one(event, timestamp=NOON + SKEW_TOLERANCE_MS + 1).at == NOON + SKEW_TOLERANCE_MS + 1
    assert one(event, timestamp=NOON + POLICY.skew_ms).at == NOON + POLICY.skew_ms
    assert one(event, timestamp=NOON + POLICY.skew_ms + 1).at == NOON
    assert one(native(), timestamp=NOON + HOUR).at == NOON


def test_history_is_not_corrected_by_its_own_times() -> None:
    history = Policy(clock="history")
    assert one(native(sent_at="2024-05-01T12:00:00Z"), history, timestamp=NOON + HOUR).at == NOON
    known = native(sent_at="2024-05-01T12:00:00Z", received_at="2024-05-01T13:00:00Z")
    assert one(known, history).at == NOON + HOUR


def test_batch_topics_of_a_live_namespace_carry_no_visits() -> None:
    assert refusal(native(), cadence="batch").reason == Reason.NOT_FOR_BATCH
    decoded = decoder(cadence="batch").decode(record(native("order.placed")))
    assert isinstance(decoded, tuple)
    assert decoded[0].batch is True
    assert isinstance(decoder(Policy(clock="history"), cadence="batch").decode(record(native())), tuple)


def again(event: Any, said: bytes | None, timestamp: int) -> int:
    decoded = decoder().decode(msgspec.structs.replace(record(event, timestamp), headers=((JOURNEY_TIMESTAMP, said),)))
    assert isinstance(decoded, tuple)
    return decoded[0].at


def test_a_record_that_is_sent_again_is_judged_by_when_it_first_came() -> None:
    event = native(sent_at="2024-05-01T12:00:00Z")
    assert again(event, b"%d" % (NOON + HOUR), NOON + 5 * HOUR) == NOON + HOUR
    # Nobody makes a record later than it is, and what is no time says nothing.
    for said in (b"%d" % (NOON + 9 * HOUR), b"", b"-1", b"soon", b"9" * 400, None, "\u0667".encode()):
        assert again(event, said, NOON + HOUR) == NOON + HOUR
