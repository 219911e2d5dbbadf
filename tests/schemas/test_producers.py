"""What holds for every producer's format: its table is what runs, ids are stable, and nothing that is sent raises."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from typing import Any

import pytest

from schemas.formats import find_format
from schemas.formats.pages import EXAMPLES, examples, outcomes
from schemas.formats.payload import Headers
from schemas.formats.producer import Producer
from schemas.formats.producers import producers
from schemas.identifiers import GROUP_KINDS, PERSON_KINDS, REFERENCE_KINDS
from schemas.outcomes import Ignore
from schemas.rejections import Reason, Refusal
from schemas.touchpoints import DATA, MODELS
from streams.core.decode import Decoder
from streams.core.model import Record, Rejected
from streams.core.policy import Policy, TopicPolicy
from streams.core.validation import validate_payload

SEED = 20_240_501
MUTATIONS = 300
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    10**30,
    1e308,
    -0.0,
    "",
    " ",
    "\0",
    "null",
    "9999-12-31T23:59:59Z",
    "0001-01-01",
    "2024-05-01T12:00:00.1234567 +02:00",
    "Fri, 31 Feb 2024 25:61:00 +9999",
    "1e9",
    "\U0001f469\u200d\U0001f680",
    "x" * 5_000,
    [],
    {},
    [[]],
    [None, 1, {"": ""}],
    {"": {"": []}},
]
FORMATS = sorted(producers())


@pytest.fixture(params=FORMATS)
def producer(request: pytest.FixtureRequest) -> Producer:
    return producers()[request.param]


def test_the_table_names_what_the_contract_has(producer: Producer) -> None:
    assert producer.name == producer.name.lower()
    assert find_format(producer.name) is producer
    assert set(producer.identifiers) <= {*PERSON_KINDS, *REFERENCE_KINDS, *GROUP_KINDS}
    for event, row in producer.rows.items():
        assert set(row.types) <= set(MODELS), event
        assert bool(row.types) == (row.build is not None), event
        assert row.says, event
    assert producer.documents


def test_there_are_examples_with_a_source_that_give_touchpoints(producer: Producer) -> None:
    assert f"| {producer.name}.jsonl |" in (EXAMPLES / "SOURCES.md").read_text("utf-8")
    assert outcomes(producer, examples(producer.name))["accepted"] > 0


def test_what_an_event_gives_is_in_its_row(producer: Producer) -> None:
    for value in examples(producer.name):
        for payload in split(producer, value):
            event = producer.event(payload, ())
            mapped = producer(json.dumps(payload).encode(), ()) if isinstance(payload, dict) else []
            if isinstance(mapped, list) and isinstance(event, str) and event in producer.rows:
                for document in mapped:
                    assert document["type"] in producer.rows[event].types
                    assert set(document["data"]["identifiers"]) <= set(producer.identifiers)
                    known = DATA[document["type"]].model_fields
                    assert set(document["data"]) <= set(known), f"{document['type']} has no such field"


def test_ids_are_stable_and_no_two_touchpoints_share_one(producer: Producer) -> None:
    seen: dict[tuple[str, str], Any] = {}
    for value in examples(producer.name):
        once, again = producer(value, ()), producer(value, ())
        if isinstance(once, list):
            assert isinstance(again, list)
            assert [document["id"] for document in once] == [document["id"] for document in again]
            ids = Counter((document["source"], document["id"]) for document in once)
            assert max(ids.values()) == 1
            for document in once:
                # The same fact in two payloads, as an object that is sent again as it changes, is the same touchpoint.
                told = (document["type"], document["time"])
                assert seen.setdefault((document["source"], document["id"]), told) == told


@pytest.mark.parametrize("seed", [SEED])
def test_whatever_is_in_a_payload_has_an_outcome(producer: Producer, seed: int) -> None:
    """Values and names of the examples are replaced and removed by chance."""
    chance = random.Random(f"{producer.name} {seed}")
    decoder = Decoder(TopicPolicy("t", producer.name), Policy(phone_region="US"))
    values = [payload for value in examples(producer.name) for payload in split(producer, value)]
    for number in range(MUTATIONS):
        payload = copy.deepcopy(chance.choice(values))
        for _ in range(chance.randint(1, 3)):
            payload = mutated(payload, chance)
        raw = json.dumps(payload).encode()
        headers: Headers = (("x", None),)
        mapped = producer(raw, headers)
        assert isinstance(mapped, list | Ignore | Refusal)
        result = validate_payload(decoder, number, raw, 1_700_000_000_000, "mutated")
        assert result["reason"] != Reason.INTERNAL_ERROR, (result, payload)


def test_any_field_may_be_of_another_kind(producer: Producer) -> None:
    decoder = Decoder(TopicPolicy("t", producer.name), Policy(phone_region="US"))
    others: list[Any] = [{}, [], -5, "zz!!", None]
    for value in examples(producer.name):
        for payload in split(producer, value):
            places: list[tuple[Any, Any]] = []
            collect(payload, places)
            for parent, key in places:
                own = parent[key]
                for other in others:
                    parent[key] = other
                    decoded = decoder.decode(Record(0, 0, json.dumps(payload).encode(), None, ()))
                    assert not isinstance(decoded, Rejected) or decoded.reason is not Reason.INTERNAL_ERROR, (key, other)
                parent[key] = own


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b"{}", b"3", b'"x"', b"[[]]", b"[{}]", b"{", b"\x00\x00\x00\x00\x07", b"\xff", b"a=b"]
)
def test_rubbish_is_refused_or_ignored(producer: Producer, raw: bytes) -> None:
    assert isinstance(producer(raw, ()), Ignore | Refusal)


def split(producer: Producer, value: bytes) -> list[Any]:
    payloads = producer.split(value, ())
    assert not isinstance(payloads, Refusal)
    return payloads


def mutated(payload: Any, chance: random.Random) -> Any:
    places: list[tuple[Any, Any]] = []
    collect(payload, places)
    if not places:
        return chance.choice(ODD)
    parent, key = chance.choice(places)
    if isinstance(parent, dict) and chance.random() < 0.2:
        del parent[key]
    else:
        parent[key] = copy.deepcopy(chance.choice(ODD))
    return payload


def collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        places.append((value, key))
        collect(inner, places)
