"""The definitions digest of a namespace: everything that decides what a number means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version

import msgspec

from schemas.formats import format_digest
from streams.core.catalogue import catalogue_digest
from streams.core.fields import BANDS, PLACES
from streams.core.normalise import VERSION as NORMALISER_VERSION
from streams.core.policy import Policy, TopicPolicy

REVISION = 5
"""Raised when the core would feed other cells from the same facts, or write journeys in another form."""

MEANING_DIGITS = 16
"""So many digits at the front are of what decides what a number means; the others are of the topics and their formats. Where only
the latter differ, a namespace may go on with them (`journey topics adopt`): they say how records are read from now on.
"""

LAYOUT_DIGITS = 8
"""So many at the end are of where cells are stored: a version with others cannot read them."""

_NORMALISERS = ("email-validator", "phonenumbers", "tzdata")


def definitions_digest(policy: Policy, topics: Iterable[TopicPolicy]) -> str:
    """40 hex digits. Workers with different digests never write to one namespace.

    It covers the metric catalogue, the policy, the core's revision, and the versions of the libraries that decide what an
    identifier or a local day is; and the topics with their formats.
    """
    meaning = {
        "revision": REVISION,
        "catalogue": catalogue_digest(),
        "policy": _plain(policy),
        "normaliser": NORMALISER_VERSION,
        "libraries": {name: version(name) for name in _NORMALISERS},
    }
    formats = {topic.name: [format_digest(topic.format), topic.cadence] for topic in topics}
    return _digest(meaning) + _digest(formats) + layout_digest()


def same_layout(definitions: str) -> bool:
    """Whether this version can read the cells of a namespace with these definitions."""
    return len(definitions) == 2 * MEANING_DIGITS + LAYOUT_DIGITS and definitions.endswith(layout_digest())


@lru_cache(maxsize=1)
def layout_digest() -> str:
    """Of the row and slot of every cell."""
    return _digest({"places": PLACES, "bands": BANDS})[:LAYOUT_DIGITS]


def _digest(parts: object) -> str:
    encoded = msgspec.json.encode(parts, order="deterministic")
    return blake2b(encoded, digest_size=MEANING_DIGITS // 2).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
