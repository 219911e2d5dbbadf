"""What a commit compares, what it writes, and that it writes all or nothing."""

from __future__ import annotations

import pytest

from streams.core.model import Answer, Bucket, Commit, Grain, Partition, Position, Rows, Verdict, version_of
from streams.core.windows import SPANS, WIDTHS
from streams.store.checks import MAX_DELTA, MAX_SLOT, MAX_WRITES
from tests.contracts.build import (
    BATCH,
    EVER,
    HOUR,
    SHARDS,
    SHOP,
    WEB,
    advance,
    commit,
    created,
    everything,
    identifier,
    journey,
    opened,
)
from tests.contracts.conftest import Make

BLOB = b"\x00 blob\n\xff"
BINARY = b"\x00 \n\xff7"


async def test_a_chunk_writes_all_of_it(make: Make) -> None:
    store = await opened(make())
    answer = await store.commit(created(1, BLOB, advance(0, 5, 1_000, digest=BINARY)))
    assert answer == Answer(Verdict.OK, 1_000)
    assert await everything(store, range(1, 3)) == {
        "positions": (1_000, {WEB: Position(5, 1_000, BINARY)}),
        "journeys": {journey(1): BLOB},
        "links": {identifier(1): journey(1), identifier(2): None},
        "blobs": {journey(1): BLOB},
        "due": [(journey(1), 1_001)],
        "buckets": [EVER],
        "cells": (1_000, {EVER: {"visits": {1: 1}}}),
        "outcomes": {"applied": 1},
    }


@pytest.mark.parametrize(
    ("refused", "answer"),
    [
        (commit(advance(0, 5)), Answer(Verdict.DUPLICATE, 1_000, 5)),
        (commit(advance(0, 4)), Answer(Verdict.DUPLICATE, 1_000, 5)),
        (commit(advance(0, 6)), Answer(Verdict.PARTIAL, 1_000, 5)),
        (commit(advance(4, 6)), Answer(Verdict.PARTIAL, 1_000, 5)),
        (commit(advance(6, 7)), Answer(Verdict.ROLLBACK, 1_000, 5)),
        (commit(advance(6, 6, 9_000)), Answer(Verdict.ROLLBACK, 1_000, 5)),
        (commit(advance(4, 4, 9_000)), Answer(Verdict.DUPLICATE, 1_000, 5)),
        (commit(advance(0, 1, partition=SHOP)), Answer(Verdict.UNLISTED, 1_000)),
        (commit(advance(5, 6), definitions="other"), Answer(Verdict.FENCED, 1_000)),
        (commit(advance(5, 6), watermark=1_001), Answer(Verdict.ROLLBACK, 1_000)),
        (commit(watermark=1_001), Answer(Verdict.ROLLBACK, 1_000)),
        (commit(advance(5, 6), read={journey(1): None}), Answer(Verdict.CONFLICT, 1_000, -1, (journey(1),))),
        (commit(advance(5, 6), read={journey(2): version_of(b"")}), Answer(Verdict.CONFLICT, 1_000, -1, (journey(2),))),
        (commit(read={journey(1): version_of(b"older")}), Answer(Verdict.CONFLICT, 1_000, -1, (journey(1),))),
        (commit(absent={identifier(1), identifier(2)}), Answer(Verdict.CONFLICT, 1_000, -1, (journey(1),))),
    ],
)
async def test_what_was_read_otherwise_refuses_the_whole(make: Make, refused: Commit, answer: Answer) -> None:
    store = await opened(make())
    await store.commit(created(1, BLOB, advance(0, 5, 1_000)))
    before = await everything(store)
    refused.read |= {journey(9): None}
    refused.journeys = {journey(9): b"new"}
    refused.links = {identifier(9): journey(9)}
    refused.due = {journey(9): 7}
    refused.cells = {EVER: {"visits": {1: 1}}}
    refused.outcomes = {"applied": 1}
    assert await store.commit(refused) == answer
    assert await everything(store) == before


