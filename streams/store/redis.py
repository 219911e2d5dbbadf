"""A namespace in Redis (>= 7.0) or Valkey: every change is one call of a Redis Function (`commit.lua`).

Errors. Whatever goes wrong between here and the server is raised as the `redis` exception it is, and nothing is
retried here: redis-py's own retries are off (`connect`), because only the caller knows what to compare again. Repeating
a commit is safe: if the lost reply was an OK, the second one is a DUPLICATE (a sweep: a CONFLICT).
`ConnectionError` and `TimeoutError` leave open whether it was written. An error *reply* (OOM, READONLY, MISCONF,
NOREPLICAS, LOADING, BUSY, NOPERM, WRONGTYPE) says that nothing was written: the server refuses before the function
starts, and the function reads everything that could fail before its first write. With full memory (OOM) Redis 7.0 refuses
MULTI as well, and so `read` and `positions`; Valkey goes on reading. After a restart of the server the first call on
each pooled connection raises ConnectionError, the next one connects.

Rights. deploy/security.md lists what each user needs. A worker without the right to FUNCTION LOAD does as well, once
somebody has loaded the library (`journey functions load`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, ResponseError

from streams.core.model import (
    Answer,
    Bucket,
    Commit,
    Grain,
    Identifier,
    JourneyId,
    Partition,
    Position,
    Rows,
    Verdict,
)
from streams.core.windows import is_live
from streams.store.base import Changed, Loaded
from streams.store.checks import MAX_NUMBER, Unsafe, check, check_unsafe
from streams.store.keys import Keys, bucket_name, partition_of, row_name
from streams.store.wire import GRAINS, Library, blob_of, commit_args, digests, encode, loaded, rows_of

_SCAN = 500
READS = 3


def connect(url: str, *, timeout_seconds: float = 10.0, **options: Any) -> Redis:
    """A client without retries of its own, connected on first use. `options` go to redis-py (TLS, credentials).

    timeout_seconds: of one call; a commit of the largest size blocks the server for a tenth of a second.
    """
    return Redis.from_url(
        url,
        driver_info=None,  # else CLIENT SETINFO is sent, which ACL users would need a right for
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        protocol=2,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        **options,
    )


class RedisStore:
    """A `Store` on Redis. The client must have its retries off (`connect`) and is closed with the store.

    unsafe: for tests only (`streams.store.checks.UNSAFE`).
    """

    def __init__(self, client: Redis, namespace: str, unsafe: Unsafe = frozenset()) -> None:
        check_unsafe(unsafe)
        # redis-py's types leave open whether replies are decoded, and execute_command has none.
        self._client: Any = client
        self._keys = Keys(namespace)
        self._unsafe = unsafe
        self._library = Library()

    @classmethod
    def at(cls, url: str, namespace: str, unsafe: Unsafe = frozenset()) -> Self:
        """A store at a URL such as `redis://127.0.0.1:6379/0`."""
        return cls(connect(url), namespace, unsafe)

    async def _call(self, command: str, function: str, *args: bytes | str | int) -> Any:
        """Calls a function, and loads the library if the server does not have it (a new server, FUNCTION FLUSH)."""
        call = (command, self._library.function(function), 1, self._keys.meta, *args)
        try:
            return await self._client.execute_command(*call)
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise
        await self.load_functions()
        return await self._client.execute_command(*call)

    async def load_functions(self) -> str:
        """Loads the function library, whatever there is under its name; returns the name."""
        try:
            await self._client.function_load(self._library.code, replace=True)
        except NoPermissionError:
            name = self._library.name
            raise NoPermissionError(
                f"the function library {name} is not loaded, and this user may not load it: `journey functions load` as one who may"
            ) from None
        return self._library.name

    async def load(self, identifiers: Collection[Identifier], journeys: Collection[JourneyId] = ()) -> Loaded:
        """See `Store.load`. One round trip."""
        names = list(identifiers)
        if not names and not journeys:
            return Loaded({}, {})
        return loaded(names, await self._call("FCALL_RO", "load", digests(names), b"".join(journeys)))

    async def commit(self, commit: Commit) -> Answer:
        """See `Store.commit`. One round trip."""
        check(commit)
        return _answer(await self._call("FCALL", "commit", *commit_args(commit, self._unsafe)))

    async def open(
        self, definitions: str, partitions: Mapping[Partition, int], holding: Collection[str], disorder_ms: int = 0
    ) -> Answer:
        """See `Store.open`."""
        rows = [[row_name(partition), start] for partition, start in partitions.items()]
        args = (definitions, disorder_ms, encode(sorted(set(holding))), encode(rows))
        return _answer(await self._call("FCALL", "open", *args))

    async def definitions(self) -> str | None:
        """See `Store.definitions`."""
        held = await self._client.hget(self._keys.meta, "definitions")
        return None if held is None else held.decode()

    async def adopt(self, definitions: str, kept: int) -> Answer:
        """See `Store.adopt`."""
        return _answer(await self._call("FCALL", "adopt", definitions, kept))

    async def positions(self) -> tuple[int, dict[Partition, Position]]:
        """See `Store.positions`."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hget(self._keys.meta, "watermark")
            pipe.hgetall(self._keys.positions)
            watermark, rows = await pipe.execute()
        return _watermark(watermark), {partition_of(name.decode()): _position(row) for name, row in rows.items()}

    async def due(self, until: int, limit: int, shards: Collection[int]) -> list[tuple[JourneyId, int]]:
        """See `Store.due`."""
        async with self._client.pipeline(transaction=False) as pipe:
            for shard in set(shards):
                pipe.zrangebyscore(self._keys.due(shard), "-inf", until, start=0, num=limit, withscores=True)
            found = [(int(score), JourneyId(key)) for part in await pipe.execute() for key, score in part]
        return [(journey, at) for at, journey in sorted(found)[:limit]]

    async def read(self, buckets: Sequence[Bucket]) -> tuple[int, dict[Bucket, Rows]]:
        """See `Store.read`."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hget(self._keys.meta, "watermark")
            for bucket in buckets:
                pipe.hgetall(self._keys.cells(bucket))
            stored, *tables = await pipe.execute()
        watermark = _watermark(stored)
        found = zip(buckets, tables, strict=True)
        return watermark, {bucket: rows_of(table) for bucket, table in found if table and is_live(bucket, watermark)}

    async def read_changed(self, known: Mapping[Bucket, bytes | None]) -> Changed:
        """See `Store.read_changed`. One round trip looks what changed, a second reads it; again, where others write to
        further buckets in between, and at last all at once.
        """
        wanted = {bucket for bucket, version in known.items() if version is None}
        for _ in range(READS):
            changed, missed = await self._look(known, wanted)
            if not missed:
                return changed
            wanted |= missed
        return (await self._look(known, set(known)))[0]

    async def _look(self, known: Mapping[Bucket, bytes | None], wanted: set[Bucket]) -> tuple[Changed, set[Bucket]]:
        """What changed among the buckets that are `wanted`, and which others did."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hget(self._keys.meta, "watermark")
            if known:
                pipe.hmget(self._keys.versions, [bucket_name(bucket) for bucket in known])
            for bucket in wanted:
                pipe.hgetall(self._keys.cells(bucket))
            stored, *found = await pipe.execute()
        watermark, versions = _watermark(stored), found[0] if known else []
        tables = dict(zip(wanted, found[1:], strict=True))
        buckets: dict[Bucket, tuple[bytes | None, Rows]] = {}
        missed: set[Bucket] = set()
        for (bucket, held), version in zip(known.items(), versions, strict=True):
            if not is_live(bucket, watermark):
                buckets[bucket] = None, {}
            elif version is None or version != held:
                if bucket in wanted:
                    buckets[bucket] = version, rows_of(tables[bucket])
                else:
                    missed.add(bucket)
        return Changed(watermark, buckets), missed

    async def outcomes(self) -> dict[str, int]:
        """See `Store.outcomes`."""
        return _counters(await self._client.hgetall(self._keys.outcomes))

    async def journeys(self) -> AsyncIterator[tuple[JourneyId, bytes]]:
        """See `Store.journeys`. SCAN can name a key twice, so the ids are remembered: 60 bytes a journey."""
        prefix = self._keys.journey(JourneyId(b""))
        seen: set[bytes] = set()
        cursor = -1
        while cursor != 0:
            cursor, keys = await self._client.scan(max(cursor, 0), match=prefix + b"*", count=_SCAN)
            new = [key for key in dict.fromkeys(keys) if key not in seen]
            seen.update(new)
            for key, value in zip(new, await self._client.mget(new) if new else [], strict=True):
                if value is not None:
                    yield JourneyId(key.removeprefix(prefix)), blob_of(value)

    async def buckets(self) -> list[Bucket]:
        """See `Store.buckets`."""
        async with self._client.pipeline(transaction=True) as pipe:
            for grain in Grain:
                pipe.zrange(self._keys.buckets(grain), 0, -1)
            indexes = await pipe.execute()
        return sorted((grain, int(index)) for grain, part in zip(Grain, indexes, strict=True) for index in part)

    async def expire(self, limit: int) -> int:
        """See `Store.expire`."""
        return int(await self._call("FCALL", "expire", max(0, min(limit, MAX_NUMBER)), encode(GRAINS)))

    async def close(self) -> None:
        """Closes the client."""
        await self._client.aclose()


def _answer(reply: Sequence[Any]) -> Answer:
    verdict, watermark, offset, conflicts = reply
    return Answer(Verdict(verdict.decode()), watermark, offset, tuple(sorted({JourneyId(key) for key in conflicts})))


def _watermark(stored: bytes | None) -> int:
    return -1 if stored is None else int(stored)


def _position(row: bytes) -> Position:
    offset, clock, ticked, digest = row.split(b" ", 3)
    return Position(int(offset), int(clock), digest, int(ticked))


def _counters(table: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in table.items()}
