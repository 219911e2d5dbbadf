"""Identifiers of an event by purpose, and what is remembered of them."""

from __future__ import annotations

from collections import Counter

import pytest

from streams.core import identifying
from streams.core.identifying import Identifying, Memory
from streams.core.normalise import Dropped
from streams.core.policy import Limits, Policy


def test_a_number_and_its_digits_are_one_identifier_whichever_came_first() -> None:
    memory = Memory("", 256)
    assert memory.learn("user_id", 17) == memory.learn("user_id", "17") == "user_id:17"
    assert memory.known["user_id"] == {17: "user_id:17", "17": "user_id:17"}


def test_no_more_is_remembered_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifying, "REMEMBERED", 3)
    memory = Memory("", 256)
    for value in ("a", "b", "null"):
        memory.learn("user_id", value)
    assert memory.known["user_id"] == {"a": "user_id:a", "b": "user_id:b", "null": Dropped.BLOCKED}
    assert memory.learn("order_id", "1") == "order_id:1"
    assert (memory.known["user_id"], memory.known["order_id"], memory.size) == ({}, {"1": "order_id:1"}, 1)


def test_only_what_is_within_the_limit_takes_room() -> None:
    memory = Memory("", 5)
    assert memory.learn("user_id", "12345") == "user_id:12345"
    assert memory.learn("user_id", "123456") is Dropped.TOO_LONG
    assert memory.learn("user_id", "  1   ") == "user_id:1"
    assert list(memory.known["user_id"]) == ["12345"]


def test_the_second_look_says_the_same_and_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifying, "REMEMBERED", 4)
    notes: Counter[str] = Counter()
    reader = Identifying(Policy(limits=Limits(identifier_chars=99)), notes)
    said = {"email": "A@example.com", "customer_id": 7, "user_id": "null", "order_id": "1", "device_id": None, "account_id": "g"}
    expected = (("customer_id:7", "email:a@example.com"), ("order_id:1", "cart_token:c"), ("account_id:g",))
    for _ in range(3):
        assert reader.read(said, [("order_id", "2"), ("cart_token", "c")]) == expected
    assert notes == {"blocked_identifier": 3}


def test_rules_that_differ_do_not_share_what_is_remembered() -> None:
    german, short = (
        Identifying(policy, Counter()) for policy in (Policy(phone_region="DE"), Policy(limits=Limits(identifier_chars=3)))
    )
    assert german.read({"phone": "030 901820"}, [])[0] == ("phone:+4930901820",)
    assert short.read({"phone": "030 901820", "user_id": "abcd"}, []) == ((), (), ())
    assert german.read({"user_id": "abcd"}, [])[0] == ("user_id:abcd",)