async def test_conflicts_are_named_once_and_sorted(make: Make) -> None:
    store = await opened(make())
    for number in (3, 1, 2):
        assert (await store.commit(created(number, b"%d" % number))).verdict is Verdict.OK
    stale = commit(read={journey(3): None, journey(1): version_of(b"1"), journey(2): None}, absent={identifier(2), identifier(1)})
    assert (await store.commit(stale)).conflicts == (journey(1), journey(2), journey(3))


async def test_a_namespace_that_was_never_opened_lists_nothing(make: Make) -> None:
    store = make()
    assert await store.commit(commit()) == Answer(Verdict.UNLISTED, -1)
    assert await store.commit(commit(advance(0, 1))) == Answer(Verdict.UNLISTED, -1)


async def test_a_sweep_needs_no_position(make: Make) -> None:
    store = await opened(make())
    assert (await store.commit(created(1, b""))).verdict is Verdict.OK
    sweep = commit(read={journey(1): version_of(b"")}, journeys={journey(1): b"2"}, due={journey(1): None})
    assert (await store.commit(sweep)).verdict is Verdict.OK
    assert await store.due(2**50, 10, SHARDS) == []
    assert (await store.load([], [journey(1)])).blobs == {journey(1): b"2"}
    assert await store.commit(sweep) == Answer(Verdict.CONFLICT, -1, -1, (journey(1),))


async def test_a_merge_moves_links_and_deletes_the_loser(make: Make) -> None:
    store = await opened(make())
    await store.commit(created(1, b"1"))
    await store.commit(created(2, b"2"))
    read = {journey(1): version_of(b"1"), journey(2): version_of(b"2")}
    merge = commit(
        read=read,
        journeys={journey(1): b"12", journey(2): None},
        links={identifier(2): journey(1)},
        due={journey(2): None},
    )
    assert (await store.commit(merge)).verdict is Verdict.OK
    loaded = await store.load([identifier(1), identifier(2)], [journey(2)])
    assert loaded.links == {identifier(1): journey(1), identifier(2): journey(1)}
    assert loaded.blobs == {journey(1): b"12", journey(2): None}
    unlink = commit(read={journey(1): version_of(b"12")}, journeys={journey(1): b"1"}, links={identifier(2): None})
    assert (await store.commit(unlink)).verdict is Verdict.OK
    assert (await store.load([identifier(2)])).links == {identifier(2): None}


async def test_a_tick_raises_only_its_own_clock(make: Make) -> None:
    store = await opened(make())
    await store.commit(commit(advance(0, 5, 1_000, digest=b"five")))
    for clock, ticked in ((3_000, 3_000), (3_000, 3_000), (2_000, 3_000), (4_000, 4_000)):
        assert await store.commit(commit(advance(5, 5, clock, digest=b"tick"))) == Answer(Verdict.OK, ticked)
        assert await store.positions() == (ticked, {WEB: Position(5, 1_000, b"five", ticked)})
    assert await store.commit(commit(advance(5, 6, 1_500, digest=b"six"))) == Answer(Verdict.OK, 4_000)
    assert await store.positions() == (4_000, {WEB: Position(6, 1_500, b"six", 4_000)})
    assert await store.commit(commit(advance(6, 7, 1_200))) == Answer(Verdict.OK, 4_000)
    assert (await store.positions())[1] == {WEB: Position(7, 1_500, b"", 4_000)}


