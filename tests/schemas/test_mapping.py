"""Mappings: files that describe a payload, what they refuse at load and at a payload, and the shipped clickstream."""

from __future__ import annotations

import collections
import csv
import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.formats import FormatError, Headers, Mapped, Mapper, find_format, format_digest, format_names
from schemas.outcomes import JOURNEY_POSITION, Ignore, Silence
from schemas.rejections import Reason, Refusal
from schemas.touchpoints import AnyTouchpoint
from streams.core.decode import Decoder
from streams.core.model import Identifier, Record
from streams.core.policy import Policy, TopicPolicy

CLICKSTREAM = Path(__file__).parents[3] / "shared" / "data" / "ecom" / "ecom.csv.gz"
LINE_7: Headers = ((JOURNEY_POSITION, b"orders.csv:7"),)

ORDERS: dict[str, Any] = {
    "source": "shop-orders",
    "id": {"columns": ["number", "line"]},
    "time": {"column": "placed", "formats": ["%d.%m.%Y %H:%M"], "zone": "Europe/Berlin"},
    "type": {"column": "state", "values": {"new": ["order.placed", "delivery.promised"], "gone": "order.cancelled"}},
    "identifiers": {"customer_id": "buyer.id", "order_id": "number"},
    "fields": {"channel": {"constant": "web"}, "market": {"columns": ["country", "lines.0.country"], "default": "de"}},
    "types": {
        "order.placed": {"fields": {"value": "total", "currency": {"constant": "EUR"}}},
        "delivery.promised": {"fields": {"promised_at": {"column": "due", "time": {"formats": ["%d.%m.%Y"]}}}},
    },
}
ORDER = {"number": 17, "placed": "01.05.2024 14:00", "state": "new", "buyer": {"id": "b"}, "total": "19.99", "due": "03.05.2024"}


def load(tmp_path: Path, described: Any) -> Mapper:
    path = tmp_path / "mapping.yaml"
    path.write_text(described if isinstance(described, str) else yaml.safe_dump(described), "utf-8")
    return find_format(f"mapping:{path}")


def mapped(tmp_path: Path, payload: Any, headers: Headers = LINE_7, **changes: Any) -> Mapped:
    return load(tmp_path, {**ORDERS, **changes})(json.dumps(payload).encode(), headers)


def documents(tmp_path: Path, payload: Any, **changes: Any) -> list[dict[str, Any]]:
    result = mapped(tmp_path, payload, **changes)
    assert isinstance(result, list), result
    for document in result:
        AnyTouchpoint.validate_python(document)
    return result


def test_one_payload_becomes_two_touchpoints(tmp_path: Path) -> None:
    placed, promised = documents(tmp_path, ORDER)
    assert placed["time"] == datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert placed["id"] == "17\x1f"
    assert placed["source"] == "shop-orders"
    assert placed["data"] == {
        "channel": "web",
        "market": "de",
        "value": "19.99",
        "currency": "EUR",
        "identifiers": {"customer_id": "b", "order_id": 17},
    }
    assert promised["id"] == "17\x1f\0001"
    assert promised["data"]["promised_at"] == date(2024, 5, 3)


def test_columns_in_lists_and_the_first_that_is_not_empty(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"country": "", "lines": [{"country": "fr"}]}, "fr"),
        ({"country": "us", "lines": [{"country": "fr"}]}, "us"),
        ({"lines": []}, "de"),
        ({"lines": {"0": {"country": "at"}}}, "at"),
        ({"lines.0.country": "ch", "lines": [{"country": "fr"}]}, "ch"),
    ]
    for payload, market in cases:
        assert documents(tmp_path, {**ORDER, **payload})[0]["data"]["market"] == market


