"""What the formats of help desks and call centres share."""

from __future__ import annotations

from schemas.formats.producer import text

_CHANNELS = ("email", "sms", "phone", "chat", "social")


def channel_of(medium: str | None) -> str:
    """The channel of a contact by this medium: of the same name where there is one."""
    return medium if medium in _CHANNELS else "system"


def number_of(address: object, scheme: str) -> str | None:
    """The phone number of an address, with or without its scheme (`tel:`); SIP addresses, clients and short words have none."""
    number = text(address).removeprefix(scheme)
    return number if number.removeprefix("+").isdigit() else None