async def test_the_watermark_is_the_least_clock_that_holds_less_the_disorder(make: Make) -> None:
    store = await opened(make(), WEB, SHOP, BATCH, disorder_ms=100)

    async def after(partition: Partition, start: int, clock: int) -> int:
        return (await store.commit(commit(advance(start, start + 1, clock, partition)))).watermark

    assert await after(WEB, 0, 5_000) == -1  # shop has said nothing yet
    assert await after(BATCH, 0, 50) == -1
    assert await after(SHOP, 0, 3_000) == 2_900  # the batch topic holds nothing
    assert await after(SHOP, 1, 9_000) == 4_900
    assert await after(BATCH, 1, 60) == 4_900
    later = Partition("web", 1)
    assert (await store.open("d1", {later: 40}, ["web", "shop"], 100)).watermark == 4_900
    assert await after(WEB, 1, 8_000) == 4_900  # a new partition holds it, and does not take it back
    assert await after(later, 40, 4_000) == 4_900
    assert await after(later, 41, 8_500) == 7_900
    assert (await store.open("d1", {}, ["shop"], 0)).watermark == 7_900
    assert (await store.commit(commit(watermark=7_900))).watermark == 9_000


@pytest.mark.parametrize("grain", [Grain.MINUTE, Grain.HOUR, Grain.DAY])
async def test_an_expired_bucket_never_comes_back(make: Make, grain: Grain) -> None:
    store = await opened(make())
    index = 500
    bucket = (grain, index)
    end = (index + 1) * WIDTHS[grain] + SPANS[grain]
    cells: dict[Bucket, Rows] = {bucket: {"visits": {1: 1}}, EVER: {"visits": {1: 1}}, (grain, index + 1): {"visits": {1: 1}}}
    assert (await store.commit(commit(advance(0, 1, end - 1), cells=cells))).watermark == end - 1
    assert await store.read([bucket]) == (end - 1, {bucket: {"visits": {1: 1}}})
    # It is live at the stored watermark, though this commit raises that beyond its end.
    assert (await store.commit(commit(advance(1, 2, end), cells=cells))).watermark == end
    assert (await store.commit(commit(advance(2, 3, end), cells=cells))).verdict is Verdict.OK
    assert await store.read([bucket, EVER]) == (end, {EVER: {"visits": {1: 3}}})
    assert bucket in await store.buckets()
    assert await store.expire(10) == 1
    assert await store.buckets() == sorted([EVER, (grain, index + 1)])
    assert (await store.commit(commit(advance(3, 4, end), cells=cells))).verdict is Verdict.OK
    assert bucket not in await store.buckets()


async def test_what_becomes_zero_is_forgotten(make: Make) -> None:
    store = await opened(make())
    hour = (Grain.HOUR, 3)
    rows: Rows = {"a": {1: 2}, "b": {1: 1, 7: 5}, "c": {1: 0}}
    await store.commit(commit(cells={hour: rows, EVER: {"z": {1: 0, 2: 0}}}, outcomes={"x": 1, "y": 0}))
    assert await store.read([hour, EVER]) == (-1, {hour: {"a": {1: 2}, "b": {1: 1, 7: 5}}})
    await store.commit(commit(cells={hour: {"a": {1: -2}, "b": {1: -2, 7: -5}}}, outcomes={"x": -1}))
    assert await store.read([hour]) == (-1, {hour: {"b": {1: -1}}})
    await store.commit(commit(cells={hour: {"b": {1: 1}}}))
    assert await store.buckets() == []
    assert await store.outcomes() == {}


