"""Identifiers in their normal form, so that one person, order or message is always written the same way.

An identifier that cannot be used (a placeholder, an impossible address, far too long) is dropped from its event, never a
reason to refuse the event as long as another one is left; the decoder counts what was dropped and why.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from streams.core.model import Identifier

VERSION = 1
"""Part of the definitions digest: other rules would link other people."""

DOMAINS = 1 << 12
"""Domains of email addresses that are remembered as right or wrong."""

LONGEST_EMAIL = 254
"""Characters of an email address, as email-validator has it."""

BLOCKED = frozenset(
    {
        "null",
        "nil",
        "none",
        "nan",
        "undefined",
        "unknown",
        "unset",
        "empty",
        "missing",
        "n/a",
        "na",
        "not set",
        "(not set)",
        "not_set",
        "(none)",
        "true",
        "false",
        "anonymous",
        "anon",
        "guest",
        "user",
        "visitor",
        "test",
        "default",
        "not_authenticated",
        "unauthenticated",
        "id",
        "distinct_id",
        "distinctid",
        "user_id",
        "userid",
        "customer_id",
        "anonymous_id",
        "device_id",
        "email",
        "phone",
        "[object object]",
        "[object undefined]",
        "object",
        "{}",
        "[]",
        '""',
        "''",
        "-",
        "--",
        ".",
        "?",
        "-1",
        "0",
        "invalid",
        "redacted",
        "[redacted]",
    }
)
"""Placeholders that programs send where they have no identifier; they would join strangers. Compared in lower case. A value
of nothing but zeros and dashes (0000, a nil UUID, a switched-off advertising id) is blocked too. The list is a union
of those that Segment, PostHog and Adobe document."""

SHORTEST_PHONE = 8
"""Characters in E.164. In some countries two digits are a possible number: an extension or a service, no person's."""

_ZEROS = re.compile(r"[0\s-]*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9.-]+)")


class Dropped(StrEnum):
    """Why an identifier is not used."""

    EMPTY = "empty_identifier"
    BLOCKED = "blocked_identifier"
    TOO_LONG = "long_identifier"
    INVALID = "invalid_identifier"


def normalise(kind: str, value: str, region: str, limit: int) -> tuple[Identifier | None, Dropped | None]:
    """The identifier `kind:value` in normal form, or None and why it is dropped.

    region: ISO 3166 country that phone numbers without `+` are dialled in, or empty. limit: characters, at most.
    All kinds: Unicode NFC, no surrounding space. Emails: as email-validator writes them, in lower case (every
    large provider ignores case). Phone numbers: E.164. Tracking numbers: upper case without spaces, as on the label.
    """
    text = unicodedata.normalize("NFC", value).strip() if len(value) <= 4 * limit else value
    if not text:
        return None, Dropped.EMPTY
    if len(text) > limit:
        return None, Dropped.TOO_LONG
    if not text.isprintable() and _CONTROL.search(text):
        return None, Dropped.INVALID
    if text.casefold() in BLOCKED or _ZEROS.match(text):
        return None, Dropped.BLOCKED
    if kind == "email":
        text = _email(text)
    elif kind == "phone":
        text = _phone(text, region)
    elif kind == "tracking_number":
        text = unicodedata.normalize("NFC", _SPACE.sub("", text).upper())
    if not text:
        return None, Dropped.INVALID
    return Identifier(f"{kind}:{text}"), None


def _email(text: str) -> str:
    if text[:7].lower() == "mailto:":
        text = text[7:]
    # Nearly all addresses are plain, and of a domain that was there before: validating anew costs 30 times as much.
    plain = _PLAIN_EMAIL.fullmatch(text) if len(text) <= LONGEST_EMAIL else None
    if plain is not None and "--" not in plain[1]:
        return text.lower() if _is_domain(plain[1].lower()) else ""
    return _validated(text)


@lru_cache(maxsize=DOMAINS)
def _is_domain(domain: str) -> bool:
    return bool(_validated(f"a@{domain}"))


def _validated(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, ValueError):
        return ""
    return found.normalized.lower()


def _phone(text: str, region: str) -> str:
    if text[:4].lower() == "tel:":
        text = text[4:]
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return written if len(written) >= SHORTEST_PHONE else ""
