"""The walk: bytes -> touchpoints -> person -> journey -> differences of cells -> one commit.

Everything here is synchronous and deterministic; time comes in with the records and with the watermark. The caller
does the I/O: it loads what `wanted` names, admits it, folds, commits, and says how that went. A chunk is decoded
without the workspace, so decoding may run ahead. Folding goes strictly one after the other, and so does committing; the next
chunk may be folded while one commit is on its way, and is thrown away with it if that is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

import msgspec

from streams.core.batch import Batch, Context
from streams.core.cases.people import bits_of
from streams.core.decode import Decoder, Unframe
from streams.core.families import FAMILIES, Family, is_own_doing
from streams.core.identity import attach, join_account, person_of
from streams.core.journey import add_spell, fact_of
from streams.core.keeping import keep, unknown
from streams.core.model import (
    Advance,
    Commit,
    Identifier,
    Ignored,
    JourneyId,
    Partition,
    Position,
    Record,
    Rejected,
    Stage,
    Touchpoint,
)
from streams.core.opened import Opened
from streams.core.policy import Policy, TopicPolicy
from streams.core.workspace import Missing, Workspace

__all__ = ["Chunk", "Missing", "Pipeline", "Workspace"]


class Chunk(msgspec.Struct):
    """A run of records of one topic-partition, decoded.

    before: the position that the store holds; advance: the move to the end of the chunk. rejected: what has to reach
    the dead-letter topic before the commit. records: as fetched, so that the chunk can be cut and decoded again.
    """

    before: Position
    advance: Advance
    records: Sequence[Record]
    touchpoints: list[Touchpoint]
    rejected: list[tuple[Record, Rejected]]
    outcomes: dict[str, int]


class Pipeline:
    """One namespace's pure pipeline, with the workspace of one worker."""

    def __init__(
        self,
        policy: Policy,
        definitions: str,
        topics: Iterable[TopicPolicy],
        workspace: Workspace | None = None,
        unsafe: frozenset[str] = frozenset(),
        unframe: Unframe | None = None,
    ) -> None:
        """unframe: of values in a schema registry's frame; they are refused without it. `unsafe` is for tests that show what a safeguard is for: "dedup" counts every delivery of an event."""
        self.policy = policy
        self.workspace = workspace or Workspace()
        self.context = Context(policy, definitions, self.workspace)
        self.topics: Mapping[str, TopicPolicy] = {topic.name: topic for topic in topics}
        self.decoders = {name: Decoder(topic, policy, unframe) for name, topic in self.topics.items()}
        self.unsafe = unsafe

    def decode(self, partition: Partition, start: int, end: int, records: Sequence[Record], position: Position) -> Chunk:
        """Decodes records; refuses what is too late or from the future against the record clock alone."""
        decode = self.decoders[partition.topic].decode
        clock, digest = position.clock, position.digest
        chunk = Chunk(position, Advance(partition, start, position), records, [], [], {})
        outcomes, decoded, touchpoints = chunk.outcomes, 0, 0
        timely, admitted = self.topics[partition.topic].cadence == "live", chunk.touchpoints.append
        allowance, future = self.policy.allowance_ms, self.policy.future_ms
        for record in records:
            clock = max(clock, record.timestamp)
            found = decode(record)
            if isinstance(found, tuple):
                decoded += 1
                touchpoints += len(found)
                for touchpoint in found:
                    if timely and -allowance <= touchpoint.at - clock <= future:
                        admitted(touchpoint)
                    else:
                        self._admit(chunk, record, touchpoint, clock, timely=timely)
            elif isinstance(found, Ignored):
                _count(outcomes, "ignored", f"ignored|{found.reason}")
            else:
                _count(outcomes, "rejected", f"rejected|{found.stage}|{found.reason}")
                chunk.rejected.append((record, found))
        if records:
            digest = blake2b(records[-1].value or b"", digest_size=8).digest()
        # What nearly every record counts is added once. Nothing is counted as 0.
        counted = {"records": len(records), "decoded": decoded, "touchpoints": touchpoints}
        outcomes.update({name: n for name, n in counted.items() if n})
        chunk.advance = Advance(partition, start, Position(end, clock, digest))
        return chunk

    def _admit(self, chunk: Chunk, record: Record, touchpoint: Touchpoint, clock: int, *, timely: bool) -> None:
        if timely and touchpoint.at < clock - self.policy.allowance_ms:
            reason = "too_late"
        elif touchpoint.at > clock + self.policy.future_ms:
            reason = "from_future"
        elif not timely and FAMILIES[touchpoint.type] is Family.SITE:
            reason = "not_for_batch"
        else:
            chunk.touchpoints.append(touchpoint)
            return
        _count(chunk.outcomes, "touchpoints|rejected", f"touchpoints|rejected|{reason}")
        detail = f"{touchpoint.type} of {touchpoint.at} ms against a record clock of {clock} ms"
        chunk.rejected.append((record, Rejected(Stage.TIME, reason, detail)))

    def cut(self, chunk: Chunk, offset: int) -> tuple[Chunk, Chunk]:
        """A chunk as two: the records before an offset, and the rest."""
        partition, start = chunk.advance.partition, chunk.advance.start
        head = [record for record in chunk.records if record.offset < offset]
        rest = [record for record in chunk.records if record.offset >= offset]
        first = self.decode(partition, start, offset, head, chunk.before)
        second = self.decode(partition, offset, chunk.advance.position.offset, rest, first.advance.position)
        for name, n in chunk.outcomes.items():  # what the caller has counted beside
            if n > first.outcomes.get(name, 0) + second.outcomes.get(name, 0):
                first.outcomes[name] = n - second.outcomes.get(name, 0)
        return first, second

    def wanted(self, chunk: Chunk) -> set[Identifier]:
        """What has to be loaded and admitted before the chunk can be folded."""
        return unknown(chunk.touchpoints, self.workspace)

    def admit(self, links: dict[Identifier, JourneyId | None], blobs: dict[JourneyId, bytes | None]) -> None:
        """Takes in what a store's load returned."""
        self.workspace.admit(links, blobs)

    def fold(self, chunk: Chunk, watermark: int) -> Commit:
        """The chunk's commit. Raises Missing where something else has to be loaded; nothing is changed then."""
        batch = Batch(self.context, watermark)
        batch.outcomes.update(chunk.outcomes)
        try:
            for touchpoints in self._by_journey(chunk.touchpoints):
                for touchpoint in touchpoints:
                    self._apply(batch, touchpoint)
                batch.close()
            return batch.commit(chunk.advance)
        except Missing:
            raise  # nothing has been changed
        except Exception:
            # Journeys that another worker changed since they were loaded may contradict each other.
            self.workspace.clear()
            raise

    def sweep(self, journeys: Iterable[JourneyId], watermark: int, gone: Iterable[JourneyId] = ()) -> Commit:
        """The commit that lets passed deadlines of these journeys enter. Raises Missing for those not in memory.

        gone: journeys whose deadline is left although they are not there any more; it is removed.
        """
        wanted = list(journeys)
        absent = {found for found in wanted if found not in self.workspace.held}
        if absent:
            raise Missing((), absent)
        batch = Batch(self.context, watermark)
        try:
            for found in wanted:
                batch.open(found)
                batch.close()
            commit = batch.commit(None)
        except Exception:
            self.workspace.clear()
            raise
        for found in gone:
            commit.read[found] = commit.due[found] = None
        return commit

    def tick(self, partition: Partition, position: Position, clock: int, watermark: int) -> Commit:
        """The commit by which the owner of a partition that is caught up moves its clock to the wall clock."""
        advance = Advance(partition, position.offset, Position(position.offset, clock, position.digest))
        return Batch(self.context, watermark).commit(advance)

    def assume(self, commit: Commit) -> None:
        """The commit is on its way: from now on the workspace is what the store will hold after it. `evict` where it does not."""
        self.workspace.settle(commit)

    def committed(self, commit: Commit) -> None:
        """The store said OK. Nothing is left to do here; whoever counts what was committed counts now."""

    def evict(self, commit: Commit) -> None:
        """The store said anything else."""
        self.workspace.forget(commit)

    def _by_journey(self, touchpoints: Iterable[Touchpoint]) -> Iterable[list[Touchpoint]]:
        """Touchpoints by the journey that their first identifier leads to: what one journey needs is looked up, changed and
        encoded while the processor has it at hand. The order in which events arrive decides nothing.
        """
        links = self.workspace.links
        found: dict[JourneyId | Identifier, list[Touchpoint]] = {}
        for touchpoint in touchpoints:
            first = (touchpoint.persons or touchpoint.references)[0]
            found.setdefault(links.get(first, first), []).append(touchpoint)
        return found.values()

    def _apply(self, batch: Batch, touchpoint: Touchpoint) -> None:
        if touchpoint.batch and touchpoint.at < batch.watermark - self.policy.allowance_ms:
            batch.note("history")
        if touchpoint.traffic != "human":
            batch.note("touchpoints|applied")
            batch.note(f"traffic|{touchpoint.traffic}")
            return
        if self.unsafe:
            touchpoint = self._without_dedup(batch, touchpoint)
        person = person_of(batch, touchpoint)
        if person is not None and touchpoint.groups:
            join_account(batch, touchpoint, person)
        primary = attach(batch, touchpoint, person)
        if person is not None and is_own_doing(touchpoint):
            self._act(batch, person, touchpoint)
        new = keep(batch, person, primary, touchpoint, fact_of(touchpoint))
        batch.note("touchpoints|applied" if new else "touchpoints|duplicate")

    def _act(self, batch: Batch, person: Opened, touchpoint: Touchpoint) -> None:
        at, journey, silence = touchpoint.at, person.journey, self.policy.silence_ms
        spells, day = journey.activity, self.context.local.day_of(touchpoint.at)
        in_order = bool(spells) and spells[-1][0] <= at <= spells[-1][1] + silence
        late = in_order and spells[-1][1] + silence <= max(batch.watermark, journey.as_of)
        if not in_order or late or person.is_new_day(day):
            batch.soil_life(person)
        add_spell(spells, (at, at), silence)
        known = journey.days.get(day, 0)
        bits = known | bits_of(touchpoint)
        if bits != known:
            person.touch_days()
            journey.days[day] = bits

    def _without_dedup(self, batch: Batch, touchpoint: Touchpoint) -> Touchpoint:
        salt = len(batch.outcomes).to_bytes(4, "big") + batch.outcomes.get("touchpoints|applied", 0).to_bytes(4, "big")
        return msgspec.structs.replace(touchpoint, eid=blake2b(touchpoint.eid + salt, digest_size=8).digest())


def _count(outcomes: dict[str, int], *names: str) -> None:
    for name in names:
        outcomes[name] = outcomes.get(name, 0) + 1