def test_values_translate_and_leave_the_rest(tmp_path: Path) -> None:
    table = {"column": "country", "values": {"DE": "de", "1": "fr", "true": "us"}}
    for given, market in [("DE", "de"), (" DE ", "de"), (1, "fr"), (True, "us"), ("at", "at"), ("", None)]:
        assert (
            documents(tmp_path, {**ORDER, "country": given}, fields={"channel": {"constant": "web"}, "market": table})[0][
                "data"
            ].get("market")
            == market
        )
    closed = {"channel": {"constant": "web"}, "market": {**table, "default": "other"}}
    assert documents(tmp_path, {**ORDER, "country": "at"}, fields=closed)[0]["data"]["market"] == "other"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ([], Reason.NOT_AN_OBJECT),
        ({**ORDER, "state": "lost"}, Reason.UNMAPPED_VALUE),
        ({**ORDER, "state": None}, Reason.UNMAPPED_VALUE),
        ({**ORDER, "state": ["new"]}, Reason.UNMAPPED_VALUE),
        ({**ORDER, "number": "", "line": None}, Reason.MISSING_ID),
        ({**ORDER, "placed": ""}, Reason.MISSING_TIME),
        ({**ORDER, "placed": "2024-05-01"}, Reason.INVALID_TIME),
        ({**ORDER, "placed": {"at": 5}}, Reason.INVALID_TIME),
    ],
)
def test_payloads_that_cannot_be_used(tmp_path: Path, payload: Any, reason: Reason) -> None:
    result = mapped(tmp_path, payload)
    assert isinstance(result, Refusal)
    assert result.reason == reason


def test_what_is_not_listed_may_be_ignored(tmp_path: Path) -> None:
    rule = {"column": "state", "values": {"gone": "order.cancelled"}, "otherwise": "ignore"}
    assert mapped(tmp_path, ORDER, type=rule, types={}) == Ignore(Silence.UNMAPPED_EVENT)


def test_event_ids_by_position_or_digest(tmp_path: Path) -> None:
    assert documents(tmp_path, ORDER, id="position")[0]["id"] == "orders.csv:7"
    missing = mapped(tmp_path, ORDER, headers=(), id="position")
    assert isinstance(missing, Refusal)
    assert missing.reason == Reason.MISSING_POSITION
    turned = dict(reversed(ORDER.items()))
    digest = documents(tmp_path, ORDER, id="digest")[0]["id"]
    assert documents(tmp_path, turned, id="digest")[0]["id"] == digest
    assert documents(tmp_path, {**ORDER, "total": "20"}, id="digest")[0]["id"] != digest


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2024-05-01T12:00:00Z", {}),
        ("2024-05-01 14:00:00", {"zone": "Europe/Berlin"}),
        ("2024-05-01T14:00:00+02:00", {"zone": "America/New_York"}),
        (1714564800, {"formats": ["epoch_seconds"]}),
        ("1714564800.000", {"formats": ["epoch_seconds"]}),
        (1714564800000, {"formats": ["epoch_milliseconds"]}),
        (1714564800000000, {"formats": ["epoch_microseconds"]}),
        ("Wed, 01 May 2024 12:00:00 +0000", {"formats": ["iso", "%a, %d %b %Y %H:%M:%S %z"]}),
        ("01/05/24 12", {"formats": ["%d/%m/%y %H"], "zone": "UTC"}),
    ],
)
def test_ways_to_write_a_time(tmp_path: Path, value: Any, time: dict[str, Any]) -> None:
    document = documents(tmp_path, {**ORDER, "placed": value}, time={"column": "placed", **time})[0]
    assert document["time"] == datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2024-05-01 12:00:00", "soon", float(10**300), -(10**30), True, [5]])
def test_what_is_no_time_or_has_no_zone(tmp_path: Path, value: Any) -> None:
    formats = {"column": "placed", "formats": ["iso", "epoch_seconds"]}
    result = mapped(tmp_path, {**ORDER, "placed": value}, time=formats)
    assert isinstance(result, Refusal)
    assert result.reason == Reason.INVALID_TIME


