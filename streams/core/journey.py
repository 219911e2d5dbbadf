"""A journey: everything the store keeps about one person, or about references that have no owner yet.

A journey is a set of facts, held where the cells that depend on them are computed: `site` (what the person did on
web and app, and the orders that count there), `cases` (orders, contacts, surveys, subscriptions, each under its
reference) and `activity` (when the person did anything at all). Nothing here depends on the order of arrival:
inserting facts commutes, and merging journeys is a union.

Invariants: `site` and every case's facts and loose facts are sorted by (at, eid) and hold each eid once; a reference is a key of
`cases` in exactly one journey of the namespace, the one that its link names; local cases (keys that begin with `~`)
have no link and belong to the journey's person. A journey without persons has no site facts, activity or local cases.

An account has a journey as well, under its own identifier: what its members have in it that one customer is judged by (`shares`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

from streams.core.model import Dimensions, Identifier, JourneyId, Touchpoint, Value

TYPES: tuple[str, ...] = (
    "page.viewed",
    "page.left",
    "element.clicked",
    "search.performed",
    "navigation.used",
    "error.shown",
    "task.started",
    "task.step_reached",
    "task.completed",
    "task.failed",
    "cart.item_added",
    "cart.item_removed",
    "checkout.started",
    "payment.failed",
    "order.placed",
    "order.cancelled",
    "order.refunded",
    "delivery.promised",
    "shipment.dispatched",
    "delivery.backordered",
    "delivery.attempted",
    "delivery.delivered",
    "delivery.damage_reported",
    "delivery.returned",
    "contact.opened",
    "contact.queued",
    "contact.menu_navigated",
    "contact.answered",
    "contact.held",
    "contact.transferred",
    "contact.replied",
    "contact.resolved",
    "contact.reopened",
    "contact.ended",
    "contact.abandoned",
    "message.sent",
    "message.delivered",
    "message.opened",
    "message.clicked",
    "message.bounced",
    "message.complained",
    "message.unsubscribed",
    "survey.sent",
    "survey.answered",
    "account.created",
    "account.closed",
    "subscription.started",
    "subscription.renewed",
    "subscription.cancelled",
    "subscription.payment_failed",
    "subscription.ended",
    "profile.linked",
    "consent.changed",
    "profile.erased",
    "referral.made",
    "referral.converted",
    "review.posted",
    "social.mentioned",
    "store.visited",
    "product.installed",
    "product.used",
)
"""Stored facts name their type by its index here: append, never reorder."""

CODES: dict[str, int] = {name: code for code, name in enumerate(TYPES)}

Instant = tuple[int, bytes]
"""(at, eid): the order of facts everywhere."""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One touchpoint, as a journey keeps it.

    code: index in TYPES. who: one person identifier of its own, empty where it had none (or, with the field `nameless`,
    whom it was found to be of). references: those that a
    visit can be joined by, and those that a reader of the timeline wants. where: the dimensions, packed. content: the digest,
    then the fields, packed. A worker holds very many facts and looks at most of them for `at`, `eid` and `code` alone; what
    is rarely read is one object in memory, not a dozen.
    """

    at: int
    eid: bytes
    code: int
    who: Identifier
    where: bytes
    content: bytes
    references: tuple[Identifier, ...] = ()

    @property
    def type(self) -> str:
        """The touchpoint's type."""
        return TYPES[self.code]

    @property
    def digest(self) -> bytes:
        """Of the touchpoint's content; of two payloads of one event the least (at, digest) counts."""
        return self.content[:_DIGEST_BYTES]

    @property
    def dimensions(self) -> Dimensions:
        """What it can be broken down by. Equal ones are one object, as long as they are remembered."""
        return _dimensions_of(self.where)

    @property
    def fields(self) -> Mapping[str, Value]:
        """What the cases and the readers of the timeline need of it."""
        return _fields_of(self.content[_DIGEST_BYTES:])

    def with_fields(self, more: Mapping[str, Value]) -> Fact:
        """The same fact with further fields."""
        return msgspec.structs.replace(self, content=self.digest + _pack({**self.fields, **more}))


_DIGEST_BYTES = 8
_REMEMBERED = 16_384
_pack = msgspec.msgpack.Encoder(order="deterministic").encode
_NO_FIELDS = _pack({})
_unpack_dimensions = msgspec.msgpack.Decoder(Dimensions).decode
_unpack_fields = msgspec.msgpack.Decoder(dict[str, Value]).decode


@lru_cache(maxsize=_REMEMBERED)
def _where_of(dimensions: Dimensions) -> bytes:
    return _pack(dimensions)


@lru_cache(maxsize=_REMEMBERED)
def _dimensions_of(where: bytes) -> Dimensions:
    return _unpack_dimensions(where)


@lru_cache(maxsize=_REMEMBERED)
def _fields_of(packed: bytes) -> Mapping[str, Value]:
    return MappingProxyType(_unpack_fields(packed))


def fact_of(touchpoint: Touchpoint) -> Fact:
    """The fact that a touchpoint adds."""
    fields = touchpoint.fields
    if touchpoint.batch:
        fields = {**fields, "batch": True}
    return Fact(
        touchpoint.at,
        touchpoint.eid,
        CODES[touchpoint.type],
        touchpoint.persons[0] if touchpoint.persons else Identifier(""),
        _where_of(touchpoint.dimensions),
        touchpoint.digest + (_pack(fields) if fields else _NO_FIELDS),
        touchpoint.references,
    )


