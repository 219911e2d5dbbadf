"""Opening a namespace, and everything that only reads or tidies."""

from __future__ import annotations

from streams.core.model import Answer, Bucket, Grain, Identifier, JourneyId, Position, Rows, Verdict
from streams.core.windows import SPANS, WIDTHS
from streams.store.base import DUE_SHARDS, Loaded
from streams.store.dump import canonical_cells, cells_text
from tests.contracts.build import DEFINITIONS, EVER, SHARDS, SHOP, WEB, advance, commit, created, identifier, journey, opened
from tests.contracts.conftest import Make

MINUTE_SPAN = SPANS[Grain.MINUTE]
MINUTE_WIDTH = WIDTHS[Grain.MINUTE]


async def test_opening_lists_partitions_once(make: Make) -> None:
    store = make()
    assert await store.positions() == (-1, {})
    assert await store.open(DEFINITIONS, {WEB: 7}, ["web"]) == Answer(Verdict.OK, -1)
    assert await store.positions() == (-1, {WEB: Position(7)})
    await store.commit(commit(advance(7, 9, 5)))
    assert await store.open(DEFINITIONS, {WEB: 0, SHOP: 3}, ["web"]) == Answer(Verdict.OK, 5)
    assert await store.positions() == (5, {WEB: Position(9, 5), SHOP: Position(3)})
    assert await store.open("other", {WEB: 0}, ["web"]) == Answer(Verdict.FENCED, 5)
    assert await make().open(DEFINITIONS, {}, []) == Answer(Verdict.OK, 5)


async def test_load_finds_links_and_each_journey_once(make: Make) -> None:
    store = await opened(make())
    await store.commit(created(1, b"one"))
    known = await store.commit(
        commit(
            read={journey(2): None},
            journeys={journey(2): b""},
            links={identifier(2): journey(2), identifier(3): journey(2), Identifier("email:\ud800"): journey(2)},
        )
    )
    assert known.verdict is Verdict.OK
    assert await store.load([]) == Loaded({}, {})
    assert await store.load([identifier(9)]) == Loaded({identifier(9): None}, {})
    found = await store.load([identifier(2), identifier(3), Identifier("email:\ud800")], [journey(2), journey(1), journey(8)])
    assert found.links == {identifier(2): journey(2), identifier(3): journey(2), Identifier("email:\ud800"): journey(2)}
    assert found.blobs == {journey(1): b"one", journey(2): b"", journey(8): None}


async def test_due_is_the_earliest_first_over_the_shards_asked_for(make: Make) -> None:
    store = await opened(make())
    times = {journey(number): (number * 37) % 50 for number in range(1, 100)}
    await store.commit(commit(read=dict.fromkeys(times), journeys=dict.fromkeys(times, b""), due=dict(times)))
    expected = sorted(((at, key) for key, at in times.items()))
    assert await store.due(49, 1_000, SHARDS) == [(key, at) for at, key in expected]
    assert await store.due(20, 1_000, SHARDS) == [(key, at) for at, key in expected if at <= 20]
    assert await store.due(49, 7, SHARDS) == [(key, at) for at, key in expected][:7]
    assert await store.due(-1, 7, SHARDS) == []
    assert await store.due(49, 7, []) == []
    halves = [await store.due(49, 1_000, range(first, DUE_SHARDS, 2)) for first in (0, 1)]
    assert sorted((at, key) for half in halves for key, at in half) == expected
    assert all(key[0] % 2 == parity for parity, half in enumerate(halves) for key, _ in half)


async def test_a_deadline_that_moves_is_found_where_it_is(make: Make) -> None:
    store = await opened(make())
    key = journey(1)
    await store.commit(commit(read={key: None}, due={key: 10}))
    for at in [*range(500), 10, None, 10]:
        await store.commit(commit(read={key: None}, due={key: at}))
        assert await store.due(2**40, 5, SHARDS) == ([] if at is None else [(key, at)])


async def test_journeys_are_listed_once(make: Make) -> None:
    store = await opened(make())
    expected = {JourneyId(n.to_bytes(16, "big")): b"%d" % n for n in range(1, 3_000)}
    await store.commit(commit(read=dict.fromkeys(expected), journeys=dict(expected)))
    found = [item async for item in store.journeys()]
    assert len(found) == len(expected)
    assert dict(found) == expected


async def test_expiring_deletes_what_is_behind_and_no_more_than_asked(make: Make) -> None:
    store = await opened(make())
    minutes = [(Grain.MINUTE, index) for index in range(10)]
    hours = [(Grain.HOUR, index) for index in range(3)]
    cells = {bucket: {"a": {1: 1}} for bucket in (*minutes, *hours, EVER)}
    await store.commit(commit(advance(0, 1, MINUTE_SPAN + 8 * MINUTE_WIDTH), cells=cells))
    assert await store.buckets() == sorted(cells)
    assert await store.read(list(cells)) == (
        MINUTE_SPAN + 8 * MINUTE_WIDTH,
        {bucket: {"a": {1: 1}} for bucket in (*minutes[8:], *hours, EVER)},
    )
    assert await store.expire(0) == 0
    assert await store.expire(3) == 3
    assert len(await store.buckets()) == len(cells) - 3
    assert await store.expire(100) == 5
    assert await store.expire(100) == 0
    assert await store.buckets() == sorted([*minutes[8:], *hours, EVER])


async def test_the_dump_is_sorted_and_holds_only_what_counts(make: Make) -> None:
    store = await opened(make())
    old, new = (Grain.MINUTE, 5), (Grain.MINUTE, 9)
    cells: dict[Bucket, Rows] = {
        old: {"visit": {1: 1}},
        new: {"visit|market=é": {1: 1, 2: 0}, "visit": {5: 2}, "money": {1: -2}, "nobody": {1: 1}},
        EVER: {"order": {1: 3}},
    }
    await store.commit(commit(advance(0, 1, MINUTE_SPAN + 6 * MINUTE_WIDTH), cells=cells))
    found = await canonical_cells(store)
    assert found == [(EVER, "orders", 3), (new, "revenue", -2), (new, "visit_duration.n", 2), (new, "visits|market=é", 1)]
    assert cells_text(found) == (
        '{"bucket":"e:0","cell":"orders","value":3}\n'
        '{"bucket":"m:9","cell":"revenue","value":-2}\n'
        '{"bucket":"m:9","cell":"visit_duration.n","value":2}\n'
        '{"bucket":"m:9","cell":"visits|market=é","value":1}\n'
    )
    assert await store.expire(5) == 1
    assert await canonical_cells(store) == found
