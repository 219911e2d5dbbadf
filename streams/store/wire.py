"""What goes to the Redis Functions: a commit as arguments, and the library's code.

The numbers and names of a commit travel as one MessagePack map, runs of 16-byte ids as one string each (Redis's
cmsgpack knows no binary type), and every journey as an argument of its own, so that no blob is copied twice. Blobs are
compressed here: a journey repeats its identifiers and dimensions, and becomes half as large for a microsecond or two.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import lz4.block
import msgspec

from streams.core.model import Advance, Commit, Identifier, JourneyId, Version, version_of
from streams.core.windows import SPANS, WIDTHS
from streams.store.base import DUE_SHARDS, Loaded
from streams.store.checks import ID_BYTES, Unsafe
from streams.store.keys import link_digest, row_name

encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder(dict[int, int] | list[int]).decode

CARRY = 2**50
VERSION_BYTES = 8

_LINKED = ord("1")

GRAINS = {str(grain): [WIDTHS[grain], SPANS[grain]] for grain in WIDTHS}


class Library:
    """The Function library. Its name and those of its functions carry the code's hash, so that workers of two versions
    can use one server; old libraries stay until somebody deletes them (FUNCTION LIST, FUNCTION DELETE).
    """

    def __init__(self) -> None:
        source = files("streams.store").joinpath("commit.lua").read_text("utf-8")
        self.hash = hashlib.blake2b(source.encode(), digest_size=6).hexdigest()
        self.name = f"journey_{self.hash}"
        self.code = f"#!lua name={self.name}\n" + source.replace("@HASH@", self.hash)

    def function(self, name: str) -> str:
        """The full name of commit, load, open or expire."""
        return f"journey_{name}_{self.hash}"


def commit_args(commit: Commit, unsafe: Unsafe) -> list[bytes]:
    """The arguments of the commit function; `commit` has passed `streams.store.checks.check`."""
    cells, increments = _cells(commit)
    due = [(journey, at) for journey, at in commit.due.items() if at is not None]
    head: dict[str, Any] = {
        "definitions": commit.definitions,
        "watermark": commit.watermark,
        "unsafe": dict.fromkeys(unsafe, True),
        "shards": DUE_SHARDS,
        "due": [at for _, at in due],
        "grains": GRAINS,
        "cells": cells,
        "lengths": list(map(len, increments)),
        "outcomes": _counters(commit.outcomes),
    }
    if commit.advance is not None:
        head["move"] = _move(commit.advance)
    kept = [(journey, blob) for journey, blob in commit.journeys.items() if blob is not None]
    return [
        encode(head),
        commit.advance.position.digest if commit.advance is not None else b"",
        b"".join(journey + version for journey, version in commit.read.items() if version is not None),
        b"".join(journey for journey, version in commit.read.items() if version is None),
        digests(commit.absent),
        b"".join(link_digest(identifier) + journey for identifier, journey in commit.links.items() if journey is not None),
        digests(identifier for identifier, journey in commit.links.items() if journey is None),
        b"".join(journey for journey, _ in due),
        b"".join(journey for journey, at in commit.due.items() if at is None),
        b"".join(journey for journey, blob in commit.journeys.items() if blob is None),
        b"".join(increments),
        new_version(),
        *(journey + value_of(blob, commit.versions.get(journey)) for journey, blob in kept),
    ]


def new_version() -> bytes:
    """The version of the buckets that one call writes: never the same twice, also where a commit is tried again."""
    return secrets.token_bytes(VERSION_BYTES)


def _cells(commit: Commit) -> tuple[list[list[Any]], list[bytes]]:
    """([grain, index, rows, for each the number of its increments from 1 on] of every bucket, the increments).

    Breakdowns and grains share what is booked in them, so an increment is packed, and sent, once.
    """
    cells: list[list[Any]] = []
    packed: list[bytes] = []
    numbers: dict[int, int] = {}
    for (grain, index), rows in commit.cells.items():
        names, which = [], []
        for name, slots in rows.items():
            number = numbers.get(id(slots))
            if number is None:
                own = slots if all(slots.values()) else {slot: n for slot, n in slots.items() if n}
                if own:
                    packed.append(encode(own))
                number = numbers[id(slots)] = len(packed) if own else 0
            if number:
                names.append(name)
                which.append(number)
        if names:
            cells.append([grain, index, names, which])
    return cells, packed


def digests(identifiers: Iterable[Identifier]) -> bytes:
    """The digests of identifiers, one after the other."""
    return b"".join(map(link_digest, identifiers))


def loaded(identifiers: Sequence[Identifier], reply: Sequence[bytes]) -> Loaded:
    """What the load function answers (`commit.lua` says how)."""
    flags, linked, ids, packed, values = reply
    holders = _journeys(linked)
    links = {name: next(holders) if flag == _LINKED else None for name, flag in zip(identifiers, flags, strict=True)}
    blobs: dict[JourneyId, bytes | None] = {}
    at = 0
    # Lua has one kind of table: an empty list arrives as an empty map.
    lengths = msgspec.msgpack.decode(packed) if ids else []
    for journey, length in zip(_journeys(ids), lengths, strict=True):
        blobs[journey] = None if length < 0 else blob_of(values[at : at + length])
        at += max(length, 0)
    return Loaded(links, blobs)


def rows_of(table: Mapping[bytes, bytes]) -> dict[str, dict[int, int]]:
    """A bucket's rows, as `commit.lua` writes them: MessagePack of slot -> n, as a list where the slots are 1, 2, ...; what
    a slot has beyond 2^52 stands at the opposite slot, in units of 2^50.
    """
    found: dict[str, dict[int, int]] = {}
    for row, packed in table.items():
        slots = _decode_row(packed)
        if isinstance(slots, list):
            slots = dict(enumerate(slots, 1))
        if any(slot < 0 for slot in slots):
            slots = {slot: slots.get(slot, 0) + slots.get(-slot, 0) * CARRY for slot in map(abs, slots)}
        found[row.decode()] = slots
    return found


def value_of(blob: bytes, version: Version | None = None) -> bytes:
    """A journey's value: its version, then the blob in LZ4's block format with its size before it."""
    return (version or version_of(blob)) + bytes(lz4.block.compress(blob))


def blob_of(value: bytes) -> bytes:
    """The blob in a journey's value."""
    return bytes(lz4.block.decompress(value[ID_BYTES:]))


def _journeys(run: bytes) -> Iterator[JourneyId]:
    return (JourneyId(run[at : at + ID_BYTES]) for at in range(0, len(run), ID_BYTES))


def _counters(deltas: dict[str, int]) -> list[list[Any]]:
    return [list(deltas.keys()), list(deltas.values())]


def _move(advance: Advance) -> dict[str, Any]:
    position = advance.position
    row = row_name(advance.partition)
    return {"row": row, "start": advance.start, "offset": position.offset, "clock": position.clock}
