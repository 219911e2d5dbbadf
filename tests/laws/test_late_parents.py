"""Laws 1 and 2 over weeks, with the normal allowance: facts without a person, and carts, parcels and orders that are joined late.

Who is learnt in time says whose visit a fact without a person was part of. What comes later, or from a batch topic,
moves orders, and never restates a visit, wherever the sweep had come by then.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.model import Touchpoint
from streams.core.policy import DAY, HOUR, MINUTE, Limits, Policy
from streams.store.dump import canonical_dump
from tests.core.steps import tables, tell
from tests.laws.harness import Arrival, Run
from tests.oracle.book import Cells
from tests.oracle.build import digest, moment, totals, touch
from tests.oracle.oracle import oracle

POLICY = Policy(clock="history", allowance_ms=7 * DAY)
PARTITIONS = 2
WEEKS = 4

PERSONS = ("customer_id:1", "anonymous_id:1", "customer_id:2", "anonymous_id:2")
LINKED = ("customer_id:1 anonymous_id:1", "customer_id:2 anonymous_id:2", "customer_id:1 anonymous_id:1")


class Kind(NamedTuple):
    """Touchpoints that are drawn alike; of each group of references one, or none where it begins with an empty one."""

    types: tuple[str, ...]
    channels: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    persons: tuple[str, ...] = ("", *PERSONS)


CARTS = ("cart_token:1", "cart_token:1", "cart_token:2")
ORDERS = ("order_id:1", "order_id:1", "order_id:2")
PARCELS = ("shipment_id:1", "tracking_number:1")
WAITING = Kind(("page.viewed", "checkout.started", "cart.item_added"), ("web",), (("", "visit_id:1"), CARTS), ("",))
NAMED = Kind(("page.viewed", "checkout.started"), ("web",), (("", "visit_id:1", *CARTS),), PERSONS)
PLACED = Kind(("order.placed",), ("web", "system"), (ORDERS, ("", "", *CARTS), ("", "visit_id:1")))
JOINING = Kind(("cart.item_removed", "order.refunded", "order.cancelled"), ("system",), (ORDERS, ("", *CARTS)))
PARCEL = Kind(("delivery.promised", "shipment.dispatched"), ("logistics",), (("", *ORDERS), PARCELS, ("", *PARCELS)))
LINK = Kind(("profile.linked",), ("system",), (), LINKED)
KINDS = (WAITING, WAITING, WAITING, NAMED, NAMED, PLACED, PLACED, PLACED, JOINING, JOINING, PARCEL, LINK)
NOT_FOR_BATCH = ("page.", "checkout.", "cart.")

SHORT = (0, 1, MINUTE, 29 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 4 * HOUR, 23 * HOUR, DAY - 1, DAY, DAY + 1, 28 * HOUR, 2 * DAY)
LONG = (7 * DAY - 1, 7 * DAY, 8 * DAY, 8 * DAY + 4 * HOUR, 9 * DAY + 4 * HOUR, 10 * DAY, WEEKS * 7 * DAY)
LATE = (0, 0, 0, 1, HOUR, DAY, 2 * DAY, 5 * DAY, 7 * DAY - 1, 7 * DAY)
LATER = (0, HOUR, 8 * DAY, 10 * DAY, 15 * DAY, 30 * DAY)


class Said(NamedTuple):
    """A touchpoint, and how long after it it arrived."""

    touchpoint: Touchpoint
    late_ms: int


@st.composite
def said(draw: st.DrawFn, number: int, at: int) -> Said:
    """One touchpoint: of a live topic, late by at most the allowance, or of a batch topic, late by whatever it is."""
    kind = draw(st.sampled_from(KINDS))
    name = draw(st.sampled_from(kind.types))
    references = dict.fromkeys(draw(st.sampled_from(group)) for group in kind.references)
    found = touch(
        name,
        at,
        draw(st.sampled_from(kind.persons)),
        " ".join(references),
        eid=digest(f"event {number}"),
        channel=draw(st.sampled_from(kind.channels)),
        fields={"promised_at": at + DAY} if name == "delivery.promised" else {},
    )
    batch = not name.startswith(NOT_FOR_BATCH) and draw(st.sampled_from((False, False, True)))
    if batch:
        return Said(msgspec.structs.replace(found, batch=True), draw(st.sampled_from(LATER)))
    return Said(found, draw(st.sampled_from(LATE)))


@st.composite
def weeks(draw: st.DrawFn) -> list[Said]:
    """Touchpoints of some weeks, few persons and references; some live orders come again in a batch topic, later."""
    at = moment(hours=12)
    found: list[Said] = []
    for number in range(draw(st.integers(2, 14))):
        at += draw(st.sampled_from((*SHORT, *SHORT, *LONG)))
        found.append(draw(said(number, at)))
    for again in [one.touchpoint for one in found if one.touchpoint.type == "order.placed" and not one.touchpoint.batch]:
        if draw(st.integers(0, 3)) == 0:
            repeated = msgspec.structs.replace(again, batch=True, digest=digest(f"again {again.eid.hex()} {draw(st.booleans())}"))
            found.append(Said(repeated, draw(st.sampled_from(LATER))))
    return found


Log = list[list[tuple[int, Touchpoint | None]]]
"""Per partition its records: (clock, touchpoint), or a clock record."""


def log_of(draw: st.DataObject, found: list[Said]) -> Log:
    """The touchpoints as they arrived; now and then, all partitions are told how late it is."""
    log: Log = [[] for _ in range(PARTITIONS)]
    for at, index in sorted((one.touchpoint.at + one.late_ms, index) for index, one in enumerate(found)):
        if draw.draw(st.integers(0, 2)):
            for records in log:
                records.append((at, None))
        draw.draw(st.sampled_from(log)).append((at, found[index].touchpoint))
    return log


async def read(draw: st.DataObject, log: Log, until: int) -> tuple[Cells, str]:
    """One reading of a log: in any chunks, partitions in any order or in that of arrival, sweeping now and then."""
    run = Run(POLICY, PARTITIONS, capacity=draw.draw(st.sampled_from((1, 2, 1000)), label="journeys in memory"))
    await run.open()
    rest = [list(records) for records in log]
    in_order = draw.draw(st.booleans(), label="in the order of arrival")
    sweeps = draw.draw(st.sampled_from(((True,), (False,), (True, False))))
    while any(rest):
        waiting = [number for number in range(PARTITIONS) if rest[number]]
        number = min(waiting, key=lambda n: rest[n][0][0]) if in_order else draw.draw(st.sampled_from(waiting))
        size = 1 if in_order else draw.draw(st.sampled_from((1, 2, 7, 100)))
        chunk, rest[number] = rest[number][:size], rest[number][size:]
        arrivals = [Arrival(number, clock, touchpoint) for clock, touchpoint in chunk if touchpoint is not None]
        await run.feed(number, arrivals, chunk[-1][0])
        if draw.draw(st.sampled_from(sweeps)):
            await run.sweep()
    await run.finish(until)
    return await run.cells(), await canonical_dump(run.store, POLICY)


@settings(max_examples=200)
@given(st.data(), weeks())
def test_what_is_learnt_late_restates_no_visit_wherever_the_sweep_had_come(draw: st.DataObject, found: list[Said]) -> None:
    log = log_of(draw, found)
    until = max(one.touchpoint.at + one.late_ms for one in found) + draw.draw(st.sampled_from((0, HOUR, DAY, 30 * DAY)))
    (cells, dump), (_, other) = (asyncio.run(read(draw, log, until)) for _ in range(2))
    assert cells == oracle([one.touchpoint for one in found], POLICY, until, until)
    assert dump == other


START = moment(hours=12)
WEEKS_LATER = START + 20 * DAY


def page(references: str, persons: str = "", at: int = START) -> Touchpoint:
    return touch("page.viewed", at, persons, references)


def order(references: str, persons: str = "", at: int = START, *, batch: bool = False) -> Touchpoint:
    found = touch("order.placed", at, persons, references, eid=digest(f"order of {references}"), channel="system")
    return msgspec.structs.replace(found, batch=batch)


ANNA, BERT = "customer_id:1", "customer_id:2"
CART = (page("cart_token:1"), page("cart_token:1", ANNA, START + MINUTE))
STORIES = {
    "a cart that turns out to be part of an older order": (
        (*CART, order("order_id:1", BERT, START - DAY)),
        touch("order.cancelled", WEEKS_LATER, "", "order_id:1 cart_token:1", channel="system"),
    ),
    "an order that a batch topic finds for a cart": (
        (*CART, order("order_id:1", BERT, START - HOUR)),
        order("order_id:1 cart_token:1", BERT, START - HOUR, batch=True),
    ),
    "a parcel, known by a person, that turns out to be part of the order": (
        (page("", ANNA), order("order_id:1"), touch("delivery.promised", START, ANNA, "shipment_id:1")),
        touch("shipment.dispatched", WEEKS_LATER, "", "order_id:1 shipment_id:1"),
    ),
    "a second person who places an order that somebody else was named with": (
        (page("", ANNA), order("order_id:1"), touch("order.refunded", START + HOUR, ANNA, "order_id:1", channel="system")),
        order("order_id:1 visit_id:1", BERT, WEEKS_LATER),
    ),
    "a batch topic that repeats an order without a person, with an earlier time": (
        (page("", ANNA), order("order_id:1"), touch("order.refunded", START + HOUR, ANNA, "order_id:1", channel="system")),
        order("order_id:1", "", START - 1, batch=True),
    ),
    "a batch topic that repeats a person's order, with an earlier time": (
        (page("", ANNA), order("order_id:1", ANNA)),
        order("order_id:1", ANNA, START - 1, batch=True),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_sealed_visit_stays_as_it_was_counted(name: str) -> None:
    known, late = STORIES[name]
    want = totals(tables(*known, WEEKS_LATER), "visit")
    at_once = tables(*known, late, WEEKS_LATER + DAY)
    assert totals(at_once, "visit") == want
    assert at_once == oracle([*known, late], POLICY, WEEKS_LATER + DAY, WEEKS_LATER + DAY)
    for seen in (HOUR, 2 * DAY, 8 * DAY, 9 * DAY, 12 * DAY):
        told = tell(*known, START + seen, late, WEEKS_LATER + DAY)
        assert told.cells == at_once
        assert told.dump == tell(late, *known, WEEKS_LATER + DAY).dump


LINK_LATE = touch("profile.linked", START + 46 * HOUR, "anonymous_id:1 customer_id:1", channel="system")


@pytest.mark.parametrize(
    ("limit", "known"),
    [
        (2_000, (page("cart_token:1", "anonymous_id:1"), order("order_id:1 cart_token:1", ANNA, START + 23 * HOUR))),
        (1, (page("", "anonymous_id:1", moment(days=1)), page("", ANNA, moment(days=1, hours=23, minutes=59)))),
    ],
    ids=["an order that joins a visit of the day before", "a day of a bot"],
)
def test_whose_a_fact_is_may_be_learnt_as_late_as_the_allowance_lets_it(limit: int, known: tuple[Touchpoint, ...]) -> None:
    policy = msgspec.structs.replace(POLICY, limits=Limits(facts_per_day=limit))
    until = START + 30 * DAY
    want = oracle([*known, LINK_LATE], policy, until, until)
    assert tables(*known, LINK_LATE, until, policy=policy) == want
    assert tables(*known, LINK_LATE.at + 7 * DAY, LINK_LATE, until, policy=policy) == want
