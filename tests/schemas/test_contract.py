"""The contract's models: every type of the contract, its round trip, its bounds, and the generated schemas."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import generate
from schemas.envelope import Data, iso, parse_deadline, parse_instant
from schemas.identifiers import GROUP_KINDS, PERSON_KINDS, REFERENCE_KINDS, Identifiers
from schemas.outcomes import JOURNEY_REPLAYED, JOURNEY_TIMESTAMP, Silence
from schemas.rejections import Reason
from schemas.touchpoints import FAMILIES, MODELS, AnyTouchpoint
from schemas.upcast import upcast
from streams.core.journey import TYPES
from streams.core.model import Partition, Record, Rejected, Stage
from streams.worker.dead_letters import headers_of
from tests.schemas.examples import OWN, full, native

TOPICS = generate.DIRECTORY.parent / "deploy" / "topics.yaml"
CONTRACT = [
    "page.viewed",
    "page.left",
    "element.clicked",
    "search.performed",
    "navigation.used",
    "error.shown",
    "task.started",
    "task.step_reached",
    "task.completed",
    "task.failed",
    "cart.item_added",
    "cart.item_removed",
    "checkout.started",
    "payment.failed",
    "order.placed",
    "order.cancelled",
    "order.refunded",
    "delivery.promised",
    "shipment.dispatched",
    "delivery.backordered",
    "delivery.attempted",
    "delivery.delivered",
    "delivery.damage_reported",
    "delivery.returned",
    "contact.opened",
    "contact.queued",
    "contact.menu_navigated",
    "contact.answered",
    "contact.held",
    "contact.transferred",
    "contact.replied",
    "contact.resolved",
    "contact.reopened",
    "contact.ended",
    "contact.abandoned",
    "message.sent",
    "message.delivered",
    "message.opened",
    "message.clicked",
    "message.bounced",
    "message.complained",
    "message.unsubscribed",
    "survey.sent",
    "survey.answered",
    "account.created",
    "account.closed",
    "subscription.started",
    "subscription.renewed",
    "subscription.cancelled",
    "subscription.payment_failed",
    "subscription.ended",
    "profile.linked",
    "consent.changed",
    "profile.erased",
    "referral.made",
    "referral.converted",
    "review.posted",
    "social.mentioned",
    "store.visited",
    "product.installed",
    "product.used",
]


def data_of(kind: str) -> type[Data]:
    model = MODELS[kind].model_fields["data"].annotation
    assert isinstance(model, type)
    assert issubclass(model, Data)
    return model


def test_the_union_has_exactly_the_types_of_the_contract() -> None:
    assert list(MODELS) == CONTRACT


def test_the_pipeline_knows_every_type() -> None:
    assert set(TYPES) == set(MODELS)


@pytest.mark.parametrize("kind", CONTRACT)
def test_a_full_event_survives_the_round_trip(kind: str) -> None:
    event = AnyTouchpoint.validate_python(full(kind))
    again = AnyTouchpoint.validate_json(event.model_dump_json(exclude_none=True))
    assert type(again) is MODELS[kind]
    assert again == event


@pytest.mark.parametrize("family", FAMILIES)
def test_the_full_examples_leave_no_field_out(family: str) -> None:
    for model in FAMILIES[family]:
        kind = next(name for name, known in MODELS.items() if known is model)
        assert set(data_of(kind).model_fields) - set(Data.model_fields) == set(OWN[family])


def test_every_kind_of_identifier_has_one_purpose() -> None:
    listed = [*PERSON_KINDS, *REFERENCE_KINDS, *GROUP_KINDS]
    assert listed == list(Identifiers.__annotations__)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("kind", "data", "path"),
    [
        ("page.viewed", {"engaged_ms": True}, "engaged_ms"),
        ("page.viewed", {"engaged_ms": -1}, "engaged_ms"),
        ("page.viewed", {"traffic": "alien"}, "traffic"),
        ("page.viewed", {"results": "many"}, "results"),
        ("task.started", {}, "task"),
        ("order.placed", {"value": True}, "value"),
        ("order.placed", {"value": float("inf")}, "value"),
        ("order.placed", {"value": "1e12"}, "value"),
        ("order.placed", {"currency": "XXZ"}, "currency"),
        ("order.placed", {"promised_at": "2024-02-30"}, "promised_at"),
        ("order.placed", {"promised_at": "2024-02-03T10:00:00"}, "promised_at"),
        ("delivery.promised", {}, "promised_at"),
        ("contact.ended", {"hold_seconds": -1}, "hold_seconds"),
        ("contact.ended", {"hold_seconds": True}, "hold_seconds"),
        ("contact.opened", {"direction": "sideways"}, "direction"),
        ("survey.answered", {"score": 5}, "instrument"),
        ("survey.answered", {"instrument": "nps", "score": 4.5}, "score"),
        ("survey.answered", {"instrument": "nps", "score": True}, "score"),
        ("survey.answered", {"instrument": "sus", "answers": [1] * 51}, "answers"),
        ("review.posted", {"rating": 4.5}, "rating"),
    ],
)
def test_a_wrong_field_is_named(kind: str, data: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AnyTouchpoint.validate_python(native(kind, **data))
    assert {error["loc"][2] for error in caught.value.errors()} == {path}


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ({"instrument": "nps", "score": 0}, True),
        ({"instrument": "nps", "score": 10}, True),
        ({"instrument": "nps", "score": 11}, False),
        ({"instrument": "csat", "score": 0}, False),
        ({"instrument": "csat", "score": 5}, True),
        ({"instrument": "csat", "score": 6}, False),
        ({"instrument": "csat", "score": 7, "scale_max": 7}, True),
        ({"instrument": "csat", "score": 1, "scale_min": 3, "scale_max": 3}, False),
        ({"instrument": "csat"}, False),
        ({"instrument": "sus", "answers": []}, False),
        ({"instrument": "sus", "answers": [1, 6]}, False),
        ({"instrument": "sus", "answers": [1, 5], "score": 85}, True),
        ({"instrument": "CES2", "score": 7}, True),
    ],
)
def test_an_answer_is_on_its_scale(answer: dict[str, Any], fits: bool) -> None:
    event = native("survey.answered", **answer)
    if fits:
        AnyTouchpoint.validate_python(event)
    else:
        with pytest.raises(ValidationError):
            AnyTouchpoint.validate_python(event)


@pytest.mark.parametrize("value", [True, 1.5, [], {}, 2**63, ["u1"]])
def test_an_identifier_is_text_or_a_whole_number(value: Any) -> None:
    with pytest.raises(ValidationError):
        AnyTouchpoint.validate_python(native(identifiers={"user_id": value}))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.9999Z", 999),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1970-01-01t05:30:00.001+05:30", 1),
        ("1969-12-31 14:00:00 -10:00", 0),
        ("1970-01-01T00:00:00.0010000Z", 1),
        ("0001-01-01T00:00:00+05:30", -62135616600000),
        ("9999-12-31T23:59:59-12:00", 253402343999000),
    ],
)
def test_times_are_read_with_their_zone(text: str, at: int) -> None:
    assert parse_instant(text) == at


@pytest.mark.parametrize(
    "value", ["", "2024-05-01", "2024-05-01T12:00:00", "1714564800", 1714564800, None, "soon", "2024-13-01T00:00:00Z"]
)
def test_what_has_no_zone_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match="should"):
        parse_instant(value)


@given(st.integers(-62135596800000, 253402300799999))
def test_a_written_time_is_read_back(at: int) -> None:
    assert parse_instant(iso(at)) == at


def test_a_date_alone_stays_a_date() -> None:
    assert parse_deadline("2024-05-03") == date(2024, 5, 3)
    assert parse_deadline("1970-01-01T00:00:01Z") == 1000


def test_the_generated_files_are_those_of_the_models() -> None:
    """Run `python -m schemas.generate` when this fails."""
    folder = generate.DIRECTORY
    paths = [*folder.glob("json/*"), folder / "asyncapi.yaml", *folder.glob(f"{generate.PAGES}/*")]
    assert {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths} == generate.files()


def test_generating_removes_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "page.seen.json").write_text("{}")
    assert generate.main(tmp_path) == 0
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.is_file()} == set(generate.files())


def test_the_asyncapi_document_reads_back_and_its_references_lead_somewhere() -> None:
    document = yaml.safe_load((generate.DIRECTORY / "asyncapi.yaml").read_text("utf-8"))
    assert document == generate.asyncapi()
    assert list(document["channels"]) == ["touchpoints", "history", "deadLetters"]
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].removeprefix("#/components/messages/") in document["components"]["messages"]
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]
    assert list(document["channels"]["touchpoints"]["messages"]) == [*CONTRACT, generate.PAYLOAD]
    for name in CONTRACT:
        reference = document["components"]["messages"][name]["payload"]["schema"]["$ref"]
        assert (generate.DIRECTORY / reference).is_file()


def test_the_asyncapi_document_has_the_topics_that_are_made() -> None:
    made = [topic["name"] for topic in yaml.safe_load(TOPICS.read_text("utf-8"))["topics"]]
    told = [channel["parameters"]["topic"]["default"] for channel in generate.asyncapi()["channels"].values()]
    assert told == [name for name in made if name != "control"]


def test_the_asyncapi_document_tells_the_headers_of_a_dead_letter() -> None:
    record, why = Record(7, 1, b"x" * 3, b"k", (("content-type", b"a"),)), Rejected(Stage.TIME, Reason.TOO_LATE, "late")
    message = generate.asyncapi()["components"]["messages"][generate.REJECTED]["headers"]
    named = {name for name, _ in headers_of(Partition("t", 0), record, [why]) if name.startswith("journey-")}
    assert {*named, "journey-truncated"} == set(message["properties"])
    assert set(message["required"]) == named - {"journey-key"}
    assert message["properties"]["journey-reason"]["enum"] == sorted(Reason)


def test_a_dead_letter_that_is_rejected_again_keeps_the_time_at_which_it_first_came() -> None:
    again = Record(9, 5_000, b"x", None, ((JOURNEY_TIMESTAMP, b"1000"), (JOURNEY_REPLAYED, b"t/0/7")))
    told = headers_of(Partition("t", 0), again, [Rejected(Stage.TIME, Reason.TOO_LATE, "late")])
    assert [value for name, value in told if name == JOURNEY_TIMESTAMP] == [b"1000"]
    assert (JOURNEY_REPLAYED, b"t/0/7") in told


def test_a_schema_states_what_is_required() -> None:
    schema = generate.schema_of("survey.answered")
    assert schema["required"] == ["data", "id", "source", "specversion", "time", "type"]
    assert schema["$defs"]["AnswerData"]["required"] == ["identifiers", "channel", "instrument"]


def test_every_reason_says_where_and_what() -> None:
    assert len({reason.meaning for reason in Reason}) == len(Reason)
    assert {reason.stage for reason in Reason} == {str(stage) for stage in Stage}
    assert all(f"{reason}" == reason.value for reason in [*Reason, *Silence])


def test_an_old_version_goes_up_step_by_step() -> None:
    present = {"order.placed": 3}
    steps = {
        ("order.placed", 1): lambda event: {**event, "two": event["one"]},
        ("order.placed", 2): lambda event: {**event, "three": event["two"]},
    }
    old = {"type": "order.placed.v1", "one": 5}
    assert upcast(old, present, steps) == {"type": "order.placed", "one": 5, "two": 5, "three": 5}
    assert old == {"type": "order.placed.v1", "one": 5}
    assert upcast({"type": "order.placed.v4"}, present, steps) is None
    assert upcast({"type": "order.placed.v1"}, present, {}) is None


@pytest.mark.parametrize("kind", [None, 5, ["page.viewed"], "page.viewed", "page.viewed.v0", "page.viewed.v2", "x" * 200])
def test_what_names_no_known_version_is_not_upcast(kind: object) -> None:
    assert upcast({"type": kind}) is None
