"""A journey's parts: spells of activity, facts under one id, trees of references, and the stored form."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.core.journey import CODES, TYPES, Case, Claim, Fact, Journey, add_spell, decode, encode, fact_of, merge_facts
from streams.core.model import Identifier
from streams.core.profiles import profile
from streams.core.trees import about_of, owner_of, root_of, roots_of, tree_of
from tests.core.steps import POLICY
from tests.oracle.build import moment, touch

SILENCE = 10


def spells_of(times: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at in times:
        add_spell(found, (at, at), SILENCE)
    return found


@given(st.lists(st.integers(0, 100), min_size=1), st.randoms())
def test_spells_do_not_depend_on_the_order_of_arrival(times: list[int], chance: Random) -> None:
    found = spells_of(times)
    shuffled = list(times)
    chance.shuffle(shuffled)
    assert spells_of(shuffled) == found
    assert all(later[0] - earlier[1] > SILENCE for earlier, later in pairwise(found))
    assert all(any(first <= at <= last for first, last in found) for at in times)


@given(st.lists(st.integers(0, 100), min_size=1), st.lists(st.integers(0, 100), min_size=1))
def test_merged_spells_are_those_of_all_activity(one: list[int], other: list[int]) -> None:
    merged = spells_of(one)
    for spell in spells_of(other):
        add_spell(merged, spell, SILENCE)
    assert merged == spells_of([*one, *other])


def test_spells_that_are_exactly_the_silence_apart_are_one() -> None:
    assert spells_of([0, SILENCE]) == [(0, SILENCE)]
    assert spells_of([0, SILENCE + 1]) == [(0, 0), (SILENCE + 1, SILENCE + 1)]
    assert spells_of([0, 2 * SILENCE, SILENCE]) == [(0, 2 * SILENCE)]


def fact(at: int, eid: str, content: str = "") -> Fact:
    return fact_of(touch("page.viewed", moment(ms=at), "customer_id:1", eid=eid, fields={"page": content}))


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from("xy"))), st.randoms())
def test_of_two_payloads_under_one_id_the_least_stays(drawn: list[tuple[int, str, str]], chance: Random) -> None:
    facts = [fact(*one) for one in drawn]
    least = {one.eid: min((other for other in facts if other.eid == one.eid), key=lambda f: (f.at, f.digest)) for one in facts}
    chance.shuffle(facts)
    found: list[Fact] = []
    for one in facts:
        merge_facts(found, [one])
    assert found == sorted(least.values(), key=lambda f: (f.at, f.eid))
    merge_facts(found, facts)
    assert found == sorted(least.values(), key=lambda f: (f.at, f.eid))


def test_stored_types_keep_their_numbers() -> None:
    """Journeys in a store name types by number: this list may only grow at its end."""
    assert TYPES[:3] == ("page.viewed", "page.left", "element.clicked")
    assert (CODES["order.placed"], CODES["contact.opened"], CODES["survey.answered"]) == (14, 24, 43)
    assert CODES["product.used"] == 60
    assert len(set(TYPES)) == len(TYPES)


def case(parent: str = "", owner: tuple[int, int] | None = None, about: str = "") -> Case:
    return Case(
        [],
        None if owner is None else Claim(*owner, b"", Identifier("customer_id:1")),
        Claim(0, 0, b"", Identifier(parent)) if parent else None,
        Claim(0, 0, b"", Identifier(about)) if about else None,
    )


def cases_of(**cases: Case) -> dict[Identifier, Case]:
    return {Identifier(name): one for name, one in cases.items()}


def test_a_tree_is_its_root_and_everything_below() -> None:
    cases = cases_of(order=case(), shipment=case("order"), tracking=case("shipment"), other=case())
    assert root_of(cases, Identifier("tracking")) == "order"
    assert tree_of(cases, Identifier("order")) == ["order", "shipment", "tracking"]
    assert roots_of(cases) == ["order", "other"]


def test_a_parent_that_is_not_here_is_no_root() -> None:
    assert root_of(cases_of(shipment=case("order")), Identifier("shipment")) == "shipment"


def test_of_a_cycle_the_least_member_is_the_root() -> None:
    cases = cases_of(a=case("b"), b=case("c"), c=case("b"), self=case("self"))
    assert {root_of(cases, reference) for reference in cases_of(a=case(), b=case(), c=case())} == {"b"}
    assert tree_of(cases, Identifier("b")) == ["b", "a", "c"]
    assert root_of(cases, Identifier("self")) == "self"
    assert roots_of(cases) == ["b", "self"]


def test_the_least_claim_of_a_tree_counts() -> None:
    cases = cases_of(a=case(owner=(1, 0)), b=case("a", owner=(0, 9), about="order"), c=case("a", owner=(0, 8)))
    owner = owner_of(cases, tree_of(cases, Identifier("a")))
    assert owner is not None
    assert (owner.rank, owner.at) == (0, 8)
    about = about_of(cases, tree_of(cases, Identifier("a")))
    assert about is not None
    assert about.target == "order"
    assert owner_of(cases_of(x=case()), [Identifier("x")]) is None


def test_a_journey_is_read_back_as_it_was_stored() -> None:
    journey = Journey(
        persons={Identifier("customer_id:1"): 5},
        site=[fact(1, "a")],
        cases=cases_of(order=case("x", owner=(0, 1))),
        activity=[(1, 2)],
    )
    assert decode(encode(journey)) == journey
    assert encode(decode(encode(journey))) == encode(journey)


def test_a_profile_is_named_by_its_least_identifier_and_says_nothing_of_who_looked_when() -> None:
    journey = Journey(as_of=1, due=2, persons={Identifier("email:e"): 5, Identifier("customer_id:1"): 6}, refused={"a\nb": 1})
    shown = profile(journey, moment(), POLICY)
    assert shown["journey"] == "customer_id:1"
    later = Journey(as_of=9, due=None, persons={Identifier("customer_id:1"): 6, Identifier("email:e"): 5})
    assert profile(later, moment(), POLICY) == shown
    assert profile(Journey(cases=cases_of(order=case())), moment(), POLICY)["journey"] == "order"