async def test_the_largest_commit_and_one_write_more(make: Make) -> None:
    store = await opened(make())
    cells: dict[Bucket, Rows] = {EVER: {f"name|dimension={n}": {1: n + 1} for n in range(MAX_WRITES - 1)}}
    assert (await store.commit(commit(advance(0, 1, 7), cells=cells))).verdict is Verdict.OK
    before = await store.read([EVER])
    assert before == (7, cells)
    with pytest.raises(ValueError, match="at most 20000 in one call"):
        await store.commit(commit(advance(1, 2, 8), cells=cells, outcomes={"applied": 1}))
    assert await store.read([EVER]) == before


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (commit(cells={EVER: {"a": {1: MAX_DELTA + 1}}}), "an increment beyond"),
        (commit(outcomes={"a": -MAX_DELTA - 1}), "an increment beyond"),
        (commit(cells={EVER: {"a": {0: 1}}}), "a slot that is not"),
        (commit(cells={EVER: {"a": {MAX_SLOT + 1: 1}}}), "a slot that is not"),
        (commit(cells={(Grain.EVER, 1): {"a": {1: 1}}}), "no bucket e:1"),
        (commit(advance(3, 2)), "cannot move from 3 to 2"),
        (commit(advance(-1, 2)), "cannot move from -1 to 2"),
        (commit(advance(0, 2**53)), "beyond"),
        (commit(watermark=-(2**53)), "beyond"),
        (commit(read={journey(1): None}, due={journey(1): 2**53}), "beyond"),
        (commit(journeys={journey(1): b""}), "written that was not read"),
        (commit(due={journey(1): 5}), "deadline is written of a journey that was not read"),
        (commit(links={identifier(1): journey(1)}), "linked to a journey that this commit does not keep"),
        (commit(read={journey(1): None}, links={identifier(1): journey(1)}), "email is linked"),
        (
            commit(read={journey(1): version_of(b"")}, journeys={journey(1): None}, links={identifier(1): journey(1)}),
            "linked to a journey",
        ),
    ],
)
async def test_a_commit_that_cannot_be_right_is_a_bug(make: Make, wrong: Commit, why: str) -> None:
    store = await opened(make())
    with pytest.raises(ValueError, match=why):
        await store.commit(wrong)


async def test_sums_of_any_size_are_exact(make: Make) -> None:
    """Far beyond what a double can hold, back, and through zero to the other side."""
    store = await opened(make())
    total = 0
    up, down = [MAX_DELTA] * 9, [-MAX_DELTA] * 9
    for delta in (*up, 3, -1, MAX_DELTA - 1, *down, *down, *up, -2, 1, 5, -MAX_DELTA):
        await store.commit(commit(cells={EVER: {"money|currency=EUR": {1: delta, 2: 1}, "other": {3: -delta}}}))
        total += delta
        _, found = await store.read([EVER])
        assert found[EVER]["money|currency=EUR"].get(1, 0) == total == -found[EVER].get("other", {}).get(3, 0)
    assert total == 5
    await store.commit(commit(cells={EVER: {"other": {3: 5}, "money|currency=EUR": {2: -(len(up) * 4 + 7)}}}))
    assert (await store.read([EVER]))[1] == {EVER: {"money|currency=EUR": {1: 5}}}


async def test_a_row_has_many_slots_of_its_own(make: Make) -> None:
    store = await opened(make())
    rows: Rows = {"visit": dict.fromkeys(range(1, 33), 1), "visit.0.9|device=mobile": {32: 4, 1: 2}, "far": {MAX_SLOT: -7}}
    for _ in range(3):
        await store.commit(commit(cells={EVER: rows}))
    assert await store.read([EVER]) == (
        -1,
        {EVER: {row: {slot: 3 * n for slot, n in slots.items()} for row, slots in rows.items()}},
    )


async def test_the_largest_numbers_are_kept_exactly(make: Make) -> None:
    store = await opened(make())
    for start, (end, clock) in zip(
        (0, 10**12, 10**15), ((10**12, 10**12), (10**15, 10**15), (2**53 - 1, 2**53 - 1)), strict=True
    ):
        move = commit(advance(start, end, clock), read={journey(1): None}, due={journey(1): clock})
        assert await store.commit(move) == Answer(Verdict.OK, clock)
        assert await store.positions() == (clock, {WEB: Position(end, clock)})
        assert await store.due(clock, 1, SHARDS) == [(journey(1), clock)]
        assert await store.due(clock - 1, 1, SHARDS) == []
    bucket = (Grain.DAY, 10**12)
    assert (await store.commit(commit(cells={bucket: {"a": {1: 1}}}))).verdict is Verdict.OK
    assert await store.read([bucket]) == (2**53 - 1, {bucket: {"a": {1: 1}}})


