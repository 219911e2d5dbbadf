"""The keys of a namespace in Redis.

All carry the namespace as their hash tag, so a namespace lives in one slot of a cluster. `{shop}:` stands before each:

| key | type | holds |
|---|---|---|
| `meta` | hash | `definitions` (digest), `watermark` (ms), `disorder` (ms) |
| `positions` | hash | `topic/number` -> `offset clock ticked digest` (decimal, decimal, decimal, bytes) |
| `listed` | set | `topic/number` of every partition that was ever listed; one without a position lost it |
| `holding` | set | topics whose clocks hold the watermark |
| `j:ID` | string | a journey: 16 bytes version, then the blob, compressed (LZ4). ID: its 16 bytes |
| `l:000` .. `l:fff` | hash | 16 bytes BLAKE2b-128 of an identifier -> 16 bytes journey id; the bucket is the digest's first 12 bits |
| `due:0` .. `due:15` | zset | journey id -> next deadline (ms); the shard is the id's first byte modulo 16 |
| `c:G:INDEX` | hash | cells of a bucket: row -> MessagePack of slot -> integer, without zeros. G: m, h, d or e |
| `c:G` | zset | the indexes of the grain's buckets that have cells |
| `versions` | hash | `G:INDEX` of every bucket that has cells -> 8 bytes that the last commit which wrote it drew at random |
| `outcomes` | hash | operational counters |

Link buckets are hashes of up to 512 small entries, which Redis keeps as listpacks up to some two million links a
namespace (`hash-max-listpack-entries`): 46 bytes a link at 100,000 of them, 104 (Redis) to 141 (Valkey) at 10,000,
where the buckets themselves weigh most. Beyond that a link takes 113 bytes in Redis 7.0 and 63 in Valkey 9.
`commit.lua` builds the same keys. Whatever else writes cells one day gives their buckets new versions, too.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from streams.core.model import Bucket, Grain, Identifier, JourneyId, Partition

_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Keys:
    """The keys of one namespace. Raises ValueError for a name that cannot be a hash tag."""

    __slots__ = ("listed", "meta", "outcomes", "positions", "prefix", "versions")

    def __init__(self, namespace: str) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise ValueError(f"a namespace is 1 to 64 letters, digits, dots, dashes or underscores, not {namespace!r}")
        self.prefix = f"{{{namespace}}}:"
        self.meta = self.prefix + "meta"
        self.positions = self.prefix + "positions"
        self.listed = self.prefix + "listed"
        self.outcomes = self.prefix + "outcomes"
        self.versions = self.prefix + "versions"

    def journey(self, journey: JourneyId) -> bytes:
        """A journey's key."""
        return f"{self.prefix}j:".encode() + journey

    def cells(self, bucket: Bucket) -> str:
        """A bucket's key."""
        grain, index = bucket
        return f"{self.prefix}c:{grain}:{index}"

    def buckets(self, grain: Grain) -> str:
        """The key of a grain's list of buckets."""
        return f"{self.prefix}c:{grain}"

    def due(self, shard: int) -> str:
        """The key of a shard of deadlines."""
        return f"{self.prefix}due:{shard}"


@lru_cache(maxsize=16_384)
def link_digest(identifier: Identifier) -> bytes:
    """16 bytes that stand for an identifier; the identifiers themselves are only inside the journeys' blobs."""
    return hashlib.blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def row_name(partition: Partition) -> str:
    """The name of a partition's row; a topic's name holds no slash."""
    return f"{partition.topic}/{partition.number}"


def bucket_name(bucket: Bucket) -> str:
    """A bucket's name among the versions."""
    grain, index = bucket
    return f"{grain}:{index}"


def partition_of(name: str) -> Partition:
    """The partition of a row."""
    topic, _, number = name.rpartition("/")
    return Partition(topic, int(number))
