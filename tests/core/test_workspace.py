"""The cache of journeys: what it believes after a commit, and what it forgets after a refusal."""

from __future__ import annotations

import asyncio

import pytest

from streams.core.journey import Journey, decode, encode, names_in
from streams.core.keeping import unknown
from streams.core.model import Advance, Answer, Commit, Identifier, JourneyId, Partition, Position, Touchpoint, Verdict
from streams.core.pipeline import Chunk, Pipeline
from streams.core.policy import TopicPolicy
from streams.core.workspace import Missing, Workspace, journey_id
from streams.drive import run_chunk
from streams.store.memory import MemoryStore
from tests.core.steps import POLICY
from tests.laws.harness import DEFINITIONS, TOPIC, empty_commit
from tests.oracle.build import moment, touch

ONE, OTHER = Identifier("customer_id:1"), Identifier("email:e")
HERE, THERE = Partition(TOPIC, 0), Partition(TOPIC, 1)


def blob_of(*persons: Identifier) -> bytes:
    return encode(Journey(persons=dict.fromkeys(persons, 0)))


def chunk_of(partition: Partition, start: int, *touchpoints: Touchpoint) -> Chunk:
    before, after = Position(start), Position(start + len(touchpoints), 0)
    return Chunk(before, Advance(partition, start, after), [], list(touchpoints), [], {})


def pipeline(capacity: int = 100) -> Pipeline:
    return Pipeline(POLICY, DEFINITIONS, [TopicPolicy(TOPIC)], Workspace(capacity))


def asked_for(workspace: Workspace, *identifiers: Identifier) -> set[Identifier]:
    """What has to be loaded for events that name these persons and references."""
    references = " ".join(name for name in identifiers if name.startswith("order_id:"))
    persons = " ".join(name for name in identifiers if not name.startswith("order_id:"))
    return unknown([touch("page.viewed", moment(), persons, references)], workspace)


async def opened() -> MemoryStore:
    store = MemoryStore()
    await store.open(DEFINITIONS, {HERE: 0, THERE: 0}, [TOPIC])
    return store


def test_what_was_admitted_is_known_and_what_was_not_is_asked_for() -> None:
    workspace = Workspace()
    assert asked_for(workspace, ONE, OTHER) == {ONE, OTHER}
    workspace.admit({ONE: journey_id(ONE), OTHER: None}, {journey_id(ONE): blob_of(ONE)})
    assert asked_for(workspace, ONE, OTHER) == set()


def test_absence_is_believed_for_one_commit_only() -> None:
    """Another worker may create what was absent; nothing in a later commit would notice by itself."""
    for ends in (Workspace.settle, Workspace.forget):
        workspace = Workspace()
        workspace.admit({ONE: None}, {})
        ends(workspace, empty_commit())
        assert asked_for(workspace, ONE) == {ONE}


def test_the_journey_that_was_committed_longest_ago_leaves_first() -> None:
    async def play() -> list[set[Identifier]]:
        store, worker = await opened(), pipeline(capacity=2)
        kept = []
        for number, who in enumerate(["a", "b", "a", "c"]):
            page = touch("page.viewed", moment(seconds=number), f"customer_id:{who}")
            answer = await run_chunk(worker, store, chunk_of(HERE, number, page), -1)
            assert answer.verdict is Verdict.OK
            kept.append(set(worker.workspace.links))
        return kept

    kept = asyncio.run(play())
    assert kept[1] == {"customer_id:a", "customer_id:b"}
    assert kept[3] == {"customer_id:a", "customer_id:c"}


