"""What a column probably is, by its name and by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.currencies import CURRENCIES
from schemas.drafting.columns import Column
from schemas.formats.segment_events import EVENTS, canonical


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


ENOUGH = 0.95
"""The share of values that must look like something for the column to be it."""

HALF = 0.5
"""The share of lines that must have a value in the column of times."""
A_FEW = 3
"""Values that a column must have before anything is guessed from them."""

FORMATS = (
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%Y %I:%M %p",
    "%d %b %Y %H:%M",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
)
_EPOCHS = (("epoch_seconds", 10**9, 10**10), ("epoch_milliseconds", 10**12, 10**13), ("epoch_microseconds", 10**15, 10**16))
_TIME_WORDS = _words("time timestamp date datetime at ts occurred created happened when zeit datum fecha data heure")
_EVENT_WORDS = _words("event action type kind name status state activity verb ereignis aktion evento")
_ID_WORDS = _words("id uuid guid key eventid messageid")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}\Z")
_PHONE = re.compile(r"\+?[\d\s()./-]{7,20}\Z")
_NUMBER = re.compile(r"-?\d{1,12}([.,]\d{1,4})?\Z")
_COUNTRY = re.compile(r"[A-Za-z]{2}\Z")
_DEVICES = _words("desktop mobile tablet phone web ios android computer iphone ipad")

EVENT_NAMES = (2, 60)
"""How many different values a column of event names has, at least and at most."""


class Guess(NamedTuple):
    """A column for something, and what says so."""

    column: Column
    evidence: str


class TimeGuess(NamedTuple):
    """A column of times: its format, and whether its values say their zone."""

    column: Column
    format: str
    zoned: bool
    evidence: str


KINDS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = tuple(
    (kind, _words(what), _words(which))
    for kind, what, which in (
        ("order_id", "order bestellung bestell pedido commande transaction purchase", "id number no nr nummer key"),
        ("tracking_number", "tracking sendungs", "id number no nr nummer code"),
        ("shipment_id", "shipment parcel fulfillment", "id number no nr"),
        ("cart_token", "cart basket checkout warenkorb", "id token key"),
        ("visit_id", "session visit", "id key"),
        ("contact_id", "ticket call conversation chat case contact", "id number no nr key"),
        ("subscription_id", "subscription contract abo", "id number no nr"),
        ("account_id", "account company organization organisation household tenant", "id number no nr key"),
        ("customer_id", "customer cust kunde kunden client buyer member cliente", "id number no nr nummer key uid"),
        ("anonymous_id", "anonymous anon cookie visitor pseudo", "id uid key"),
        ("device_id", "device installation install idfa idfv gaid", "id uid key"),
        ("user_id", "user login person", "id uid key"),
    )
)
"""Kind -> words of a column's name that say what it is of, and words that say that it is an id. The first that fits counts."""

_TYPES: tuple[tuple[str, str], ...] = (
    (r"refund", "order.refunded"),
    (r"(order|bestell).*(cancel|storn)|cancel.*order", "order.cancelled"),
    (r"unsubscri|abmeld", "message.unsubscribed"),
    (r"(subscri|abo).*(cancel|kuend)|cancel.*subscri", "subscription.cancelled"),
    (r"(subscri|abo).*(renew)|renewal", "subscription.renewed"),
    (r"subscri", "subscription.started"),
    (r"(payment|pay|zahlung).*(fail|error|declin|refus|fehl)", "payment.failed"),
    (r"(add|put).*(cart|basket|bag)|(cart|basket).*add", "cart.item_added"),
    (r"(remove|delete).*(cart|basket)|(cart|basket).*remove", "cart.item_removed"),
    (r"error|exception|fehler|crash|\bbug\b", "error.shown"),
    (r"(begin|start|init).*checkout|checkout.*(start|begin)|\bcheckout\b", "checkout.started"),
    (r"purchase|order.*(complet|plac|creat|paid)|\bkauf|bestellung|\bbought", "order.placed"),
    (r"deliver.*(fail|attempt)", "delivery.attempted"),
    (r"deliver(ed|y)|zugestellt", "delivery.delivered"),
    (r"shipp?ed|dispatch|versand|shipment", "shipment.dispatched"),
    (r"return(ed)?\b|retoure", "delivery.returned"),
    (r"search|suche", "search.performed"),
    (r"filter|sort|navigat|menu", "navigation.used"),
    (r"(ticket|chat|call|contact|support|conversation|case).*(solv|resolv|clos)", "contact.resolved"),
    (r"reopen", "contact.reopened"),
    (r"ticket|chat|call|support|complain|anruf", "contact.opened"),
    (r"sign.?up|register|registr|account.*creat", "account.created"),
    (r"bounce", "message.bounced"),
    (r"(mail|message|newsletter).*open", "message.opened"),
    (r"(mail|message|newsletter).*click", "message.clicked"),
    (r"(mail|message|newsletter).*(sent|send)", "message.sent"),
    (r"view|visit|page|screen|home|product|catalog|category|cart|basket|details|open", "page.viewed"),
    (r"click|tap|press|button|like|add|compare|wishlist|share", "element.clicked"),
)
"""Patterns of event names, in lower case -> a type; the first that is found counts."""


