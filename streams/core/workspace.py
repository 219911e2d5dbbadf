"""The workspace: the journeys and links that one worker holds in memory, and what one commit read and wrote of them.

Journeys are changed in place while a chunk is folded. That is safe because nothing is believed until the store has
compared everything: whatever is not committed is evicted and loaded again. A link that is held is not compared by
itself: every write of a link rewrites its journey, so a stale link shows as a stale journey.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from hashlib import blake2b

from streams.core.journey import Held, Journey, held
from streams.core.model import Commit, Identifier, JourneyId, version_of


class Missing(Exception):  # noqa: N818 (a request to the caller, not an error)
    """The fold needs these: load them, admit them, fold again."""

    def __init__(self, identifiers: Collection[Identifier] = (), journeys: Collection[JourneyId] = ()) -> None:
        super().__init__(f"{len(identifiers)} identifiers and {len(journeys)} journeys are to be loaded")
        self.identifiers = set(identifiers)
        self.journeys = set(journeys)


def journey_id(identifier: Identifier) -> JourneyId:
    """The id of a journey that is created under an identifier."""
    return JourneyId(blake2b(identifier.encode(), digest_size=16).digest())


class Workspace:
    """A bounded cache of journeys with their links; the least recently committed journey leaves first."""

    def __init__(self, capacity: int = 40_000) -> None:
        self.capacity = capacity
        self.links: dict[Identifier, JourneyId] = {}
        self.absent: set[Identifier] = set()
        self.held: OrderedDict[JourneyId, Held] = OrderedDict()

    def unknown(self, identifiers: Iterable[Identifier]) -> set[Identifier]:
        """Those of the identifiers whose link, or whose journey, is not in memory."""
        links, journeys = self.links, self.held
        return {
            identifier for identifier in identifiers if links.get(identifier) not in journeys and identifier not in self.absent
        }

    def admit(self, links: dict[Identifier, JourneyId | None], blobs: dict[JourneyId, bytes | None]) -> None:
        """Takes in what was loaded; a journey that is already here stays as it is, the commit will tell if it is stale."""
        for found, blob in blobs.items():
            if blob is not None and found not in self.held:
                self._hold(held(found, blob))
        for identifier, target in links.items():
            if target is None:
                self.absent.add(identifier)
                continue
            if target not in self.held and target in blobs:  # somebody deleted the journey by hand: it begins anew
                self.held[target] = Held(target, Journey(), None)
            if target in self.held:
                self.links[identifier] = target

    def _hold(self, one: Held) -> None:
        self.held[one.id] = one
        for identifier in names(one.journey):
            self.links[identifier] = one.id

    def evict(self, journeys: Iterable[JourneyId]) -> None:
        """Forgets journeys and their links."""
        for found in journeys:
            one = self.held.pop(found, None)
            if one is not None:
                self._forget_links(one)

    def _forget_links(self, one: Held) -> None:
        for identifier in names(one.journey):
            if self.links.get(identifier) == one.id:
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
        self.evict(touched)
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
                one = self.held[found]
                one.version = commit.versions.get(found) or version_of(blob)
                self.held.move_to_end(found)
        for identifier, target in commit.links.items():
            if target is None:
                self.links.pop(identifier, None)
        while len(self.held) > self.capacity:
            _, one = self.held.popitem(last=False)
            self._forget_links(one)


def names(journey: Journey) -> Iterable[Identifier]:
    """The identifiers that link to a journey: persons, and references that are not local."""
    yield from journey.persons
    for reference in journey.cases:
        if not reference.startswith("~"):
            yield reference
