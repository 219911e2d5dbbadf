"""All checks in their order. Whatever is away ends after a few seconds with one line, and the others go on."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from aiokafka import codec
from redis.exceptions import NoPermissionError, RedisError

from streams.access import PRODUCTION
from streams.doctor.check import NOT_PERMITTED, Check, Role, fail, judged, ok, warn
from streams.doctor.clocks import compare_with_redis
from streams.doctor.kafka_checks import look_at_kafka
from streams.doctor.redis_checks import RedisDoctor
from streams.kafka_access import KafkaAccess
from streams.reaching import explain_redis, kafka_trouble, redis_trouble
from streams.redis_access import RedisAccess
from streams.registry_access import open_registry
from streams.settings import PREFIX, Settings, SettingsError, load_settings

TIMEOUT_SECONDS = 5.0
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CODECS = ("gzip", "snappy", "lz4", "zstd")


def examine(role: Role) -> list[Check]:
    """Every line, for the settings of this process."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        settings = load_settings()
    except SettingsError as error:
        return [fail("settings", str(error))]
    found = [_settings(settings)]
    if role == "worker":
        found.append(_codecs())
    redis_checks, doctor = asyncio.run(_redis(settings, role))
    if role == "worker":
        found += [*_kafka(settings, doctor), *asyncio.run(_registry(settings))]
    return found + redis_checks


def _settings(settings: Settings) -> Check:
    facts = [f"JOURNEY_ENV={settings.env}", f"namespace {settings.namespace}", f"clock {settings.clock}"]
    needed = ("namespace", "kafka", "redis") if settings.env.lower() == PRODUCTION else ()
    doubtful = [f"{PREFIX}{name.upper()} is not set" for name in needed if name not in settings.model_fields_set]
    doubtful += [
        f"{PREFIX}{name.upper()} is not loopback, and /metrics asks nobody who they are: see deploy/security.md"
        for name in ("worker_host", "exporter_host")
        if getattr(settings, name) not in LOOPBACK
    ]
    return judged("settings", facts, [], doubtful)


def _codecs() -> Check:
    absent = [name for name in CODECS if not getattr(codec, f"has_{name}")()]
    wrong = [f"batches in {', '.join(absent)} cannot be read: install the project's dependencies"]
    return judged("codecs", [name for name in CODECS if name not in absent], wrong if absent else [])


def _kafka(settings: Settings, doctor: RedisDoctor | None) -> list[Check]:
    try:
        access = KafkaAccess.of(settings)
        trouble = asyncio.run(kafka_trouble(access))
    except SettingsError as error:
        return [fail("Kafka", str(error))]
    if trouble is not None:
        return [fail("Kafka", trouble.sentence)]
    positions, listed = (doctor.positions, doctor.listed) if doctor else (None, set())
    return look_at_kafka(access, settings, positions, listed)


async def _registry(settings: Settings) -> list[Check]:
    """Nothing where the settings name none."""
    try:
        registry = open_registry(settings)
    except SettingsError as error:
        return [fail("schema registry", str(error))]
    if registry is None:
        return []
    try:
        trouble = await registry.check()
    finally:
        await registry.close()
    return [ok("schema registry", settings.registry) if trouble is None else fail("schema registry", trouble.sentence)]


async def _redis(settings: Settings, role: Role) -> tuple[list[Check], RedisDoctor | None]:
    try:
        access = RedisAccess.of(settings)
        trouble = await redis_trouble(access)
    except SettingsError as error:
        return [fail("Redis", str(error))], None
    if trouble is not None:
        return [fail("Redis", f"{access.place}: {trouble.sentence}")], None
    client = access.client(timeout_seconds=TIMEOUT_SECONDS)
    try:
        doctor = RedisDoctor(client, access, settings, role)
        return [*await doctor.checks(), await _clock(client)], doctor
    finally:
        with suppress(RedisError, OSError):
            await client.aclose()


async def _clock(client: Any) -> Check:
    before = time.time_ns()
    try:
        seconds, microseconds = await client.time()
    except NoPermissionError:
        return warn("clock of Redis", NOT_PERMITTED)
    except (RedisError, OSError) as error:
        return fail("clock of Redis", explain_redis(error).sentence)
    ours_ms = (before + time.time_ns()) // 2_000_000
    return compare_with_redis(ours_ms, seconds * 1_000 + microseconds // 1_000)
