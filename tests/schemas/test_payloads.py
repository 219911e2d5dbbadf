"""Real payloads of producers, malformed ones among them: each becomes touchpoints, is ignored, or is refused with a reason."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.outcomes import Silence
from schemas.rejections import Reason
from schemas.touchpoints import MODELS
from streams.core.decode import Decoder
from streams.core.policy import Policy, TopicPolicy
from streams.core.validation import validate_payload

PAYLOADS = Path(__file__).parents[3] / "shared" / "data" / "payloads"
FORMATS = ("cloudevents", "segment", "segment:page-calls", "mapping:retentioneering-ecom")


def lines(name: str) -> Iterator[bytes]:
    path = PAYLOADS / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    for line in path.read_bytes().splitlines():
        yield json.loads(line)["raw"].encode() if name == "edge_raw" else line


def outcomes(name: str, form: str) -> list[dict[str, Any]]:
    decoder = Decoder(TopicPolicy("t", form), Policy(phone_region="US"))
    return [validate_payload(decoder, number, raw, 1_700_000_000_000, name) for number, raw in enumerate(lines(name), start=1)]


def counted(results: list[dict[str, Any]]) -> dict[str, int]:
    return dict(collections.Counter(str(result["reason"] or result["outcome"]) for result in results))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.jsonl")) or ["segment_spec"])
def test_every_payload_has_an_outcome_in_every_format(name: str, form: str) -> None:
    for result in outcomes(name, form):
        json.dumps(result)
        if result["outcome"] == "accepted":
            assert result["reason"] is None
            assert result["touchpoints"]
            assert all(touchpoint["type"] in MODELS for touchpoint in result["touchpoints"])
        elif result["outcome"] == "ignored":
            assert Silence(result["reason"])
        else:
            assert Reason(result["reason"]) != Reason.INTERNAL_ERROR
            assert result["stage"] == Reason(result["reason"]).stage


def test_segments_spec() -> None:
    """Most of its examples are snippets without any time."""
    assert counted(outcomes("segment_spec", "segment")) == {"missing_time": 14, "unmapped_event": 12, "accepted": 4}


def test_rudderstacks_calls() -> None:
    results = outcomes("rudderstack_spec", "segment")
    assert counted(results) == {"accepted": 10, "unmapped_event": 7, "missing_type": 1}
    shipped = results[10]["touchpoints"][0]
    assert (shipped["type"], shipped["dimensions"]["channel"]) == ("shipment.dispatched", "logistics")
    alias = [touchpoint["persons"] for touchpoint in results[6]["touchpoints"]]
    assert [[name for name in persons if name.startswith("anonymous_id:")] for persons in alias] == [
        ["anonymous_id:sampleusrRudder3"],
        ["anonymous_id:my-anonymous-id-new"],
    ]


def test_the_conformance_events_are_understood_and_of_no_known_type() -> None:
    results = outcomes("cloudevents_conformance", "cloudevents")
    assert counted(results) == {"unknown_type": 6, "unsupported_content": 4}


def test_the_edges() -> None:
    kinds = (
        [json.loads(line)["kind"] for line in (PAYLOADS / "edge_raw.jsonl").read_bytes().splitlines()]
        if PAYLOADS.exists()
        else []
    )
    results = outcomes("edge_raw", "segment")
    by_kind = {kind: [result for known, result in zip(kinds, results, strict=True) if known == kind] for kind in kinds}
    assert counted(by_kind["malformed_json"]) == {"invalid_json": 2}
    assert counted(by_kind["missing_type"]) == {"missing_type": 1}
    assert counted(by_kind["unknown_type"]) == {"unknown_type": 1}
    first = [result["touchpoints"][0]["occurred_at"] for result in by_kind["time_format"] if result["touchpoints"]]
    assert first == ["2021-01-04T08:25:04.798Z", "2023-02-06T14:14:25.495Z", "2020-01-24T06:29:02.402Z"]
    repeats = [result for result in by_kind["duplicate_message_id"] if result["touchpoints"]]
    assert len({result["touchpoints"][0]["id"] for result in repeats}) == len(repeats)
