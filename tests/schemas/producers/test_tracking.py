"""Parcel trackers, which come again and again with a longer history."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.formats.pages import examples
from tests.schemas.producers.reading import mapped

LAST: dict[str, dict[str, Any]] = {name: json.loads(examples(name)[-1]) for name in ("aftership", "easypost", "shippo")}
HISTORY = {
    "aftership": ("msg", "checkpoints"),
    "easypost": ("result", "tracking_details"),
    "shippo": ("data", "tracking_history"),
}


@pytest.mark.parametrize("name", sorted(LAST))
def test_each_fact_once_and_the_earliest(name: str) -> None:
    found = {document["type"]: document for document in mapped(name, LAST[name])}
    assert {"shipment.dispatched", "delivery.delivered"} <= set(found)
    dispatched, delivered = found["shipment.dispatched"], found["delivery.delivered"]
    assert dispatched["time"] < delivered["time"] == datetime(2024, 5, 3, 11, 30, tzinfo=UTC)
    assert dispatched["time"].astimezone(UTC).day == 1
    assert dispatched["data"]["channel"] == "logistics"
    assert "promised_at" not in dispatched["data"]
    assert dispatched["data"]["identifiers"]["tracking_number"] == delivered["data"]["identifiers"]["tracking_number"]


@pytest.mark.parametrize("name", sorted(LAST))
def test_a_longer_history_repeats_what_was_known(name: str) -> None:
    part, history = HISTORY[name]
    earlier = copy.deepcopy(LAST[name])
    earlier[part][history] = [
        one for one in earlier[part][history] if not any("eliver" in str(value).lower() for value in one.values())
    ]
    earlier[part].pop("tracking_status", None)
    known = mapped(name, earlier)
    assert known
    later = mapped(name, LAST[name])
    assert all(document in later for document in known)
    assert len(later) > len(known)


def test_failed_attempts_are_each_a_fact() -> None:
    payload = copy.deepcopy(LAST["easypost"])
    payload["result"]["tracking_details"].append({"status": "failure", "datetime": "2024-05-02T18:00:00Z"})
    attempts = [document for document in mapped("easypost", payload) if document["type"] == "delivery.attempted"]
    assert len({document["id"] for document in attempts}) == 2


def test_a_tracker_alone_is_its_event() -> None:
    assert mapped("easypost", LAST["easypost"]["result"]) == mapped("easypost", LAST["easypost"])
    assert mapped("aftership", LAST["aftership"]["msg"]) == mapped("aftership", LAST["aftership"])


def test_whose_parcel_it_is() -> None:
    [known, *_] = mapped("aftership", LAST["aftership"])
    assert known["data"]["identifiers"] == {
        "tracking_number": "1Z0000000000000017",
        "order_id": "10017",
        "email": "person@example.com",
    }
    several = copy.deepcopy(LAST["aftership"])
    several["msg"]["emails"] = ["a@example.com", "shop@example.com"]
    assert "email" not in mapped("aftership", several)[0]["data"]["identifiers"]
