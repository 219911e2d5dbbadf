"""Redis: version, persistence, eviction, role, functions, rights, and what the namespace holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from redis.crc import key_slot
from redis.exceptions import MovedError, NoPermissionError, RedisError, ResponseError
from redis.utils import str_if_bytes

from streams.core.definitions import MEANING_DIGITS, definitions_digest
from streams.core.metrics import timestamp
from streams.core.model import Partition, Position
from streams.doctor.check import NOT_PERMITTED, Check, Role, counted, fail, judged, ok, warn
from streams.doctor.rights import reading, working
from streams.reaching import explain_redis
from streams.redis_access import RedisAccess
from streams.settings import Settings
from streams.store.keys import Keys, partition_of, row_name
from streams.store.redis import RedisStore
from streams.store.wire import Library

OLDEST = 7
NEEDED = {"namespace", "definitions"}
"""What nobody of ours can do without; the rest is only for this command."""
FULL = 0.85
"""Of maxmemory: beyond that, somebody should give more."""


class RedisDoctor:
    """Looks at one namespace. The client is the caller's; `positions` are there once `namespace` has read them."""

    def __init__(self, client: Any, access: RedisAccess, settings: Settings, role: Role) -> None:
        self._client = client
        self._access = access
        self._settings = settings
        self._role = role
        self._keys = Keys(settings.namespace)
        self._info: dict[str, Any] = {}
        self.positions: dict[Partition, Position] | None = None
        self.listed: set[Partition] = set()

    async def checks(self) -> list[Check]:
        """Every line about a server that has let us in."""
        parts: list[tuple[str, Callable[[], Awaitable[Check]]]] = [
            ("Redis", self._server),
            ("Redis persistence", self._persistence),
            ("Redis memory", self._memory),
            ("Redis role", self._replication),
            ("Redis rights", self._rights),
        ]
        if self._role == "worker":
            parts.append(("Redis functions", self._functions))
        parts += [("namespace", self._namespace), ("definitions", self._definitions)]
        return [await self._guarded(what, look) for what, look in parts]

    async def _guarded(self, what: str, look: Callable[[], Awaitable[Check]]) -> Check:
        try:
            return await look()
        except NoPermissionError as error:
            return fail(what, explain_redis(error).sentence) if what in NEEDED else warn(what, NOT_PERMITTED)
        except (RedisError, OSError) as error:
            return fail(what, explain_redis(error).sentence)

    async def _server(self) -> Check:
        where = f"{self._access.place} as {self._access.user}"
        encrypted = "plaintext" if self._access.url.startswith("redis://") else "not over the network"
        encrypted = "TLS" if self._access.url.startswith("rediss://") else encrypted
        try:
            self._info = await self._client.info()
        except NoPermissionError:
            return warn("Redis", f"{where}, {encrypted}; {NOT_PERMITTED} at its version (+info)")
        name = "Valkey" if "valkey_version" in self._info else "Redis"
        version = str(self._info.get("valkey_version") or self._info.get("redis_version", "0"))
        old = [f"{name} {version} has no functions: version {OLDEST} or later is needed"]
        return judged(
            "Redis", [where, encrypted, f"{name} {version}"], old if int(version.split(".", maxsplit=1)[0]) < OLDEST else []
        )

    async def _persistence(self) -> Check:
        info = self._told()
        facts: list[str] = []
        wrong: list[str] = []
        doubtful: list[str] = []
        if info.get("aof_enabled"):
            facts.append("append-only file")
            if info.get("aof_last_write_status") != "ok":
                wrong.append("its last write failed: see the server's disk")
        else:
            doubtful.append("no append-only file: after a crash workers read again what was lost since; set appendonly yes")
        if info.get("rdb_last_bgsave_status", "ok") != "ok":
            wrong.append("the last snapshot failed, so Redis may refuse writes: see the server's disk")
        elif saved := info.get("rdb_last_save_time"):
            facts.append(f"last snapshot {timestamp(int(saved) * 1_000)}")
        if info.get("loading"):
            wrong.append("it is still loading its files: wait")
        return judged("Redis persistence", facts, wrong, doubtful)

    async def _memory(self) -> Check:
        info = self._told()
        policy, most, used = str(info.get("maxmemory_policy")), int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
        facts = [policy, f"{used / 1e6:,.0f} MB used of {f'{most / 1e6:,.0f} MB' if most else 'all there is'}"]
        wrong: list[str] = []
        doubtful: list[str] = []
        if policy != "noeviction":
            text = "keys would be thrown away when memory is short: set maxmemory-policy noeviction"
            (wrong if most else doubtful).append(text)
        if most and used > FULL * most:
            doubtful.append("nearly full: commits stop when it is; raise maxmemory")
        return judged("Redis memory", facts, wrong, doubtful)

    async def _replication(self) -> Check:
        info = self._told()
        primary = info.get("role") != "slave"
        facts = [f"primary with {counted(int(info.get('connected_slaves', 0)), 'replica')}" if primary else "replica"]
        if info.get("cluster_enabled"):
            facts.append(f"cluster, slot {key_slot(self._keys.meta.encode())} of {self._settings.namespace}")
        replica = [] if primary else ["it takes no writes: name the primary in JOURNEY_REDIS"]
        if self._role == "worker":
            return judged("Redis role", facts, replica)
        return judged("Redis role", facts, [], [] if primary else ["its figures lag behind the primary's"])

    def _told(self) -> dict[str, Any]:
        if not self._info:
            raise NoPermissionError
        return self._info

    async def _rights(self) -> Check:
        needs = working(self._keys) if self._role == "worker" else reading(self._keys)
        user = str_if_bytes(await self._client.execute_command("ACL WHOAMI"))
        missing = [command for command, arguments in needs.items() if not await self._may(user, command, *arguments)]
        if not missing:
            return ok("Redis rights", f"{user} may do what the {self._role} needs")
        return fail("Redis rights", f"{user} may not {', '.join(missing)} on {self._keys.prefix}*: see deploy/security.md")

    async def _may(self, user: str, *command: str) -> bool:
        answer: str = str_if_bytes(await self._client.execute_command("ACL DRYRUN", user, *command))
        return answer == "OK"

    async def _functions(self) -> Check:
        library = Library()
        found = await self._client.execute_command("FUNCTION LIST", "LIBRARYNAME", "journey_*")
        rows = [dict(zip(map(str_if_bytes, row[::2]), row[1::2], strict=True)) for row in found]
        names = {str_if_bytes(row["library_name"]) for row in rows}
        others = len(names - {library.name})
        older = [f"{others} of other versions"] if others else []
        if library.name in names:
            return judged("Redis functions", [f"{library.name} is loaded", *older])
        return judged("Redis functions", [f"{library.name} is not loaded yet", *older], [], await self._may_load())

    async def _may_load(self) -> list[str]:
        """What to do, where the worker may not load the library by itself; empty where it may."""
        try:
            user = str_if_bytes(await self._client.execute_command("ACL WHOAMI"))
            may = await self._may(user, "FUNCTION", "LOAD", "code")
        except NoPermissionError:
            may = False
        return [] if may else ["`journey functions load` does it, run by a user who may"]

    async def _namespace(self) -> Check:
        store = RedisStore(self._client, self._settings.namespace)
        name = self._settings.namespace
        try:
            watermark, self.positions = await store.positions()
        except (MovedError, ResponseError) as error:
            if not isinstance(error, MovedError):
                raise
            return fail("namespace", f"{name} lives on another node of the cluster ({error}): name that one in JOURNEY_REDIS")
        try:
            rows = await self._client.smembers(self._keys.listed)
        except NoPermissionError:
            rows = set()
        self.listed = {partition_of(row.decode()) for row in rows}
        lost = sorted(self.listed - self.positions.keys())
        if not self.positions and not lost:
            return ok("namespace", f"{name} is empty: no worker has opened it yet")
        facts = [
            f"{name}, {counted(len(self.positions), 'partition')}, watermark {timestamp(watermark) if watermark >= 0 else 'not there yet'}"
        ]
        where = ", ".join(row_name(partition) for partition in lost)
        wrong = [f"the positions of {where} are lost: restore a snapshot, or `journey rebuild` into a new namespace"]
        return judged("namespace", facts, wrong if lost else [])

    async def _definitions(self) -> Check:
        ours = definitions_digest(self._settings.policy(), self._settings.topic_policies)
        held = await self._client.hget(self._keys.meta, "definitions")
        if held is None:
            return ok("definitions", f"{ours[:8]}, none in the namespace yet")
        if held.decode() == ours:
            return ok("definitions", f"{ours[:8]}, as the namespace has")
        text = f"the namespace has {held.decode()[:8]}, this version with these settings {ours[:8]}"
        if self._role == "worker" and held.decode()[:MEANING_DIGITS] == ours[:MEANING_DIGITS]:
            return fail(
                "definitions", f"{text}: a worker would stop; only topics or formats differ, so `journey topics adopt` will do"
            )
        if self._role == "worker":
            return fail("definitions", f"{text}: a worker would stop (FENCED); use those that filled it, or another namespace")
        return warn("definitions", f"{text}: give the exporter the workers' settings and version")
