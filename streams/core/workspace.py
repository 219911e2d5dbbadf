"""The workspace: the journeys and links that one worker holds in memory, as the store has them.

Journeys are held as blobs. A fold decodes those that it opens, and changes nothing here; a commit that is on its way, or
done, does (`settle`). As objects they would take several times as much memory, scattered: to walk through the objects of one
of very many journeys takes longer than to decode it. A link that is held is not compared by itself: every write of a link
rewrites its journey, so a stale link shows as a stale journey.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from hashlib import blake2b

import msgspec

from streams.core.journey import Journey, encode, names_in
from streams.core.model import Commit, Identifier, JourneyId, Version, version_of

_NOTHING = encode(Journey())


class Missing(Exception):  # noqa: N818 (a request to the caller, not an error)
    """The fold needs these: load them, admit them, fold again."""

    def __init__(self, identifiers: Collection[Identifier] = (), journeys: Collection[JourneyId] = ()) -> None:
        super().__init__(f"{len(identifiers)} identifiers and {len(journeys)} journeys are to be loaded")
        self.identifiers = set(identifiers)
        self.journeys = set(journeys)


def journey_id(identifier: Identifier) -> JourneyId:
    """The id of a journey that is created under an identifier."""
    return JourneyId(blake2b(identifier.encode(), digest_size=16).digest())


class Held(msgspec.Struct, frozen=True, gc=False):
    """What the store is known to hold of a journey; version None: nothing."""

    blob: bytes
    version: Version | None


class Workspace:
    """A bounded cache of journeys with their links; the least recently committed journey leaves first."""

    def __init__(self, capacity: int = 40_000) -> None:
        self.capacity = capacity
        self.links: dict[Identifier, JourneyId] = {}
        self.absent: set[Identifier] = set()
        self.held: OrderedDict[JourneyId, Held] = OrderedDict()

    def admit(self, links: dict[Identifier, JourneyId | None], blobs: dict[JourneyId, bytes | None]) -> None:
        """Takes in what was loaded; a journey that is already here stays as it is, the commit will tell if it is stale."""
        for found, blob in blobs.items():
            if blob is not None and found not in self.held:
                self.held[found] = Held(blob, version_of(blob))
                for identifier in names_in(blob):
                    self.links[identifier] = found
        for identifier, target in links.items():
            if target is None:
                self.absent.add(identifier)
                continue
            if target not in self.held and target in blobs:  # somebody deleted the journey by hand: it begins anew
                self.held[target] = Held(_NOTHING, None)
            if target in self.held:
                self.links[identifier] = target

    def _forget_links(self, found: JourneyId, one: Held) -> None:
        for identifier in names_in(one.blob):
            if self.links.get(identifier) == found:
                del self.links[identifier]

    def clear(self) -> None:
        """Forgets everything."""
        self.held.clear()
        self.links.clear()
        self.absent.clear()

    def forget(self, commit: Commit) -> None:
        """After a commit that was not OK: nothing that it read or wrote is believed."""
        self.absent.clear()
        touched = {*commit.read, *commit.journeys}
        for found in touched:
            one = self.held.pop(found, None)
            if one is not None:
                self._forget_links(found, one)
        for identifier, target in commit.links.items():
            known = self.links.get(identifier)
            if known == target or known in touched:
                self.links.pop(identifier, None)

    def settle(self, commit: Commit) -> None:
        """What is written is taken for what the store holds."""
        self.absent.clear()
        for found, blob in commit.journeys.items():
            if blob is None:
                self.held.pop(found, None)
            else:
                self.held[found] = Held(blob, commit.versions.get(found) or version_of(blob))
                self.held.move_to_end(found)
        for identifier, target in commit.links.items():
            if target is None:
                self.links.pop(identifier, None)
            else:
                self.links[identifier] = target
        while len(self.held) > self.capacity:
            self._forget_links(*self.held.popitem(last=False))
