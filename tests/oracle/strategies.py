"""Hypothesis strategies: streams of accepted touchpoints that crowd the boundaries, and policies and cuts to go with them.

Few people, few references, few instants with gaps at exactly a limit or a millisecond off, so that ties, merges, orphan
references, late parents and conflicting claims are common. What is drawn is in order of arrival; times are unrelated to it.

Kept to what the definitions settle: an identifier belongs to one person and a person has at most one customer_id (so no
identity limit bites), one event id always has the same persons, references and account, an order.placed has an order_id, and
only contacts refer to orders of others.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from hypothesis import strategies as st

from streams.core.model import Dimensions, Identifier, Touchpoint, Value
from streams.core.policy import DAY, DEFAULT_TASKS, HOUR, MINUTE, SECOND, Limits, Policy, TaskPolicy
from tests.oracle.build import digest, moment

Draw = st.DrawFn

SETUP = TaskPolicy("setup", 10 * MINUTE)
"""An explicit task."""

GAPS = (
    0,
    1,
    SECOND,
    MINUTE,
    *(
        limit + off
        for limit in (10 * MINUTE, 30 * MINUTE, 4 * HOUR, DAY, 7 * DAY, 14 * DAY, 28 * DAY, 30 * DAY, 90 * DAY)
        for off in (-1, 0, 1)
    ),
)
"""What lies between two instants, in ms: limits exactly, and a millisecond to either side."""

PEOPLE = (
    ("customer_id:1", "email:a@x.example", "anonymous_id:a1", "anonymous_id:a2"),
    ("customer_id:2", "phone:+31200000002", "anonymous_id:b1"),
    ("anonymous_id:c1", "device_id:c2", "email:c@x.example"),
)


NO_ACCOUNTS = ((),)
ACCOUNTS = (*((),) * 6, ("account_id:f",), ("account_id:f",), ("account_id:g",))
"""What account an event with a person may name, mostly none."""

NOTHING = Touchpoint(b"", b"", 0, "page.viewed", (), (), (), Dimensions(), "human", {})


class Kind(NamedTuple):
    """A group of types that are drawn alike. references: per kind, the values; fields: name -> what it may be."""

    types: tuple[str, ...]
    channels: tuple[str, ...]
    references: dict[str, tuple[int, ...]]
    needs: str = ""
    weight: int = 1


SITE = ("web", "web", "app")
KINDS = (
    Kind(
        (
            "page.viewed",
            "page.viewed",
            "search.performed",
            "error.shown",
            "page.left",
            "element.clicked",
            "element.clicked",
            "navigation.used",
        ),
        SITE,
        {"visit_id": (1, 2), "cart_token": (1, 2)},
        weight=4,
    ),
    Kind(("page.viewed", "store.visited", "product.used", "review.posted", "review.posted"), ("store", "system"), {}),
    Kind(
        ("cart.item_added", "checkout.started", "checkout.started", "payment.failed", "cart.item_removed"),
        SITE,
        {"cart_token": (1, 2), "visit_id": (1, 2)},
        weight=3,
    ),
    Kind(
        ("task.started", "task.started", "task.completed", "task.failed", "task.step_reached"),
        SITE,
        {"visit_id": (1, 2)},
        weight=2,
    ),
    Kind(
        ("order.placed",),
        ("web", "app", "system", "phone"),
        {"order_id": (1, 1, 2), "cart_token": (1, 2), "visit_id": (1, 2)},
        "order_id",
        3,
    ),
    Kind(("order.cancelled", "order.refunded"), ("web", "system"), {"order_id": (1, 1, 2)}, "order_id"),
    Kind(
        (
            "delivery.promised",
            "delivery.delivered",
            "delivery.delivered",
            "shipment.dispatched",
            "delivery.backordered",
            "delivery.damage_reported",
            "delivery.returned",
        ),
        ("logistics",),
        {"order_id": (1, 1, 1, 2), "shipment_id": (1, 2), "tracking_number": (1, 2)},
        weight=4,
    ),
    Kind(
        (
            "contact.opened",
            "contact.opened",
            "contact.queued",
            "contact.answered",
            "contact.held",
            "contact.ended",
            "contact.replied",
            "contact.resolved",
            "contact.reopened",
            "contact.abandoned",
            "contact.transferred",
            "contact.menu_navigated",
        ),
        ("phone", "chat", "web"),
        {"contact_id": (2, 3), "root_contact_id": (1, 2), "order_id": (1,)},
        "contact_id",
        4,
    ),
    Kind(
        ("survey.answered", "survey.answered", "survey.sent"),
        ("email", "web"),
        {"invitation_id": (1, 2), "response_id": (1, 2)},
        weight=2,
    ),
    Kind(
        (
            "subscription.started",
            "subscription.renewed",
            "subscription.cancelled",
            "subscription.ended",
            "subscription.payment_failed",
        ),
        ("system",),
        {"subscription_id": (1, 2)},
        weight=3,
    ),
    Kind(("account.closed", "account.created", "profile.linked"), ("system",), {}),
    Kind(
        (
            "message.sent",
            "message.sent",
            "message.delivered",
            "message.opened",
            "message.clicked",
            "message.bounced",
            "message.complained",
            "message.unsubscribed",
        ),
        ("email",),
        {"message_id": (1, 2)},
    ),
    Kind(("referral.made", "referral.made", "referral.converted"), ("email",), {"referral_id": (1, 2)}),
    Kind(("element.clicked", "element.clicked", "element.clicked", "page.viewed"), ("web",), {}),
)
THEMES = (
    tuple(kind for kind in KINDS for _ in range(kind.weight)),
    tuple(kind for kind in KINDS[:5] for _ in range(kind.weight)),
    (KINDS[2], KINDS[2], KINDS[4]),
    (KINDS[3], KINDS[3], KINDS[0]),
    (KINDS[4], KINDS[5], *KINDS[6:7] * 4),
    (KINDS[7], KINDS[8]),
    (KINDS[4], KINDS[6], KINDS[7], KINDS[7], KINDS[8]),
    (KINDS[4], KINDS[9], KINDS[9], KINDS[10], KINDS[11]),
    (KINDS[13],),
    (KINDS[13],),
    (KINDS[11], KINDS[8], KINDS[12]),
)
"""What a stream is about: everything, the site, carts, tasks, deliveries, support, what leads to it, lives, clicks, messages."""

USUAL = {"csat": (1, 5), "ces2": (1, 7)}
SCALES = (
    ("sus", 0, 100),
    ("sus", 1, 5),
    ("ces2", 1, 7),
    ("ces2", 1, 7),
    ("ces2", 1, 5),
    ("nps", 0, 10),
    ("nps", 1, 5),
    ("csat", 1, 5),
    ("csat", 1, 7),
    ("csat", 1, 10),
    ("csat", 1, 3),
    ("csat", 0, 10),
)


@st.composite
def instants(draw: Draw) -> list[int]:
    """A few times, ms, apart by GAPS; the first one is near the end of a local day somewhere."""
    times = [moment(hours=draw(st.sampled_from((0, 12, 22, 23))))]
    for gap in draw(st.lists(st.sampled_from((*GAPS, *GAPS[:7] * 3)), max_size=5)):
        times.append(times[-1] + gap)
    return times


def fields_of(kind: str, times: list[int]) -> dict[str, st.SearchStrategy[Value]]:
    """Fields that cases of a type read; each may be absent."""
    later = st.builds(lambda at, gap: at + gap, st.sampled_from(times), st.sampled_from(GAPS))
    durations = st.sampled_from((0, 1, SECOND, 20 * SECOND, 20 * SECOND + 1, 5 * MINUTE))
    family: dict[str, dict[str, st.SearchStrategy[Value]]] = {
        "order": {"promised_at": later, "promised_by": st.sampled_from(("carrier", "merchant"))},
        "delivery": {"promised_by": st.sampled_from(("carrier", "merchant")), "complete": st.booleans()},
        "contact": {
            "queue_ms": durations,
            "hold_ms": durations,
            "talk_ms": durations,
            "direction": st.sampled_from(("inbound", "outbound")),
            "medium": st.sampled_from(("phone", "chat")),
            "reason": st.sampled_from(("delivery", "other")),
            "wrap_up_ms": durations,
            "by": st.sampled_from(("customer", "agent", "bot")),
            "resolved": st.booleans(),
            "complaint": st.booleans(),
        },
        "page": {
            "view_id": st.sampled_from(("v1", "v2")),
            "engaged_ms": st.sampled_from((0, 1, 20 * SECOND, 31 * MINUTE)),
            "page_group": st.sampled_from(("cart", "other")),
        },
        "search": {"results": st.sampled_from((0, 0, 3))},
        "element": {
            "element": st.sampled_from(("buy", "menu")),
            "nav_region": st.sampled_from(("header", "footer")),
            "dead": st.booleans(),
        },
        "subscription": {
            "ends_at": later,
            "value": st.sampled_from((0, 50_000)),
            "currency": st.sampled_from(("EUR", "EUR", "USD")),
        },
        "message": {"machine": st.booleans()},
        "review": {"rating": st.sampled_from((0, 1, 5))},
    }
    return family.get(kind.split(".", maxsplit=1)[0], {})


@st.composite
def facts_of(draw: Draw, kind: str, times: list[int]) -> dict[str, Value]:
    """The fields of one touchpoint: some of those that may be absent, all of those that may not."""
    found = {name: draw(value) for name, value in fields_of(kind, times).items() if draw(st.booleans())}
    if kind == "delivery.promised":
        found["promised_at"] = draw(st.sampled_from(times)) + draw(st.sampled_from(GAPS))
    if kind == "order.placed" and draw(st.booleans()):
        found |= {"value": draw(st.sampled_from((0, 10_000, 123_456))), "currency": draw(st.sampled_from(("EUR", "USD")))}
    if kind == "order.refunded" and draw(st.booleans()):
        found["value"] = draw(st.sampled_from((0, 4_000, 10_000, 200_000)))
        if draw(st.booleans()):
            found["currency"] = draw(st.sampled_from(("EUR", "USD")))
    if kind == "survey.answered":
        instrument, low, high = draw(st.sampled_from(SCALES))
        found |= {"instrument": instrument, "score": draw(st.integers(low, high))}
        if instrument == "sus":
            answers = draw(st.lists(st.integers(1, 5), min_size=10, max_size=10)) + draw(st.sampled_from(([], [], [3])))
            found["answers"] = ",".join(map(str, [*answers[:9], draw(st.sampled_from((1, 5, 5, 0, 6))), *answers[10:]]))
        if (low, high) != USUAL.get(instrument, (0, 10)) or draw(st.booleans()):
            found |= {"scale_min": low, "scale_max": high}
    if kind.startswith("task."):
        found["task"] = draw(st.sampled_from(("setup", "setup", "unheard of", "checkout")))
    return found


@st.composite
def touchpoints(
    draw: Draw, number: int, theme: tuple[Kind, ...], times: list[int], accounts: tuple[tuple[str, ...], ...]
) -> Touchpoint:
    """One accepted touchpoint."""
    kind = draw(st.sampled_from(theme))
    references = [
        f"{name}:{draw(st.sampled_from(values))}"
        for name, values in kind.references.items()
        if name == kind.needs or draw(st.booleans())
    ]
    who = draw(st.sampled_from((*PEOPLE[:1] * 3, *PEOPLE)))
    persons: list[str] = []
    if not references or draw(st.integers(0, 3)):
        persons = draw(st.lists(st.sampled_from(who), min_size=1, max_size=2, unique=True))
    groups = draw(st.sampled_from(accounts)) if persons else ()
    said = msgspec.structs.replace(
        NOTHING,
        eid=digest(f"event {number}"),
        groups=tuple(Identifier(one) for one in groups),
        persons=tuple(Identifier(person) for person in sorted(persons)),
        references=tuple(Identifier(reference) for reference in references),
    )
    return content(draw, kind, said, times)


def content(draw: Draw, kind: Kind, known: Touchpoint, times: list[int]) -> Touchpoint:
    """What one event id says: everything but whose it is and what it refers to is drawn."""
    name = draw(st.sampled_from(kind.types))
    touchpoint = msgspec.structs.replace(
        known,
        digest=b"",
        at=draw(st.sampled_from(times)) + draw(st.sampled_from((0, 0, 0, 1, SECOND, MINUTE, 30 * MINUTE, DAY - 1))),
        type=name,
        dimensions=Dimensions(
            channel=draw(st.sampled_from(kind.channels)),
            device=draw(st.sampled_from(("", "mobile"))),
            market=draw(st.sampled_from(("", "nl", "de"))),
        ),
        traffic=draw(st.sampled_from(("human",) * 9 + ("bot",))),
        fields=draw(facts_of(name, times)),
    )
    return msgspec.structs.replace(touchpoint, digest=digest(repr(touchpoint)))


@st.composite
def streams(draw: Draw, max_size: int = 24, *, variants: bool = True) -> list[Touchpoint]:
    """Up to `max_size` (at least 16) touchpoints in order of arrival, with duplicates, and with other content under a known id if `variants`."""
    times, theme = draw(instants()), draw(st.sampled_from(THEMES))
    accounts = draw(st.sampled_from((NO_ACCOUNTS, ACCOUNTS)))
    found: list[Touchpoint] = []
    for number in range(draw(st.sampled_from((max_size // 8, max_size // 2, max_size, max_size)))):
        again = draw(st.integers(0, 9)) if found else 9
        if again == 0:
            found.append(draw(st.sampled_from(found)))
        elif again == 1 and variants:
            known = draw(st.sampled_from(found))
            kind = next(kind for kind in KINDS if known.type in kind.types and known.dimensions.channel in kind.channels)
            found.append(content(draw, kind, known, times))
        else:
            found.append(draw(touchpoints(number, theme, times, accounts)))
    return found


@st.composite
def robot_streams(draw: Draw, max_size: int = 24) -> list[Touchpoint]:
    """Streams without variants, in which a few identifiers are busy in bursts: for policies with a tiny facts_per_day."""
    found = draw(streams(max(16, max_size // 2), variants=False))
    times = [touchpoint.at for touchpoint in found]
    for burst in range(draw(st.integers(0, 3))):
        start, who = draw(st.sampled_from(times)), draw(st.sampled_from(draw(st.sampled_from(PEOPLE))))
        for step in range(draw(st.integers(1, 6))):
            page = Touchpoint(
                eid=digest(f"burst {burst} {step}"),
                digest=digest(f"page {start} {who} {step}"),
                at=start + step * draw(st.sampled_from((0, MINUTE, HOUR))),
                type="page.viewed",
                persons=(Identifier(who),),
                references=(),
                groups=(),
                dimensions=Dimensions(channel="web"),
                traffic="human",
                fields={},
            )
            found.insert(draw(st.integers(0, len(found))), page)
    return found


def policies(*, robots: bool = False) -> st.SearchStrategy[Policy]:
    """Policies of a history namespace whose allowance refuses nothing; `robots`: facts_per_day of 1 to 4."""
    return st.builds(
        lambda zone, facts: Policy(
            clock="history",
            timezone=zone,
            tasks=(*DEFAULT_TASKS, SETUP),
            allowance_ms=10_000 * DAY,
            limits=Limits(facts_per_day=facts),
        ),
        st.sampled_from(("UTC", "Europe/Amsterdam", "America/St_Johns")),
        st.integers(1, 4) if robots else st.just(2_000),
    )


@st.composite
def cuts(draw: Draw, found: list[Touchpoint]) -> int:
    """A watermark at or after the last touchpoint: right there, at a deadline or a millisecond off it, or long after."""
    last = max(touchpoint.at for touchpoint in found)
    return last + draw(st.sampled_from((*GAPS, 400 * DAY)))