def touchpoint_type(name: str) -> str | None:
    """The touchpoint type that an event name probably stands for."""
    known = EVENTS.get(canonical(name))
    if known is not None:
        return known.type
    told = re.sub(r"[^a-z0-9]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return next((found for pattern, found in _TYPES if re.search(pattern, told)), None)


def percent(share: float, column: Column) -> str:
    """How much of a column something was found in."""
    return f"{share:.0%} of {len(column.values):,} values"


def time_of(column: Column) -> TimeGuess | None:
    """The format of a column's times, None where they are none."""
    if column.filled < HALF:
        return None
    for name, least, most in _EPOCHS:
        if column.share(_between(value, least, most) for value in column.values) >= ENOUGH:
            return TimeGuess(column, name, True, f"{percent(1, column)} are numbers of that size")
    for name in ("iso", *FORMATS):
        parsed = [_parsed(value, name) for value in column.values]
        share = column.share(moment is not None for moment in parsed)
        if share >= ENOUGH:
            zoned = any(moment is not None and moment.tzinfo is not None for moment in parsed)
            return TimeGuess(column, name, zoned, f"{percent(share, column)} parse so")
    return None


def event_time(columns: Iterable[Column]) -> TimeGuess | None:
    """The column that probably says when it happened: of those that are times, the best named, then the first."""
    found = [guess for column in columns if (guess := time_of(column)) is not None]
    found.sort(key=_less_likely)
    return found[0] if found else None


def _less_likely(guess: TimeGuess) -> tuple[bool, int, bool, int]:
    column = guess.column
    return column.filled < ENOUGH, -len(column.words & _TIME_WORDS), "updated" in column.words, column.name.count(".")


def event_names(columns: Iterable[Column]) -> Guess | None:
    """The column that probably says what happened: few values, in nearly every line, and a name that says so."""
    least, most = EVENT_NAMES
    found: list[tuple[float, Guess]] = []
    for column in columns:
        names = column.counts
        if column.filled < ENOUGH or not least <= len(names) <= most or all(_NUMBER.match(name) for name in names):
            continue
        understood = sum(n for name, n in names.items() if touchpoint_type(name)) / len(column.values)
        score = understood + len(column.words & _EVENT_WORDS)
        if score >= 0.5:
            guess = Guess(
                column, f"{len(names)} different values, of which {understood:.0%} of the lines have one that is understood"
            )
            found.append((score, guess))
    found.sort(key=lambda one: -one[0])
    return found[0][1] if found else None


def event_id(columns: Iterable[Column]) -> Guess | None:
    """A column that is different in every line and named as an id."""
    found = [column for column in columns if column.unique and column.rows > 1 and column.words & _ID_WORDS]
    named = {kind for kind, _, _ in KINDS}
    found.sort(key=lambda column: (bool(named & {kind_of(column) or ""}), len(column.words)))
    return Guess(found[0], f"all {found[0].rows:,} values differ") if found else None


def kind_of(column: Column) -> str | None:
    """The identifier kind that a column's name says, None where it says none."""
    if column.words & {"email", "mail"} and column.share(bool(_EMAIL.match(value)) for value in column.values) >= ENOUGH:
        return "email"
    for kind, what, which in KINDS:
        joined = {word + end for word in what for end in which}
        if (column.words & what and column.words & which) or column.words & joined:
            return kind
    return None


def identifiers(columns: Sequence[Column]) -> dict[str, Guess]:
    """Kind -> the column that probably holds it; each kind once, the column that is filled most."""
    found: dict[str, Guess] = {}
    for column in sorted(columns, key=lambda one: -one.filled):
        emails = column.share(bool(_EMAIL.match(value)) for value in column.values)
        phones = column.share(bool(_PHONE.match(value)) for value in column.values)
        kind, evidence = kind_of(column), f"its name; {len(set(column.values)):,} different values"
        if kind is None and emails >= ENOUGH:
            kind, evidence = "email", f"{percent(emails, column)} are addresses"
        elif kind is None and column.words & {"phone", "tel", "telephone", "telefon", "mobile", "msisdn"} and phones >= ENOUGH:
            kind, evidence = "phone", f"{percent(phones, column)} are digits of a phone number"
        if kind is not None and kind not in found:
            found[kind] = Guess(column, evidence)
    return found


_COUNTS = _words("count quantity qty number")
_FIELDS: tuple[tuple[str, frozenset[str], frozenset[str], Callable[[str], object]], ...] = (
    ("value", _words("amount total revenue price value betrag umsatz sum importe montant"), _COUNTS, _NUMBER.match),
    ("currency", _words("currency waehrung moneda devise"), frozenset(), lambda value: value.upper() in CURRENCIES),
    ("device", _words("device platform os"), frozenset(), lambda value: value.lower() in _DEVICES),
    ("market", _words("country market land region"), frozenset(), _COUNTRY.match),
    ("page", _words("url path page"), _words("referrer referer"), lambda value: value.startswith(("/", "http"))),
    ("acquisition", _words("acquisition utm medium"), frozenset(), bool),
)
"""Field, words of a column's name that say it, words that say that it is something else, and what its values look like."""


def fields(columns: Sequence[Column]) -> dict[str, Guess]:
    """Field -> the column that probably holds it, the first one."""
    found: dict[str, Guess] = {}
    for field, words, others, looks in _FIELDS:
        for column in columns:
            if not column.words & words or column.words & others or len(column.values) < min(A_FEW, column.rows):
                continue
            share = column.share(bool(looks(value)) for value in column.values)
            if share >= ENOUGH:
                found[field] = Guess(column, percent(share, column))
                break
    return found


def _between(value: str, least: int, most: int) -> bool:
    whole = value.partition(".")[0]
    return whole.isascii() and whole.isdigit() and least <= int(whole) < most


def _parsed(value: str, name: str) -> datetime | None:
    try:
        if name == "iso":
            # A bare number of eight digits is a date to fromisoformat as well; %Y%m%d says that by itself.
            return None if value.isdigit() else datetime.fromisoformat(value)
        return datetime.strptime(value, name)  # noqa: DTZ007 - whether it has a zone is what is asked
    except ValueError:
        return None
