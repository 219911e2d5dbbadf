"""Contacts: counted once per tree, waits and holds per contact, whoever says it and in whatever order."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.metrics import compute
from streams.core.model import Bucket, Touchpoint, Value
from streams.core.policy import MINUTE, SECOND
from tests.core.steps import POLICY, Step, tables, tell
from tests.oracle.build import ever, moment, totals, touch

ME = "customer_id:me"
LONG_AFTER = moment(days=9)


def contact(kind: str, at: int, references: str = "contact_id:1", persons: str = "", **fields: Value) -> Touchpoint:
    return touch(f"contact.{kind}", moment() + at, persons, references, fields=fields)


def found(*steps: Step) -> dict[str, int]:
    return totals(tables(*steps, LONG_AFTER), "contacts", "queue_wait", "hold")


@pytest.mark.parametrize(
    ("steps", "wait"),
    [
        ([contact("opened", 0), contact("queued", SECOND), contact("answered", MINUTE)], MINUTE - SECOND),
        ([contact("opened", 0), contact("answered", MINUTE)], MINUTE),
        ([contact("opened", 0), contact("queued", SECOND), contact("answered", MINUTE, queue_ms=7)], 7),
        ([contact("answered", MINUTE, queue_ms=0)], 0),
        ([contact("opened", 2 * MINUTE), contact("answered", MINUTE)], 0),
        ([contact("queued", 0), contact("queued", SECOND), contact("answered", MINUTE), contact("answered", 9 * MINUTE)], MINUTE),
    ],
    ids=["queued", "opened", "said", "said to be nothing", "answered before it was opened", "the first of each"],
)
def test_a_wait_is_what_the_answer_says_else_since_the_queue_else_since_the_opening(steps: list[Touchpoint], wait: int) -> None:
    for arrived in (steps, steps[::-1]):
        cells = found(*arrived)
        assert cells["queue_wait.n"] == 1
        assert cells.get("queue_wait.sum", 0) == wait


def test_an_answer_out_of_nothing_has_no_wait() -> None:
    assert found(contact("answered", MINUTE)) == {"contacts": 1}


@pytest.mark.parametrize(
    ("steps", "hold"),
    [
        ([contact("answered", 0), contact("held", 1, hold_ms=5), contact("held", 2, hold_ms=6), contact("ended", 9)], 11),
        ([contact("answered", 0), contact("held", 1, hold_ms=5), contact("ended", 9, hold_ms=2)], 2),
        ([contact("answered", 0), contact("ended", 9)], 0),
        ([contact("opened", 0), contact("ended", 9, talk_ms=3)], 0),
        ([contact("opened", 0), contact("ended", 9, hold_ms=0)], 0),
        ([contact("opened", 0), contact("held", 1, hold_ms=5), contact("ended", 9)], None),
        ([contact("answered", 0), contact("held", 1, hold_ms=5)], None),
    ],
    ids=["sum of holds", "said at the end", "never held", "talked to", "said to be nothing", "never answered", "not ended"],
)
def test_a_hold_is_what_the_end_says_else_the_sum_of_holds(steps: list[Touchpoint], hold: int | None) -> None:
    for arrived in (steps, steps[::-1]):
        cells = found(*arrived)
        assert cells.get("hold.n", 0) == (hold is not None)
        assert cells.get("hold.sum", 0) == (hold or 0)


def test_transfers_are_one_contact_with_a_wait_each() -> None:
    steps = [
        contact("opened", 0),
        contact("answered", MINUTE),
        contact("opened", 2 * MINUTE, "contact_id:2 root_contact_id:1"),
        contact("answered", 5 * MINUTE, "contact_id:2 root_contact_id:1"),
    ]
    for arrived in permutations(steps):
        cells = found(arrived[0], arrived[1], LONG_AFTER - 1, *arrived[2:])
        assert (cells["contacts"], cells["queue_wait.n"], cells["queue_wait.sum"]) == (1, 2, 4 * MINUTE)


def test_a_cycle_of_roots_is_one_contact() -> None:
    steps = [contact("opened", number, f"contact_id:{number} root_contact_id:{(number + 1) % 3}") for number in range(3)]
    dumps = {tell(*arrived, LONG_AFTER).dump for arrived in permutations(steps)}
    assert len(dumps) == 1
    assert found(*steps) == {"contacts": 1}


def test_a_root_alone_is_the_contact_of_that_id() -> None:
    assert found(contact("opened", 0, "root_contact_id:1"), contact("queued", 1)) == {"contacts": 1}


@pytest.mark.parametrize(("first", "second", "contacts"), [("outbound", "inbound", 0), ("inbound", "outbound", 1)])
def test_the_first_direction_that_is_said_counts(first: str, second: str, contacts: int) -> None:
    steps = [contact("opened", 0), contact("queued", 1, direction=first), contact("answered", 2, direction=second)]
    for arrived in permutations(steps):
        cells = found(*arrived)
        assert cells.get("contacts", 0) == contacts
        assert cells["queue_wait.n"] == 1


def test_medium_and_reason_are_the_first_that_are_said_however_late() -> None:
    steps: list[Step] = [
        contact("opened", 0),
        contact("ended", 9, medium="chat"),
        LONG_AFTER - 1,
        contact("transferred", 5, medium="phone"),
    ]
    for arrived in (steps, [*steps[2:], *steps[:2]]):
        cells = ever(tables(*arrived, LONG_AFTER))
        assert cells.get("contacts|medium=phone") == 1
        assert "contacts|medium=chat" not in cells


def test_a_contact_without_a_person_goes_where_its_order_goes() -> None:
    """And back to its own person as soon as it has one."""
    placed = touch("order.placed", moment(), ME, "order_id:1", channel="store")
    about = contact("opened", 1, "contact_id:1 order_id:1")
    for arrived in ([placed, about], [about, placed]):
        (journey,) = tell(*arrived, LONG_AFTER).journeys
        assert {"order_id:1", "contact_id:1"} <= set(journey.cases)
    own = contact("answered", 2, persons="phone:+31201234567")
    for order in permutations([placed, about, own]):
        journeys = {str(min(journey.persons)): set(journey.cases) for journey in tell(*order, LONG_AFTER).journeys}
        assert "contact_id:1" in journeys["phone:+31201234567"]
        assert "order_id:1" in journeys[ME]


def test_an_order_that_moves_takes_the_contacts_about_it_along() -> None:
    steps = [
        contact("opened", 1, "contact_id:1 order_id:1"),
        touch("order.refunded", moment(minutes=2), "customer_id:other", "order_id:1", channel="system"),
        touch("order.placed", moment(minutes=9), ME, "order_id:1", channel="store"),
    ]
    assert len({tell(*arrived, LONG_AFTER).dump for arrived in permutations(steps)}) == 1
    journeys = tell(*steps, LONG_AFTER).journeys
    owner = next(journey for journey in journeys if ME in journey.persons)
    assert {"order_id:1", "contact_id:1"} <= set(owner.cases)


def test_a_contact_that_leaves_its_tree_loses_the_order_that_the_tree_was_about() -> None:
    steps = [
        touch("order.placed", moment(), ME, "order_id:1", channel="store"),
        contact("opened", 1, "contact_id:2 order_id:1"),
        contact("opened", 2 * MINUTE, "contact_id:2 root_contact_id:1"),
        contact("opened", MINUTE, "contact_id:2 root_contact_id:3"),
    ]
    assert len({tell(*arrived, LONG_AFTER).dump for arrived in permutations(steps)}) == 1


def told(*steps: Step, of: tuple[str, ...]) -> dict[str, int]:
    return totals(tables(*steps, LONG_AFTER), *of)


@pytest.mark.parametrize(("wait", "short"), [(20 * SECOND, 1), (20 * SECOND + 1, 0)])
def test_the_service_level_is_twenty_seconds(wait: int, short: int) -> None:
    cells = told(contact("queued", 0), contact("answered", wait), of=("waits", "queue_wait.n", "contacts_abandoned"))
    assert cells == {"queue_wait.n": 1, "waits": 1, **({"waits_short": 1} if short else {})}


def test_whoever_gave_up_was_not_answered_unless_he_was_after_all() -> None:
    gave_up = [contact("queued", 0), contact("abandoned", MINUTE)]
    assert told(*gave_up, of=("waits", "contacts_abandoned", "queue_wait.n")) == {"waits": 1, "contacts_abandoned": 1}
    called_back = told(*gave_up, LONG_AFTER - 1, contact("answered", 2 * MINUTE), of=("waits", "contacts_abandoned"))
    assert called_back == {"waits": 1}


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ([contact("opened", 0), contact("replied", MINUTE, by="agent"), contact("answered", 2 * MINUTE)], 60),
        ([contact("opened", 0), contact("replied", MINUTE, by="bot"), contact("replied", 2 * MINUTE, by="customer")], None),
        ([contact("queued", 0), contact("opened", MINUTE), contact("answered", 2 * MINUTE)], 120),
        ([contact("replied", 0, by="agent"), contact("opened", MINUTE), contact("replied", 3 * MINUTE, by="agent")], 120),
        ([contact("opened", 0, direction="outbound"), contact("answered", MINUTE)], None),
    ],
    ids=["a reply", "bots and customers", "since the queue", "a reply before", "outbound"],
)
def test_the_first_response_is_an_agents(steps: list[Touchpoint], seconds: int | None) -> None:
    for arrived in (steps, steps[::-1]):
        assert told(*arrived, of=("first_response.sum",)) == ({} if seconds is None else {"first_response.sum": 1_000 * seconds})


def test_a_reopening_takes_the_resolution_back() -> None:
    solved = [contact("opened", 0), contact("resolved", MINUTE)]
    assert told(*solved, of=("resolution.n", "resolution.sum")) == {"resolution.n": 1, "resolution.sum": MINUTE}
    again: list[Step] = [*solved, LONG_AFTER - 1, contact("reopened", 2 * MINUTE)]
    assert told(*again, of=("resolution",)) == {}
    twice = told(*again, contact("ended", 9 * MINUTE, resolved=True), of=("resolution.n", "resolution.sum"))
    assert twice == {"resolution.n": 1, "resolution.sum": 9 * MINUTE}


def test_a_problem_that_went_over_two_channels() -> None:
    other = touch("contact.replied", moment() + 1, "", "contact_id:1", channel="email", fields={"by": "customer"})
    cells = told(contact("opened", 0), other, contact("resolved", MINUTE), of=("resolution_channels", "resolution.n"))
    assert cells == {"resolution_channels": 2, "resolution.n": 1}


@pytest.mark.parametrize(
    ("steps", "open_now"),
    [
        ([contact("opened", 0)], 1),
        ([contact("opened", 0), contact("answered", 1)], 1),
        ([contact("opened", 0), contact("abandoned", 5)], 0),
        ([contact("opened", 0), contact("resolved", 5), contact("reopened", 9)], 1),
        ([contact("opened", 0), contact("transferred", 5), contact("opened", 5, "contact_id:2 root_contact_id:1")], 1),
        ([contact("opened", 0, direction="outbound")], 0),
        ([contact("ended", 5)], 0),
    ],
    ids=["opened", "answered", "abandoned", "reopened", "passed on", "outbound", "only its end"],
)
def test_open_contacts_are_a_stock(steps: list[Touchpoint], open_now: int) -> None:
    for arrived in (steps, steps[::-1]):
        assert told(*arrived, of=("open_contacts",)).get("open_contacts", 0) == open_now


def oldest(*steps: Step, at: int) -> tuple[float | None, int]:
    """Seconds, and of how many contacts that are open."""
    cells: dict[Bucket, dict[str, int]] = {}
    for (grain, index, field), n in tables(*steps).items():
        cells.setdefault((grain, index), {})[field] = n
    watermark = max(step for step in steps if isinstance(step, int))
    (found,) = compute(watermark, cells, POLICY, ["24h"], ["oldest_open_contact_seconds"], at)
    return found.value, found.n


def test_how_long_the_oldest_open_contact_has_waited_is_known_at_any_moment() -> None:
    first, second, third = (contact("opened", 10 * n, f"contact_id:{n}") for n in (1, 2, 3))
    over = touch("contact.resolved", moment(hours=2), "", "contact_id:1")
    again = touch("contact.reopened", moment(hours=4), "", "contact_id:1")
    for steps in ((first, second, third, over, again), (again, over, third, second, first)):
        story: list[Step] = [*steps, moment(hours=5)]
        assert oldest(*story, at=moment(minutes=-1)) == (0, 0)
        assert oldest(*story, at=moment(hours=1) - 1) == (3_599, 3)
        assert oldest(*story, at=moment(hours=3) - 1) == (3 * 3_600 - 1, 2)
        assert oldest(*story, at=moment(hours=5)) == (5 * 3_600, 3)
    closed = [touch("contact.abandoned", moment(hours=4, minutes=30), "", f"contact_id:{n}") for n in (2, 3)]
    assert oldest(first, second, third, over, again, *closed, moment(hours=5), at=moment(hours=5)) == (3_600, 1)


@pytest.mark.parametrize(
    ("end", "handled"),
    [({"talk_ms": 60_000, "hold_ms": 5_000, "wrap_up_ms": 1_000}, 66_000), ({"wrap_up_ms": 1_000}, MINUTE + 1_000), ({}, MINUTE)],
)
def test_handling_is_talk_hold_and_wrap_up(end: dict[str, Value], handled: int) -> None:
    ended = touch("contact.ended", moment() + MINUTE, "", "contact_id:1", fields=end)
    assert told(contact("answered", 0), ended, of=("handle.sum",)) == {"handle.sum": handled}


def test_a_complaint_is_one_whoever_says_so() -> None:
    cells = told(contact("opened", 0), LONG_AFTER - 1, contact("transferred", 5, complaint=True), of=("complaints", "contacts"))
    assert cells == {"complaints": 1, "contacts": 1}
