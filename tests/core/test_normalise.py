"""Identifiers in normal form: what is one, what is dropped, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import PERSON_KINDS, REFERENCE_KINDS
from streams.core.normalise import BLOCKED, Dropped, _email, _validated, normalise

KINDS = [*PERSON_KINDS, *REFERENCE_KINDS]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("user_id", "  u1 ", "user_id:u1"),
        ("user_id", "U1", "user_id:U1"),
        ("user_id", "Zoe\u0308", "user_id:Zo\u00eb"),
        ("user_id", "\U0001f469\u200d\U0001f680", "user_id:\U0001f469\u200d\U0001f680"),
        ("user_id", "a:b|c=d", "user_id:a:b|c=d"),
        ("email", " Ann.Lee@Example.COM ", "email:ann.lee@example.com"),
        ("email", "mailto:a@example.com", "email:a@example.com"),
        ("email", "a@b\u00fccher.example", "email:a@b\u00fccher.example"),
        ("email", "a@xn--bcher-kva.example", "email:a@b\u00fccher.example"),
        ("email", "a@shop.test", "email:a@shop.test"),
        ("phone", "+49 (30) 901820", "phone:+4930901820"),
        ("phone", "tel:+4930901820", "phone:+4930901820"),
        ("phone", "004930901820", "phone:+4930901820"),
        ("phone", "030 901820", "phone:+4930901820"),
        ("tracking_number", "1z 999 aa1", "tracking_number:1Z999AA1"),
        ("order_id", "0017", "order_id:0017"),
    ],
)
def test_one_identifier_has_one_form(kind: str, value: str, expected: str) -> None:
    assert normalise(kind, value, "DE", 256) == (expected, None)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("user_id", "", Dropped.EMPTY),
        ("user_id", " \t", Dropped.EMPTY),
        ("user_id", "NULL", Dropped.BLOCKED),
        ("user_id", "[object Object]", Dropped.BLOCKED),
        ("user_id", "0000", Dropped.BLOCKED),
        ("device_id", "00000000-0000-0000-0000-000000000000", Dropped.BLOCKED),
        ("order_id", "undefined", Dropped.BLOCKED),
        ("user_id", "-1", Dropped.BLOCKED),
        ("user_id", "x" * 257, Dropped.TOO_LONG),
        ("user_id", "x" * 100_000, Dropped.TOO_LONG),
        ("user_id", "a\nb", Dropped.INVALID),
        ("user_id", "a\x00b", Dropped.INVALID),
        ("user_id", "a\ud800", Dropped.INVALID),
        ("email", "nobody", Dropped.INVALID),
        ("email", "a@b@c.example", Dropped.INVALID),
        ("phone", "12", Dropped.INVALID),
        ("phone", "ring me", Dropped.INVALID),
    ],
)
def test_what_is_no_identifier_is_dropped(kind: str, value: str, why: Dropped) -> None:
    assert normalise(kind, value, "DE", 256) == (None, why)


def test_a_local_phone_number_needs_a_region() -> None:
    assert normalise("phone", "030 901820", "", 256) == (None, Dropped.INVALID)


def test_the_limit_is_inclusive() -> None:
    assert normalise("user_id", "x" * 256, "", 256)[1] is None


def test_blocked_values_are_listed_as_they_are_compared() -> None:
    assert all(value == value.casefold().strip() for value in BLOCKED)


@given(st.sampled_from(KINDS), st.text(max_size=300), st.sampled_from(["", "DE", "US", "??"]))
def test_any_text_gives_an_identifier_or_a_reason_and_normal_stays_normal(kind: str, value: str, region: str) -> None:
    identifier, why = normalise(kind, value, region, 256)
    assert (identifier is None) != (why is None)
    if identifier is not None:
        identifier.encode("utf-8")
        assert normalise(kind, identifier.removeprefix(f"{kind}:"), region, 256) == (identifier, None)


LABEL = st.text("aZ0-", min_size=1, max_size=4) | st.sampled_from(["x" * 63, "x" * 64, "xn--bcher-kva", "ab--c", "test", "local"])


@given(
    st.text("aB1._+-'\" <>\u00fc", max_size=6) | st.just("l" * 70),
    st.lists(LABEL, min_size=1, max_size=5).map(".".join) | st.sampled_from(["example.com", "Example.COM.", "x.c0", "[1.2.3.4]"]),
)
def test_a_plain_email_is_read_as_the_library_reads_it(local: str, domain: str) -> None:
    for text in (f"{local}@{domain}", f"{local}@{domain}".upper()):
        if text == text.strip():
            assert _email(text) == _validated(text)


@pytest.mark.parametrize(("chars", "fits"), [(254, True), (255, False)])
def test_the_longest_email(chars: int, fits: bool) -> None:
    text = "a" * (chars - len("@example.com")) + "@example.com"
    assert _email(text) == _validated(text) == (text if fits else "")
