"""Each producer's signature: the right one is taken, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from streams.collect.signatures import FORM, SCHEMES, Received
from streams.settings_types import SIGNATURES

SECRET = b"a secret of this test"
BODY = b'{"id": 1, "name": "\xc3\xa9"}'
AT = "1736331240"
URL = "https://collect.example/v1/twilio"
KEY = ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def mac(content: bytes, algorithm: str = "sha256", secret: bytes = SECRET) -> bytes:
    return hmac.new(secret, content, algorithm).digest()


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def by_mailgun() -> Received:
    signature = {"timestamp": AT, "token": "t" * 50, "signature": mac(f"{AT}{'t' * 50}".encode()).hex()}
    return Received({}, json.dumps({"signature": signature, "event-data": {"event": "opened"}}).encode())


def by_twilio_form() -> Received:
    fields = {"CallSid": "CA1", "From": "+14155550123", "CallStatus": "completed", "Empty": ""}
    signed = URL + "".join(name + fields[name] for name in sorted(fields))
    headers = {"content-type": f"{FORM}; charset=utf-8", "x-twilio-signature": encoded(mac(signed.encode(), "sha1"))}
    return Received(headers, urlencode(fields).encode(), URL)


def by_twilio_json() -> Received:
    url = f"{URL}?bodySHA256={hashlib.sha256(BODY).hexdigest()}"
    return Received({"content-type": "application/json", "x-twilio-signature": encoded(mac(url.encode(), "sha1"))}, BODY, url)


def by_sendgrid() -> Received:
    signature = encoded(KEY.sign(AT.encode() + BODY, ec.ECDSA(SHA256())))
    names = "x-twilio-email-event-webhook"
    return Received({f"{names}-signature": signature, f"{names}-timestamp": AT}, BODY)


SIGNED: dict[str, tuple[str, Callable[[], Received]]] = {
    "bearer": ("bearer", lambda: Received({"authorization": f"Bearer {SECRET.decode()}"}, BODY)),
    "intercom": ("intercom", lambda: Received({"x-hub-signature": f"sha1={mac(BODY, 'sha1').hex()}"}, BODY)),
    "mailgun": ("mailgun", by_mailgun),
    "segment": ("segment", lambda: Received({"x-signature": mac(BODY, "sha1").hex()}, BODY)),
    "sendgrid": ("sendgrid", by_sendgrid),
    "shopify": ("shopify", lambda: Received({"x-shopify-hmac-sha256": encoded(mac(BODY))}, BODY)),
    "stripe": (
        "stripe",
        lambda: Received({"stripe-signature": f"t={AT},v1={'0' * 64},v1={mac(f'{AT}.'.encode() + BODY).hex()},v0=x"}, BODY),
    ),
    "twilio, a form": ("twilio", by_twilio_form),
    "twilio, JSON": ("twilio", by_twilio_json),
    "zendesk": (
        "zendesk",
        lambda: Received(
            {
                "x-zendesk-webhook-signature": encoded(mac(AT.encode() + BODY)),
                "x-zendesk-webhook-signature-timestamp": AT,
            },
            BODY,
        ),
    ),
}


def secret_of(scheme: str) -> bytes:
    return public(KEY) if scheme == "sendgrid" else SECRET


@pytest.fixture(params=sorted(SIGNED))
def signed(request: pytest.FixtureRequest) -> tuple[str, Received]:
    scheme, build = SIGNED[request.param]
    return scheme, build()


def test_every_scheme_is_tried_here_and_can_be_set() -> None:
    assert {scheme for scheme, _ in SIGNED.values()} == set(SCHEMES) == set(SIGNATURES)


def test_what_is_signed_is_taken(signed: tuple[str, Received]) -> None:
    scheme, received = signed
    assert SCHEMES[scheme](received, secret_of(scheme))


def test_another_secret_is_refused(signed: tuple[str, Received]) -> None:
    scheme, received = signed
    other = public(ec.generate_private_key(ec.SECP256R1())) if scheme == "sendgrid" else b"another"
    assert not SCHEMES[scheme](received, other)


def test_a_body_that_was_changed_is_refused(signed: tuple[str, Received]) -> None:
    scheme, received = signed
    if scheme in ("bearer", "mailgun"):  # neither says anything of the body
        return
    assert not SCHEMES[scheme](received._replace(body=received.body + b"&x=1"), secret_of(scheme))


def test_without_one_of_its_headers_it_is_refused(signed: tuple[str, Received]) -> None:
    scheme, received = signed
    for name in received.headers:
        if name != "content-type":
            left = {key: value for key, value in received.headers.items() if key != name}
            assert not SCHEMES[scheme](received._replace(headers=left), secret_of(scheme)), name


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"signature": 3}', b"\xff\xfe", b"a=%ff", b"[" * 100_000])
def test_rubbish_is_refused(scheme: str, body: bytes) -> None:
    names = (
        "authorization",
        "x-hub-signature",
        "x-signature",
        "x-shopify-hmac-sha256",
        "stripe-signature",
        "x-twilio-signature",
        "x-twilio-email-event-webhook-signature",
        "x-twilio-email-event-webhook-timestamp",
        "x-zendesk-webhook-signature",
        "x-zendesk-webhook-signature-timestamp",
    )
    for text in ("", "=", "Bearer", "t=,v1=", "\xe9", "sha1=", "x" * 1_000):
        for content_type in (FORM, "application/json", ""):
            received = Received({**dict.fromkeys(names, text), "content-type": content_type}, body, URL)
            assert not SCHEMES[scheme](received, secret_of(scheme))


def test_a_key_that_is_none_of_this_kind_is_refused() -> None:
    for key in (b"not base64!", base64.b64encode(b"no key"), public(rsa.generate_private_key(65_537, 2_048))):
        assert not SCHEMES["sendgrid"](by_sendgrid(), key)


def test_twilios_own_example() -> None:
    """From the tests of its Python library."""
    fields = {
        "From": "+14158675309",
        "To": "+18005551212",
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
    }
    headers = {"content-type": FORM, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert SCHEMES["twilio"](Received(headers, urlencode(fields).encode(), url), b"12345")
