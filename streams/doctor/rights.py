"""The Redis commands that a worker and the exporter use, as ACL DRYRUN takes them; tests hold them against the code."""

from __future__ import annotations

from collections.abc import Mapping

from streams.store.keys import Keys

Commands = Mapping[str, tuple[str, ...]]
"""Command -> arguments of the least length that Redis takes."""


def reading(keys: Keys) -> Commands:
    """What the exporter, `metrics` and `positions` use."""
    key = keys.meta
    return {"multi": (), "exec": (), "hget": (key, "f"), "hgetall": (key,), "hmget": (key, "f")}


def working(keys: Keys) -> Commands:
    """What a worker uses, itself and in the functions of `commit.lua`."""
    key = keys.meta
    pair, member = (key, "f", "v"), (key, "m")
    return {
        **reading(keys),
        "fcall": ("f", "1", key),
        "fcall_ro": ("f", "1", key),
        "del": (key,),
        "exists": (key,),
        "getrange": (key, "0", "1"),
        "hdel": member,
        "hexists": member,
        "hincrby": (key, "f", "1"),
        "hlen": (key,),
        "hset": pair,
        "mget": (key,),
        "mset": (key, "v"),
        "sadd": member,
        "sismember": member,
        "smembers": (key,),
        "unlink": (key,),
        "zadd": (key, "1", "m"),
        "zcard": (key,),
        "zrangebyscore": (key, "0", "1"),
        "zrem": member,
    }
