"""What the formats of mail providers share."""

from __future__ import annotations

from typing import Any

from schemas.formats.producer import Touch, text
from schemas.formats.times import moment


def mail(type_: str, told: object, at: object, message: object, recipient: object, **data: Any) -> Touch:
    """A touchpoint of one message to one person.

    A message to several people has one id with most providers; each of its recipients has a message of their own here.
    """
    identifiers = {
        "email": recipient,
        "message_id": f"{text(message).strip('<>')} {text(recipient)}" if message and recipient else None,
    }
    return Touch(type_, told, moment(at), identifiers, {"channel": "email", "recipient": recipient, **data})


def told_by(kind: str, message: object, recipient: object, at: object, *more: object) -> str | None:
    """An event id where the provider gives none: the same kind of event, of the same message and person at the same moment."""
    parts = [text(message).strip("<>"), text(recipient), text(at)]
    return " ".join([kind, *parts, *(text(one) for one in more)]).strip() if all(parts) else None
