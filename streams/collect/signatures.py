"""Who sent a body: each producer's way of signing what it sends, and a bearer token for those that do not sign.

An authentic body that is sent again is the same event, and counts once; so no signature expires here, and clocks that
differ cost no event. Comparisons take the same time wherever the difference is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

FORM = "application/x-www-form-urlencoded"


class Received(NamedTuple):
    """A request: headers by name in lower case, the body as it came, and the URL that the producer called."""

    headers: Mapping[str, str]
    body: bytes
    url: str = ""


Verify = Callable[[Received, bytes], bool]
"""Whether the request is from somebody who knows the secret; of SendGrid it is the public key. Never raises for what is sent."""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _mac(secret: bytes, content: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret, content, algorithm).digest()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def bearer(received: Received, secret: bytes) -> bool:
    """`Authorization: Bearer TOKEN`."""
    scheme, _, token = received.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), secret)


def shopify(received: Received, secret: bytes) -> bool:
    """HMAC-SHA256 of the body in base64."""
    return _equal(received.headers.get("x-shopify-hmac-sha256", ""), _base64(_mac(secret, received.body)))


def stripe(received: Received, secret: bytes) -> bool:
    """HMAC-SHA256 of time and body, in one of the parts v1 of the header."""
    parts = [part.strip().partition("=") for part in received.headers.get("stripe-signature", "").split(",")]
    at = next((value for name, _, value in parts if name == "t"), "")
    expected = _mac(secret, f"{at}.".encode() + received.body).hex()
    return any(_equal(value, expected) for name, _, value in parts if name == "v1")


def zendesk(received: Received, secret: bytes) -> bool:
    """HMAC-SHA256 of time and body in base64."""
    at = received.headers.get("x-zendesk-webhook-signature-timestamp", "")
    expected = _base64(_mac(secret, at.encode() + received.body))
    return bool(at) and _equal(received.headers.get("x-zendesk-webhook-signature", ""), expected)


def intercom(received: Received, secret: bytes) -> bool:
    """HMAC-SHA1 of the body, `sha1=` and hex digits."""
    return _equal(received.headers.get("x-hub-signature", ""), "sha1=" + _mac(secret, received.body, "sha1").hex())


def segment(received: Received, secret: bytes) -> bool:
    """HMAC-SHA1 of the body in hex digits."""
    return _equal(received.headers.get("x-signature", ""), _mac(secret, received.body, "sha1").hex())


def mailgun(received: Received, secret: bytes) -> bool:
    """HMAC-SHA256 of the time and token that are in the body, beside it."""
    try:
        signed = msgspec.json.decode(received.body, type=_Mailgun).signature
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    expected = _mac(secret, (signed.timestamp + signed.token).encode()).hex()
    return _equal(signed.signature, expected)


class _MailgunSignature(msgspec.Struct):
    timestamp: str
    token: str
    signature: str


class _Mailgun(msgspec.Struct):
    signature: _MailgunSignature


def twilio(received: Received, secret: bytes) -> bool:
    """HMAC-SHA1 in base64 of the URL, and of the fields of a form by name; of another body the URL has the SHA-256."""
    signed = received.url
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        try:
            fields = parse_qsl(received.body.decode(), keep_blank_values=True, max_num_fields=1_000)
        except ValueError:
            return False
        signed += "".join(name + value for name, value in sorted(fields))
    else:
        said = dict(parse_qsl(urlsplit(received.url).query)).get("bodySHA256", "")
        if not _equal(said.lower(), hashlib.sha256(received.body).hexdigest()):
            return False
    return _equal(received.headers.get("x-twilio-signature", ""), _base64(_mac(secret, signed.encode(), "sha1")))


def sendgrid(received: Received, key: bytes) -> bool:
    """ECDSA over SHA-256 of time and body; `key` is the verification key that SendGrid shows, base64 of DER."""
    # Only this one needs more than the standard library.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    at = received.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        signature = base64.b64decode(received.headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
        public = load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, EllipticCurvePublicKey):
            return False
        public.verify(signature, at.encode() + received.body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


SCHEMES: Mapping[str, Verify] = {
    "bearer": bearer,
    "intercom": intercom,
    "mailgun": mailgun,
    "segment": segment,
    "sendgrid": sendgrid,
    "shopify": shopify,
    "stripe": stripe,
    "twilio": twilio,
    "zendesk": zendesk,
}
"""Name of a signature -> how it is verified."""