async def test_without_its_compare_each_fault_would_count_twice(make: Make) -> None:
    store = await opened(make())
    await store.commit(created(1, b"1", advance(0, 5, 10)))
    again = commit(advance(0, 5, 10), cells={EVER: {"visits": {1: 1}}})
    stale = commit(read={journey(1): None}, cells={EVER: {"visits": {1: 1}}})
    taken = commit(absent={identifier(1)}, cells={EVER: {"visits": {1: 1}}})
    expected = {"position": Verdict.DUPLICATE, "journeys": Verdict.CONFLICT, "absence": Verdict.CONFLICT}
    for visits, (compare, wrong) in enumerate(zip(expected, (again, stale, taken), strict=True), 2):
        assert (await store.commit(wrong)).verdict is expected[compare]
        others = make(frozenset(expected) - {compare})
        assert (await others.commit(wrong)).verdict is expected[compare]
        assert (await make(frozenset({compare})).commit(wrong)).verdict is Verdict.OK
        assert (await store.read([EVER]))[1] == {EVER: {"visits": {1: visits}}}
    with pytest.raises(ValueError, match="unknown compares"):
        make(frozenset({"versions"}))


async def test_thousands_of_everything(make: Make) -> None:
    store = await opened(make())
    numbers = range(1, 2_502)
    many = commit(
        advance(0, 2_500, HOUR),
        read={journey(n): None for n in numbers},
        absent={identifier(n) for n in numbers},
        journeys={journey(n): b"%d" % n for n in numbers},
        links={identifier(n): journey(n) for n in numbers},
        due={journey(n): n for n in numbers},
        cells={(Grain.MINUTE, n): {"a": {1: n}} for n in numbers},
        outcomes={f"o{n}": n for n in numbers},
    )
    assert (await store.commit(many)).verdict is Verdict.OK
    assert await everything(store, numbers) == {
        "positions": (HOUR, {WEB: Position(2_500, HOUR)}),
        "journeys": many.journeys,
        "links": many.links,
        "blobs": many.journeys,
        "due": [(journey(n), n) for n in range(1, 1_001)],
        "buckets": sorted(many.cells),
        "cells": (HOUR, many.cells),
        "outcomes": many.outcomes,
    }
    gone = commit(
        read={journey(n): version_of(b"%d" % n) for n in numbers},
        journeys=dict.fromkeys(many.journeys),
        links=dict.fromkeys(many.links),
        due=dict.fromkeys(many.due),
        cells={bucket: {"a": {1: -rows["a"][1]}} for bucket, rows in many.cells.items()},
        outcomes={name: -value for name, value in many.outcomes.items()},
    )
    assert (await store.commit(gone)).verdict is Verdict.OK
    left = await everything(store, range(1, 3))
    assert [left[part] for part in ("journeys", "due", "buckets", "outcomes")] == [{}, [], [], {}]


async def test_other_definitions_are_adopted_where_their_beginning_is_the_same(make: Make) -> None:
    store, one = make(), "a" * 16 + "b" * 16
    other = "a" * 16 + "c" * 16
    assert await store.definitions() is None
    assert (await store.adopt(one, 16)).verdict is Verdict.UNLISTED
    await store.open(one, {WEB: 5}, ["web"])
    assert await store.definitions() == one
    assert (await store.adopt("d" * 32, 16)).verdict is Verdict.FENCED
    assert await store.definitions() == one
    assert (await store.adopt(other, 16)).verdict is Verdict.OK
    assert await store.definitions() == other
    former, present = commit(advance(5, 6), definitions=one), commit(advance(5, 6), definitions=other)
    assert (await store.commit(former)).verdict is Verdict.FENCED
    assert (await store.open(one, {WEB: 5}, ["web"])).verdict is Verdict.FENCED
    assert (await store.commit(present)).verdict is Verdict.OK
