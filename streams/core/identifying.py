"""An event's identifiers in normal form, by what they are for: persons, references, groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.identifiers import GROUP_KINDS, KINDS, PERSON_KINDS, REFERENCE_KINDS
from streams.core.model import Identifier
from streams.core.normalise import Dropped, normalise
from streams.core.policy import Policy

REMEMBERED = 1 << 16
"""Identifiers whose normal form is remembered, of all kinds together; a busy person's come again and again."""

Known = dict[str | int, Identifier | Dropped]
Identifiers = tuple[Identifier, ...]


class Memory:
    """What values became, by kind, for one region and limit of `normalise`; at most REMEMBERED of them.

    Whoever reads looks into `known` first: two plain look-ups, where an lru_cache builds a key and puts it in front, for
    every identifier of every event. An identifier that is a number and its digits as text are remembered apart.
    """

    def __init__(self, region: str, limit: int) -> None:
        self.known: dict[str, Known] = {kind: {} for kind in KINDS}
        self.size = 0
        self._region, self._limit = region, limit

    def learn(self, kind: str, value: str | int) -> Identifier | Dropped:
        """The identifier, or why it is dropped."""
        text = str(value)
        identifier, dropped = normalise(kind, text, self._region, self._limit)
        result = identifier or dropped or Dropped.INVALID
        if len(text) <= self._limit:  # a longer one would take room, and is hardly ever used
            if self.size >= REMEMBERED:
                # To forget all costs each identifier in use one more look; to keep their order would cost more.
                for known in self.known.values():
                    known.clear()
                self.size = 0
            self.known[kind][value] = result
            self.size += 1
        return result


# All topics of a worker name the same people.
memory_of = lru_cache(maxsize=4)(Memory)


class Identifying:
    """Reads validated identifiers by one policy. `notes` counts what was dropped; it is the decoder's."""

    def __init__(self, policy: Policy, notes: Counter[str]) -> None:
        """Persons rank by the policy's order, the kinds that it leaves out after them."""
        self._notes = notes
        first = list(policy.limits.identifiers)
        persons = sorted(PERSON_KINDS, key=lambda kind: first.index(kind) if kind in first else len(first))
        memory = memory_of(policy.phone_region, policy.limits.identifier_chars)
        self._learn = memory.learn
        # Kind -> which of the three it goes to, its rank there, and what its values became.
        self._kinds: dict[str, tuple[int, int, Known]] = {
            kind: (purpose, rank, memory.known[kind])
            for purpose, kinds in enumerate((persons, REFERENCE_KINDS, GROUP_KINDS))
            for rank, kind in enumerate(kinds)
        }

    def read(
        self, identifiers: Mapping[str, Any], given: list[tuple[str, str | int]]
    ) -> tuple[Identifiers, Identifiers, Identifiers]:
        """Persons by priority, references, groups. given: references that fields say."""
        # What a field says counts only where the identifiers say nothing.
        said = (
            {**dict(given), **{kind: value for kind, value in identifiers.items() if value is not None}} if given else identifiers
        )
        found: tuple[list[tuple[int, Identifier]], ...] = ([], [], [])
        for kind, value in said.items():
            if value is None:
                continue
            purpose, rank, known = self._kinds[kind]
            identifier = known.get(value) or self._learn(kind, value)
            # Not isinstance: asking an enum takes as long as all the rest.
            if type(identifier) is Dropped:
                self._notes[identifier.value] += 1
            else:
                found[purpose].append((rank, identifier))  # type: ignore[arg-type]
        persons, references, groups = found
        return _ranked(persons) if persons else (), _ranked(references) if references else (), _ranked(groups) if groups else ()


def _ranked(found: list[tuple[int, Identifier]]) -> Identifiers:
    if len(found) == 1:
        return (found[0][1],)
    found.sort()
    return tuple([identifier for _, identifier in found])
