"""Which references a touchpoint's type belongs to, who is creating what, and what counts as a person's own doing."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from schemas.identifiers import PERSON_KINDS
from streams.core.journey import TYPES
from streams.core.model import Identifier, Touchpoint


class Family(enum.Enum):
    """What kind of case a touchpoint adds a fact to."""

    SITE = "site"
    ORDER = "order"
    CONTACT = "contact"
    SURVEY = "survey"
    SUBSCRIPTION = "subscription"
    MESSAGE = "message"
    REFERRAL = "referral"
    OTHER = "other"

    __hash__ = object.__hash__  # Enum's own is a Python function, and families are looked up for every event


_BY_PREFIX = {
    "page": Family.SITE,
    "element": Family.SITE,
    "search": Family.SITE,
    "navigation": Family.SITE,
    "error": Family.SITE,
    "task": Family.SITE,
    "cart": Family.SITE,
    "checkout": Family.SITE,
    "payment": Family.SITE,
    "order": Family.ORDER,
    "delivery": Family.ORDER,
    "shipment": Family.ORDER,
    "contact": Family.CONTACT,
    "survey": Family.SURVEY,
    "subscription": Family.SUBSCRIPTION,
    "message": Family.MESSAGE,
    "referral": Family.REFERRAL,
}

FAMILIES: dict[str, Family] = {name: _BY_PREFIX.get(name.split(".")[0], Family.OTHER) for name in TYPES}

CREATING = frozenset({"order.placed", "contact.opened", "subscription.started"})
"""Types whose person owns the case before anybody else's."""

ORDER_CHAIN = ("order_id", "shipment_id", "tracking_number", "cart_token")
"""Kinds of references of one order tree, the root first."""

ORDER_PREFIXES = tuple(f"{kind}:" for kind in ORDER_CHAIN)
SUBSCRIPTION_PREFIXES = ("subscription_id:", "~subscription")
TIMED_PREFIXES = (*ORDER_PREFIXES, "invitation_id:", "response_id:", "message_id:", "referral_id:")
"""Cases some of whose cells enter only when a time has passed."""

ORDER_KINDS = frozenset(ORDER_CHAIN)
SURVEY_KINDS = frozenset({"response_id", "invitation_id"})
CHAIN_KINDS = ORDER_KINDS | SURVEY_KINDS | {"contact_id"}
"""Those that follow from each other."""
CHAIN_PREFIXES = tuple(sorted(f"{kind}:" for kind in CHAIN_KINDS))

CASE_KINDS: dict[Family, tuple[str, ...]] = {
    Family.SITE: ("visit_id", "cart_token", "order_id", "shipment_id", "tracking_number"),
    Family.ORDER: ORDER_CHAIN,
    Family.CONTACT: ("contact_id",),
    Family.SURVEY: ("response_id", "invitation_id"),
    Family.SUBSCRIPTION: ("subscription_id",),
    Family.MESSAGE: ("message_id",),
    Family.REFERRAL: ("referral_id",),
}
"""The references that a family's events attach to; a fact is kept under the first of them that its event names."""

ANONYMOUS_CASES = {
    "order.placed": "order_id",
    "survey.answered": "response_id",
    **{name: "contact_id" for name, family in FAMILIES.items() if family is Family.CONTACT},
}
"""Types that are a case of their own where they name none; the kind of reference that such a case is kept under."""

_ANONYMOUS_FAMILIES = {FAMILIES[name]: kind for name, kind in ANONYMOUS_CASES.items()}
MAYBE_ANONYMOUS = {name: kind for name, family in FAMILIES.items() if (kind := _ANONYMOUS_FAMILIES.get(family)) is not None}
"""Types of which another payload under the same id may be such a case."""

LOCAL_SUBSCRIPTION = Identifier("~subscription")
LOCAL_ACCOUNT = Identifier("~account")
LOCAL_REVIEWS = Identifier("~reviews")
LOCAL_TIMELINE = Identifier("~timeline")

_OWN = frozenset(
    {
        "order.placed",
        "contact.opened",
        "message.clicked",
        "message.unsubscribed",
        "survey.answered",
        "account.created",
        "subscription.started",
        "subscription.renewed",
        "subscription.cancelled",
        "referral.made",
        "referral.converted",
        "review.posted",
        "social.mentioned",
        "store.visited",
        "product.installed",
        "product.used",
    }
)
OWN_DOING = frozenset(name for name in TYPES if FAMILIES[name] is Family.SITE) | _OWN


def is_own_doing(touchpoint: Touchpoint) -> bool:
    """Whether a touchpoint shows that its person did something; receiving a message does not."""
    if touchpoint.type in OWN_DOING:
        return True
    if touchpoint.type == "message.opened":
        return not touchpoint.fields.get("machine")
    return touchpoint.type == "contact.replied" and touchpoint.fields.get("by") == "customer"


def kind_of(identifier: Identifier) -> str:
    """`order_id` of `order_id:17`."""
    return identifier.split(":", 1)[0]


def best_known(identifiers: Iterable[Identifier]) -> Identifier:
    """The one that tells people most, such as a customer's number before a cookie; empty for none."""
    return min(identifiers, key=_by_kind, default=Identifier(""))


def _by_kind(identifier: Identifier) -> tuple[int, Identifier]:
    kind = kind_of(identifier)
    return PERSON_KINDS.index(kind) if kind in PERSON_KINDS else len(PERSON_KINDS), identifier