@pytest.mark.parametrize(
    ("first", "by_another", "then"),
    [
        (
            touch("page.viewed", moment(), "customer_id:1"),
            touch("page.viewed", moment(1), "customer_id:1 email:e"),
            touch("page.viewed", moment(2), "email:e"),
        ),
        (
            touch("page.viewed", moment(), "customer_id:1"),
            touch("order.placed", moment(1), "customer_id:1", "order_id:1"),
            touch("delivery.delivered", moment(2), "", "order_id:1"),
        ),
        (
            touch("page.viewed", moment(), "email:e"),
            touch("page.viewed", moment(1), "customer_id:1 email:e"),
            touch("page.viewed", moment(2), "customer_id:1"),
        ),
        (
            touch("delivery.delivered", moment(), "", "order_id:1"),
            touch("order.placed", moment(1), "customer_id:1", "order_id:1"),
            touch("shipment.dispatched", moment(2), "", "order_id:1 shipment_id:1"),
        ),
    ],
    ids=["a new identifier", "a new order", "a merge", "an owner"],
)
def test_what_another_worker_did_to_a_journey_in_memory_is_seen(
    first: Touchpoint, by_another: Touchpoint, then: Touchpoint
) -> None:
    async def play() -> tuple[Answer, list[Journey]]:
        store, worker, another = await opened(), pipeline(), pipeline()
        await run_chunk(worker, store, chunk_of(HERE, 0, first), -1)
        await run_chunk(another, store, chunk_of(THERE, 0, by_another), -1)
        answer = await run_chunk(worker, store, chunk_of(HERE, 1, then), -1)
        held = [decode(one.blob) for one in worker.workspace.held.values()]
        return answer, held

    answer, held = asyncio.run(play())
    assert answer.verdict is Verdict.OK
    assert any(len([*journey.site, *(fact for case in journey.cases.values() for fact in case.facts)]) >= 2 for journey in held)


def test_a_refused_commit_leaves_nothing_in_memory_that_it_changed() -> None:
    async def play() -> Pipeline:
        store, worker = await opened(), pipeline()
        start = [
            touch("page.viewed", moment(), "customer_id:1"),
            touch("page.viewed", moment(), "email:e"),
            touch("delivery.delivered", moment(), "", "order_id:1"),
        ]
        await run_chunk(worker, store, chunk_of(HERE, 0, *start), -1)
        merging = touch("order.placed", moment(1), "customer_id:1 email:e", "order_id:1")
        answer = await run_chunk(worker, store, chunk_of(HERE, 7, merging), -1)
        assert answer.verdict is Verdict.ROLLBACK
        return worker

    worker = asyncio.run(play())
    wanted = (ONE, OTHER, Identifier("order_id:1"))
    assert asked_for(worker.workspace, *wanted) == set(wanted)
    assert not worker.workspace.held


def test_a_fold_that_asks_for_more_can_be_repeated_and_gives_the_same() -> None:
    """Missing may be raised in the middle; what was folded until then has changed nothing in memory."""

    async def play() -> tuple[Commit, Commit]:
        store, writer = await opened(), pipeline()
        setup = [
            touch("page.viewed", moment(), "customer_id:1"),
            touch("order.placed", moment(), "email:e", "order_id:1"),
            touch("shipment.dispatched", moment(), "", "shipment_id:1"),
        ]
        await run_chunk(writer, store, chunk_of(HERE, 0, *setup), -1)
        chunk = chunk_of(
            HERE,
            3,
            touch("page.viewed", moment(1), "customer_id:1"),
            touch("shipment.dispatched", moment(1), "customer_id:1", "order_id:1 shipment_id:1"),
            touch("page.viewed", moment(2), "customer_id:1 email:e"),
        )
        patient, hasty = pipeline(), pipeline()
        loaded = await store.load(patient.wanted(chunk))
        patient.admit(loaded.links, loaded.blobs)
        first = patient.fold(chunk, -1)
        asked: set[Identifier] = set()
        while True:
            try:
                return first, hasty.fold(chunk, -1)
            except Missing as missing:
                asked |= missing.identifiers
                loaded = await store.load(missing.identifiers, missing.journeys)
                hasty.admit(loaded.links, loaded.blobs)
                assert len(asked) < 20

    first, second = asyncio.run(play())
    assert first == second


def test_local_cases_have_no_link() -> None:
    assert names_in(blob_of(ONE)) == [ONE]
    told = asyncio.run(_timeline())
    assert Identifier("~timeline") in decode(told).cases
    assert names_in(told) == [ONE]


async def _timeline() -> bytes:
    store, worker = await opened(), pipeline()
    await run_chunk(worker, store, chunk_of(HERE, 0, touch("store.visited", moment(), ONE, channel="store")), -1)
    return worker.workspace.held[JourneyId(journey_id(ONE))].blob