def test_a_day_alone_begins_in_the_mappings_zone(tmp_path: Path) -> None:
    time = {"column": "placed", "formats": ["%Y%m%d"], "zone": "Europe/Berlin"}
    assert documents(tmp_path, {**ORDER, "placed": "20240501"}, time=time)[0]["time"] == datetime(2024, 4, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "colour"),
        ({"source": ""}, "source"),
        ({"time": {"column": "placed", "zone": "Mars/Base"}}, "no IANA time zone"),
        ({"time": {"column": "placed", "formats": ["weird"]}}, "formats are"),
        ({"type": {"column": "state", "values": {"new": "order.made"}}}, "order.made"),
        ({"type": {"column": "state"}}, "a constant, or a column"),
        ({"identifiers": {"tax_id": "x"}}, "tax_id"),
        ({"types": {"order.placed": {"fields": {"page": "x"}}}}, "order.placed has no field page"),
        ({"types": {"page.viewed": {}}}, "page.viewed are never given"),
        ({"fields": {"channel": {"column": "a", "constant": "b"}}}, "exactly one"),
        ({"fields": {"channel": {}}}, "exactly one"),
        ({"identifiers": {"order_id": False}}, "to be quoted"),
    ],
)
def test_a_wrong_mapping_is_refused_when_it_is_loaded(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        load(tmp_path, {**ORDERS, **change})


@pytest.mark.parametrize("text", ["", "[]", "a: [", "!!python/object:os.system {}", "5"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError):
        load(tmp_path, text)


@pytest.mark.parametrize("name", ["mapping:nowhere", "mapping:", "avro", ""])
def test_an_unknown_format_says_what_is_known(name: str) -> None:
    with pytest.raises(FormatError, match="retentioneering-ecom"):
        find_format(name)


@pytest.mark.parametrize("name", format_names())
def test_every_listed_format_is_found(name: str) -> None:
    assert callable(find_format(name))


def test_a_format_is_known_by_what_it_does(tmp_path: Path) -> None:
    def digest(described: Any, name: str) -> str:
        (tmp_path / name).write_text(yaml.safe_dump(described), "utf-8")
        return format_digest(f"mapping:{tmp_path / name}")

    first = digest(ORDERS, "a.yaml")
    assert digest({**dict(reversed(ORDERS.items())), "description": "the same"}, "b.yaml") == first
    assert digest({**ORDERS, "source": "another"}, "a.yaml") != first
    assert len({format_digest(name) for name in format_names()}) == len(format_names())


def test_the_clickstream_by_type() -> None:
    if not CLICKSTREAM.exists():
        pytest.skip("the clickstream file is not here")
    decoder = Decoder(TopicPolicy("t", "mapping:retentioneering-ecom"), Policy(clock="history"))
    found: collections.Counter[str] = collections.Counter()
    events: set[bytes] = set()
    people: set[tuple[Identifier, ...]] = set()
    visits: set[Identifier] = set()
    with gzip.open(CLICKSTREAM, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            position = ((JOURNEY_POSITION, f"ecom.csv.gz:{number}".encode()),)
            decoded = decoder.decode(Record(0, 0, json.dumps(row).encode(), None, position))
            assert isinstance(decoded, tuple), decoded
            (touchpoint,) = decoded
            found[touchpoint.type] += 1
            events.add(touchpoint.eid)
            people.add(touchpoint.persons)
            visits.update(name for name in touchpoint.references if name.startswith("visit_id:"))
            if touchpoint.type == "contact.opened":
                assert f"contact_id:ecom.csv.gz:{number}" in touchpoint.references
            assert touchpoint.dimensions.acquisition in {"direct", "email", "organic", "paid", "social"}
            assert touchpoint.dimensions.device in {"desktop", "mobile", "tablet"}
            assert touchpoint.fields.get("page_group") != "other"
    assert found == {
        "page.viewed": 19_908,
        "search.performed": 4_011,
        "navigation.used": 2_610,
        "cart.item_added": 1_346,
        "element.clicked": 1_087,
        "checkout.started": 958,
        "order.placed": 470,
        "error.shown": 320,
        "contact.opened": 277,
        "payment.failed": 119,
    }
    assert (len(events), len(people), len(visits)) == (31_106, 600, 3_605)
    assert not decoder.notes
