"""Drives the pure pipeline against a store: load, fold, commit, again where something changed in between.

The worker and `fold` share this. A chunk and a sweep each end with the store's last answer; what the caller does with
DUPLICATE, PARTIAL, ROLLBACK, FENCED and UNLISTED depends on where its records come from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence

from streams.core.journey import decode
from streams.core.model import Answer, Commit, JourneyId, Verdict
from streams.core.pipeline import Chunk, Missing, Pipeline
from streams.store.base import DUE_SHARDS, Loaded, Store
from streams.store.checks import fits

CONFLICTS_BEFORE_CUT = 3
SENDING_SECONDS = 0.001
"""The event loop's own, between sending a commit and folding on: a request of half a megabyte leaves in several parts, and
what is left when the fold begins stays until it ends."""
SWEEP_JOURNEYS = 500


async def load_missing(pipeline: Pipeline, store: Store, missing: Missing) -> None:
    """Loads what a fold asked for."""
    loaded = await store.load(missing.identifiers, missing.journeys)
    pipeline.admit(loaded.links, loaded.blobs)


async def fold_chunk(pipeline: Pipeline, store: Store, chunk: Chunk, watermark: int) -> Commit:
    """The chunk's commit, with everything that it needs loaded first.

    A fold that raises may only have met journeys that another worker wrote in between, seen in part; so it is tried a
    second time with nothing in memory before the error counts.
    """
    failed = False
    wanted = pipeline.wanted(chunk)
    if wanted:
        await load_missing(pipeline, store, Missing(wanted))
    while True:
        try:
            return pipeline.fold(chunk, watermark)
        except Missing as missing:
            missing.identifiers |= pipeline.wanted(chunk)
            await load_missing(pipeline, store, missing)
        except Exception:
            if failed:
                raise
            failed = True
            await load_missing(pipeline, store, Missing(pipeline.wanted(chunk)))


async def run_chunk(
    pipeline: Pipeline, store: Store, chunk: Chunk, watermark: int, ready: asyncio.Future[None] | None = None
) -> Answer:
    """Folds and commits a chunk until the store takes it whole, or says why it never will.

    A chunk that keeps meeting other workers' writes, or that has more than one call may have, is cut in two.
    ready: what has to be done before the chunk is committed. Errors of the store and of `ready` are raised; nothing in
    memory is believed then, and the caller may simply call again.
    """
    conflicts = 0
    swept = False
    while True:
        commit = await fold_chunk(pipeline, store, chunk, watermark)
        too_large = not fits(commit)
        if (too_large or conflicts >= CONFLICTS_BEFORE_CUT) and len(chunk.records) > 1:
            first, rest = pipeline.cut(chunk, chunk.records[len(chunk.records) // 2].offset)
            answer = await run_chunk(pipeline, store, first, watermark, ready)
            if answer.verdict is not Verdict.OK:
                return answer
            return await run_chunk(pipeline, store, rest, answer.watermark, ready)
        if too_large and not swept:  # one record meets journeys with very much to book: that first, by itself
            swept = True
            known = [journey for journey, version in commit.read.items() if version is not None]
            answer = await sweep_journeys(pipeline, store, known, watermark)
            if answer.verdict not in (Verdict.OK, Verdict.CONFLICT):
                return answer
            continue
        answer = await send(pipeline, store, commit, ready)
        if answer.verdict is not Verdict.CONFLICT:
            return answer
        conflicts += 1


async def run_chunks(
    pipeline: Pipeline,
    store: Store,
    chunks: Sequence[Chunk],
    watermark: int,
    ready: asyncio.Future[None],
    done: Callable[[Chunk, Answer], None],
) -> Answer:
    """As `run_chunk`, for chunks each of which begins where the one before ends: while one is committed, the next is folded.

    What a commit writes is taken for stored meanwhile. Where it is not, the fold on top of it is thrown away with it; the store
    would refuse that one too, because it compares positions and journeys. done: called for every chunk that the store
    took, in order. Ends with the first answer that is not OK, or the last one.
    """
    flight: asyncio.Task[Answer] | None = None
    try:
        for number, chunk in enumerate(chunks):
            commit = await fold_chunk(pipeline, store, chunk, watermark)
            if flight is not None:
                answer = await flight
                if answer.verdict is Verdict.CONFLICT:
                    return await _one_by_one(pipeline, store, chunks[number - 1 :], watermark, ready, done)
                if answer.verdict is not Verdict.OK:
                    return answer
                done(chunks[number - 1], answer)
            flight = None
            if not fits(commit):
                return await _one_by_one(pipeline, store, chunks[number:], watermark, ready, done)
            # While the store works on a commit, a load would wait for it.
            following = await _asked_for(pipeline, store, chunks[number + 1 : number + 2])
            flight = asyncio.create_task(send(pipeline, store, commit, ready))
            await asyncio.sleep(SENDING_SECONDS)  # by the end of which what it writes is taken for stored
            pipeline.admit(following.links, following.blobs)
        if flight is None:
            return Answer(Verdict.OK, watermark)
        answer = await flight
        if answer.verdict is Verdict.CONFLICT:
            return await _one_by_one(pipeline, store, chunks[-1:], watermark, ready, done)
        if answer.verdict is Verdict.OK:
            done(chunks[-1], answer)
        return answer
    finally:
        if flight is not None:
            flight.cancel()  # does nothing to one that has landed
            await asyncio.gather(flight, return_exceptions=True)


async def _asked_for(pipeline: Pipeline, store: Store, chunks: Iterable[Chunk]) -> Loaded:
    """What these chunks need that is not in memory."""
    wanted = {identifier for chunk in chunks for identifier in pipeline.wanted(chunk)}
    return await store.load(wanted) if wanted else Loaded({}, {})


async def _one_by_one(
    pipeline: Pipeline,
    store: Store,
    chunks: Iterable[Chunk],
    watermark: int,
    ready: asyncio.Future[None],
    done: Callable[[Chunk, Answer], None],
) -> Answer:
    answer = Answer(Verdict.OK, watermark)
    for chunk in chunks:
        answer = await run_chunk(pipeline, store, chunk, answer.watermark, ready)
        if answer.verdict is not Verdict.OK:
            break
        done(chunk, answer)
    return answer


async def run_sweep(pipeline: Pipeline, store: Store, watermark: int, shards: Collection[int] = range(DUE_SHARDS)) -> Answer:
    """Lets every deadline up to the watermark enter, for the journeys of these shards."""
    answer = Answer(Verdict.OK, watermark)
    while True:
        due = await store.due(watermark, SWEEP_JOURNEYS, shards)
        if not due:
            return answer
        answer = await sweep_journeys(pipeline, store, [journey for journey, _ in due], watermark)
        if answer.verdict not in (Verdict.OK, Verdict.CONFLICT):
            return answer


async def sweep_journeys(pipeline: Pipeline, store: Store, journeys: Iterable[JourneyId], watermark: int) -> Answer:
    """Sweeps these journeys; after a conflict the caller asks again who is due.

    What one call may not have is done in parts: fewer journeys, and for a single one an earlier watermark first, which
    is the same in the end, because what has passed by then has passed by now.
    """
    wanted = list(journeys)
    gone: set[JourneyId] = set()
    while True:
        try:
            commit = pipeline.sweep(wanted, watermark, gone)
        except Missing as missing:
            loaded = await store.load(missing.identifiers, missing.journeys)
            pipeline.admit(loaded.links, loaded.blobs)
            gone |= {journey for journey, blob in loaded.blobs.items() if blob is None}
            wanted = [journey for journey in wanted if journey not in gone]
            continue
        if fits(commit):
            return await send(pipeline, store, commit)
        if len(wanted) > 1:
            half = len(wanted) // 2
            answer = await sweep_journeys(pipeline, store, wanted[:half], watermark)
            wanted = wanted[half:]
        else:
            answer = await sweep_journeys(pipeline, store, wanted, await _halfway(store, wanted[0], watermark))
        if answer.verdict is not Verdict.OK:
            return answer


async def _halfway(store: Store, journey: JourneyId, watermark: int) -> int:
    """A moment between the last look at a journey and the watermark. Raises ValueError where there is none."""
    blob = (await store.load((), (journey,))).blobs[journey]
    as_of = decode(blob).as_of if blob is not None else watermark
    if watermark - as_of < 2:
        raise ValueError("a single moment of a single journey has more to book than one commit may have")
    return (as_of + watermark) // 2


async def send(pipeline: Pipeline, store: Store, commit: Commit, ready: asyncio.Future[None] | None = None) -> Answer:
    """One commit and its answer. ready: what has to be done before. What the commit writes is taken for stored until then."""
    pipeline.assume(commit)
    try:
        if ready is not None:
            await ready
        answer = await store.commit(commit)
    except BaseException:
        pipeline.evict(commit)
        raise
    if answer.verdict is Verdict.OK:
        pipeline.committed(commit)
    else:
        pipeline.evict(commit)
    return answer