def by_instant(fact: Fact) -> Instant:
    """Sort key of facts."""
    return fact.at, fact.eid


def later_than(facts: list[Fact], before: int) -> list[Fact]:
    """The facts after a moment; the list itself where these are all."""
    return facts if not facts or facts[0].at > before else [fact for fact in facts if fact.at > before]


class Claim(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """What an event says about a reference: its owner, its parent, or what it is about. The least claim counts."""

    rank: int
    at: int
    eid: bytes
    target: Identifier


class Case(msgspec.Struct, array_like=True, gc=False):
    """Everything known under one reference.

    owner: the least claim, creating types first. named: the earliest one of a live topic, whatever its type. parent:
        the least claim, those of live topics first. loose: site facts without a person that wait here, see `nameless`.
    """

    facts: list[Fact] = []
    owner: Claim | None = None
    parent: Claim | None = None
    about: Claim | None = None
    named: Claim | None = None
    loose: list[Fact] = []


class Share(msgspec.Struct, array_like=True, gc=False):
    """What an account knows of a member: a copy, made whenever anything of it but `activity` changes.

    who: an identifier of the member. cases: those that a customer's life and what follows from what are told by. days: the
    local days of own activity. activity: as in `Journey`, perhaps of an earlier hour of the last of these days.
    """

    who: Identifier
    cases: dict[Identifier, Case]
    activity: list[tuple[int, int]]
    days: list[int]


class Journey(msgspec.Struct, array_like=True, gc=False):
    """See the module's docstring.

    links: (least, other) identifier pairs that an event named together -> time of the least such event.
    activity: [first, last] of own activity; spells closer than the policy's silence are one.
    refused: identifier pairs that a limit kept apart -> time, for people to look at.
    due: the next deadline, None where nothing waits. life_due, case_due, chain_due, site_due: the next one of the person's life, of
        the cases, of what follows from what, and of the site facts; it may be early (activity moves life's, and it is looked at again when it
        comes), never late.
    loose: whether a case may hold site facts without a person.
    chained: whether anything that follows from something else was booked.
    days: local day -> what the person did then, as bits of `cases.people`.
    member: the least event that says of which account the person is.
    shares: of an account, by the journey of each member.
    """

    as_of: int = -1
    due: int | None = None
    life_due: int | None = None
    persons: dict[Identifier, int] = {}
    links: dict[str, int] = {}
    site: list[Fact] = []
    cases: dict[Identifier, Case] = {}
    activity: list[tuple[int, int]] = []
    refused: dict[str, int] = {}
    case_due: int | None = None
    loose: bool = False
    site_due: int | None = None
    days: dict[int, int] = {}
    chain_due: int | None = None
    chained: bool = False
    member: Claim | None = None
    shares: dict[JourneyId, Share] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Journey)


def encode(journey: Journey) -> bytes:
    """The blob that the store keeps."""
    return _encoder.encode(journey)


def decode(blob: bytes) -> Journey:
    """The journey of a stored blob."""
    return _decoder.decode(blob)


class _Outline(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a journey's blob, of which only names are decoded."""

    as_of: msgspec.Raw
    due: msgspec.Raw
    life_due: msgspec.Raw
    persons: dict[Identifier, msgspec.Raw]
    links: msgspec.Raw
    site: msgspec.Raw
    cases: dict[Identifier, msgspec.Raw]


_outline = msgspec.msgpack.Decoder(_Outline).decode


def names_in(blob: bytes) -> list[Identifier]:
    """The identifiers that link to a journey: persons, and references that are not local."""
    outline = _outline(blob)
    return [*outline.persons, *(reference for reference in outline.cases if not reference.startswith("~"))]


def pair(one: Identifier, other: Identifier) -> str:
    """The key of a link, the same in either order."""
    return f"{one}\n{other}" if one < other else f"{other}\n{one}"


def add_spell(spells: list[tuple[int, int]], spell: tuple[int, int], silence_ms: int) -> bool:
    """Adds a spell of activity to a sorted list; spells up to silence_ms apart become one. Whether anything changed."""
    if spells:
        first, last = spells[-1]
        if first <= spell[0] and spell[1] <= last:
            return False
        if first <= spell[0] <= last + silence_ms:
            spells[-1] = (first, spell[1])
            return True
    else:
        spells.append(spell)
        return True
    merged = spell
    rest = []
    for first, last in spells:
        if merged[0] - last > silence_ms or first - merged[1] > silence_ms:
            rest.append((first, last))
        else:
            merged = (min(first, merged[0]), max(last, merged[1]))
    rest.append(merged)
    rest.sort()
    changed = rest != spells
    spells[:] = rest
    return changed


def merge_facts(into: list[Fact], other: Iterable[Fact]) -> None:
    """Adds the facts of another list, each eid once: of two payloads under one the least (at, digest) stays."""
    kept = {fact.eid: fact for fact in into}
    for fact in other:
        known = kept.get(fact.eid)
        if known is None or (fact.at, fact.digest) < (known.at, known.digest):
            kept[fact.eid] = fact
    into[:] = sorted(kept.values(), key=by_instant)
