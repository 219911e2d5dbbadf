"""Who is who: merging, references that wait, owners, limits; every order of arrival."""

from __future__ import annotations

from itertools import permutations

from streams.core.journey import Journey
from streams.core.model import Identifier, Touchpoint
from streams.core.policy import Limits, Policy
from tests.core.steps import POLICY, tell
from tests.oracle.build import moment, totals, touch

LONG_AFTER = moment(days=2)
FEW = Policy(clock="history", limits=Limits(identifiers={"customer_id": 1, "email": 2}))


def page(at: int, persons: str, references: str = "") -> Touchpoint:
    return touch("page.viewed", moment(minutes=at), persons, references)


def link(at: int, persons: str) -> Touchpoint:
    return touch("profile.linked", moment(minutes=at), persons, channel="system")


def people(*steps: Touchpoint, policy: Policy = POLICY) -> set[frozenset[Identifier]]:
    """Who is one person."""
    return {frozenset(journey.persons) for journey in tell(*steps, LONG_AFTER, policy=policy).journeys if journey.persons}


def same_in_any_order(*steps: Touchpoint) -> list[Journey]:
    """The journeys, after every order of arrival was found to end in the same dump, one by one and all at once."""
    dumps = {tell(*arrived, LONG_AFTER, chunk=chunk).dump for arrived in permutations(steps) for chunk in (1, len(steps))}
    assert len(dumps) == 1
    return tell(*steps, LONG_AFTER).journeys


def test_identifiers_on_one_event_are_one_person_and_links_chain() -> None:
    steps = [
        page(0, "anonymous_id:a"),
        page(1, "anonymous_id:b"),
        link(2, "anonymous_id:a email:e"),
        link(3, "email:e anonymous_id:b"),
    ]
    (journey,) = same_in_any_order(*steps)
    assert set(journey.persons) == {"anonymous_id:a", "anonymous_id:b", "email:e"}
    assert len(journey.site) == 2


def test_strangers_stay_apart() -> None:
    assert len(people(page(0, "anonymous_id:a"), page(0, "anonymous_id:b"))) == 2


def test_a_reference_merges_nobody() -> None:
    journeys = same_in_any_order(page(0, "anonymous_id:a", "visit_id:v"), page(1, "anonymous_id:b", "visit_id:v"))
    assert len(journeys) == 2
    assert [len(journey.site) for journey in journeys] == [1, 1]


def test_what_waits_under_a_visit_is_its_owners_however_it_is_learnt() -> None:
    waiting = [page(0, "", "visit_id:v"), page(1, "", "visit_id:v cart_token:c")]
    owner = page(2, "anonymous_id:a", "visit_id:v")
    (journey, *others) = same_in_any_order(*waiting, owner)
    assert not any(other.persons for other in others) or not journey.persons
    assert totals(tell(*waiting, owner, LONG_AFTER).cells, "visit_pages", "visits")["visit_pages"] == 3
    assert totals(tell(*waiting, LONG_AFTER).cells, "visit") == {}


def test_the_creating_events_person_owns_the_order_before_anybody_earlier() -> None:
    steps = [
        touch("order.refunded", moment(minutes=1), "customer_id:1", "order_id:1", channel="system"),
        touch("order.placed", moment(minutes=2), "customer_id:2", "order_id:1", channel="store"),
        touch("order.placed", moment(minutes=3), "customer_id:3", "order_id:1", channel="store"),
    ]
    journeys = same_in_any_order(*steps)
    assert [set(journey.persons) for journey in journeys if "order_id:1" in journey.cases] == [{"customer_id:2"}]


def test_an_owner_takes_the_whole_tree() -> None:
    steps = [
        touch("shipment.dispatched", moment(minutes=1), "", "shipment_id:s tracking_number:t"),
        touch("shipment.dispatched", moment(minutes=2), "", "order_id:1 shipment_id:s"),
        touch("delivery.delivered", moment(minutes=3), "email:e", "tracking_number:t"),
    ]
    (journey,) = same_in_any_order(*steps)
    assert set(journey.cases) == {"order_id:1", "shipment_id:s", "tracking_number:t"}


def test_a_contact_about_an_order_does_not_own_it() -> None:
    steps = [
        touch("contact.opened", moment(), "customer_id:1", "contact_id:1 order_id:1"),
        touch("order.placed", moment(minutes=1), "", "order_id:1", channel="store"),
    ]
    journeys = same_in_any_order(*steps)
    assert [set(journey.persons) for journey in journeys if "order_id:1" in journey.cases] == [set()]


def test_journeys_that_are_left_empty_are_gone() -> None:
    steps = [
        touch("delivery.delivered", moment(), "", "order_id:1"),
        touch("shipment.dispatched", moment(minutes=1), "", "shipment_id:s"),
        touch("shipment.dispatched", moment(minutes=2), "", "order_id:1 shipment_id:s"),
        page(3, "customer_id:1", "order_id:1"),
    ]
    assert len(same_in_any_order(*steps)) == 1


def test_two_customer_ids_never_become_one_person() -> None:
    steps = [page(0, "customer_id:1 email:e"), page(1, "customer_id:2 email:e")]
    for arrived in permutations(steps):
        told = tell(*arrived, LONG_AFTER, policy=FEW)
        assert len(told.journeys) == 2
        assert told.outcomes["identity|refused"] == 1
        assert sum(len(journey.refused) for journey in told.journeys) == 1
        assert [len(journey.site) for journey in told.journeys] == [1, 1]


def test_two_known_people_are_not_merged_over_a_limit() -> None:
    steps = [
        page(0, "customer_id:1"),
        page(1, "customer_id:2"),
        page(2, "email:e customer_id:1"),
        link(3, "email:e customer_id:2"),
    ]
    assert people(*steps, policy=FEW) == {frozenset({"customer_id:1", "email:e"}), frozenset({"customer_id:2"})}


def test_one_identifier_too_many_stays_a_person_of_its_own() -> None:
    steps = [page(number, f"customer_id:1 email:{number}") for number in range(3)]
    told = tell(*steps, LONG_AFTER, policy=FEW)
    assert {len(journey.persons) for journey in told.journeys} == {3}
    assert told.outcomes["identity|refused"] == 1
    later = tell(*steps, page(9, "email:2"), LONG_AFTER, policy=FEW)
    assert {frozenset(journey.persons) for journey in later.journeys if journey.persons} >= {frozenset({"email:2"})}


def test_what_was_refused_is_bounded() -> None:
    """A kiosk: one customer, ever new identifiers past the limit."""
    steps = [page(number, f"customer_id:1 email:{number}") for number in range(500)]
    told = tell(*steps, LONG_AFTER, policy=FEW, chunk=50)
    assert told.outcomes["identity|refused"] == 498
    assert max(len(journey.refused) for journey in told.journeys) <= 200


def test_timelines_of_merged_people_keep_the_latest() -> None:
    policy = Policy(clock="history", limits=Limits(timeline_facts=2))
    steps = [
        *(touch("review.posted", moment(days=day), "customer_id:1", channel="system") for day in range(2)),
        *(touch("review.posted", moment(days=2 + day), "email:e", channel="system") for day in range(2)),
        page(0, "customer_id:1 email:e"),
    ]
    assert len({tell(*arrived, LONG_AFTER, policy=policy).dump for arrived in permutations(steps)}) == 1
