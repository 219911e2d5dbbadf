"""Runs workers until they are told to end: signals, waiting for Kafka, a new start when Faust has stopped by itself."""

from __future__ import annotations

import asyncio
import errno
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.context import SpawnProcess

from streams.core import is_compiled
from streams.kafka_access import KafkaAccess
from streams.reaching import Trouble, first_line, kafka_trouble, redis_trouble
from streams.redis_access import RedisAccess
from streams.registry_access import RegistryAccess, open_registry
from streams.serving import pages_of, serving
from streams.settings import Settings
from streams.store.redis import RedisStore
from streams.worker.app import Deps, Worker, WorkerSettings, build_app
from streams.worker.logs import configure_logging
from streams.worker.retry import Backoff, Outages, end

FINE, FAILED = 0, 1
LOOPBACK = "127.0.0.1"
END_SECONDS = 9.0
JOIN_SECONDS = 0.2
HALTED_SECONDS = 45.0
"""Three scrapes of deploy/prometheus: for so long a worker that gave up still says why, or no alert could."""

log = logging.getLogger("journey.worker")


def worker_settings(settings: Settings) -> WorkerSettings:
    """A worker's part of the settings."""
    return WorkerSettings(
        kafka=KafkaAccess.of(settings),
        group=settings.consumer_group,
        topics=settings.topic_policies,
        policy=settings.policy(),
        dead_letter_topic=settings.dead_letter_topic,
    )


def run_worker(settings: Settings, number: int = 0) -> int:
    """One worker in this process, until SIGTERM or SIGINT; the exit code. `number` is added to the port it serves on."""
    configure_logging()
    return asyncio.run(_until_signal(settings, number))


async def _until_signal(settings: Settings, number: int) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, told.set)
    access = RedisAccess.of(settings)
    trouble = await redis_trouble(access)
    if trouble is not None and trouble.lasting:
        return _failed("Redis", trouble)
    store = RedisStore(access.client(), settings.namespace)
    schemas = open_registry(settings)
    address = settings.worker_host, settings.worker_port and settings.worker_port + number
    try:
        return await run_until(
            worker_settings(settings), lambda: Deps(store=store, schemas=schemas), told, address, HALTED_SECONDS
        )
    finally:
        with suppress(Exception):  # closing a connection that is gone already
            await store.close()
        if schemas is not None:
            await schemas.close()


async def run_until(
    settings: WorkerSettings,
    deps: Callable[[], Deps],
    told: asyncio.Event,
    address: tuple[str, int] = (LOOPBACK, 0),
    halted_seconds: float = 0.0,
) -> int:
    """Keeps a worker running until `told` is set. FAILED where it gave up, with its sentence in the log; before it returns
    then, its metrics stay `halted_seconds` to be scraped, while its partitions are free for others.
    """
    outages = Outages()
    backoff = Backoff(lambda: not told.is_set())
    while not told.is_set():
        topics = [topic.name for topic in settings.topics]
        trouble = await kafka_trouble(settings.kafka, [*topics, settings.dead_letter_topic], settings.group)
        if trouble is not None:
            if trouble.lasting:
                return _failed("Kafka", trouble)
            outages.begin("Kafka", trouble)
            await backoff.wait()
            continue
        given = deps()
        worker = build_app(settings, given)
        try:
            with serving(*address, pages_of(given.registry), worker.health.why_not_live, worker.health.why_not_ready):
                if not await _started(worker, told):
                    break
                outages.end("Kafka")
                log.info("reading as %s, core %s", settings.group, "compiled" if is_compiled() else "not compiled")
                backoff = Backoff(lambda: not told.is_set())
                if await _first(worker, told):
                    await worker.stop()
                    await _scraped(told, halted_seconds)
                    return FAILED
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                log.error("%s:%d is taken; choose another JOURNEY_WORKER_PORT", *address)  # noqa: TRY400 -- one line is enough
                return FAILED
            outages.begin("Kafka", error)
        except Exception as error:  # noqa: BLE001 -- whatever Faust or aiokafka raise while they connect
            outages.begin("Kafka", f"{type(error).__name__}: {first_line(error)}")
        finally:
            await worker.stop()
        await backoff.wait()
    return FINE


async def _started(worker: Worker, told: asyncio.Event) -> bool:
    """Whether it has, before it was told to end; Kafka's client may wait for minutes while it starts."""
    starting = asyncio.create_task(worker.start())
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            return True
        return False
    finally:
        waiting.cancel()
        await end((starting,))
        if starting.done() and not starting.cancelled():
            starting.exception()  # looked at, so that nobody logs it


async def _first(worker: Worker, told: asyncio.Event) -> str:
    """Whichever comes first: the worker gives up (its sentence), or it is told to end or stops by itself (nothing)."""
    ended = asyncio.create_task(worker.wait())
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait((ended, waiting), return_when=asyncio.FIRST_COMPLETED)
        return ended.result() if ended.done() else ""
    finally:
        ended.cancel()
        waiting.cancel()


async def _scraped(told: asyncio.Event, seconds: float) -> None:
    """Waits until the metrics have been scraped for sure, or somebody does not want to wait."""
    if seconds:
        log.info("/metrics says so for %.0f more seconds, for alerts; then this worker ends", seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), seconds)


def _failed(name: str, trouble: Trouble) -> int:
    """Trying again would not help: whoever runs the worker sees it end, and why."""
    log.error("%s: %s", name, trouble.sentence)
    return FAILED


def run_workers(settings: Settings, workers: int) -> int:
    """Several workers, each in a process of its own; all end when one gives up, or at SIGTERM or SIGINT."""
    KafkaAccess.of(settings).ssl_context()  # what is wrong with the files is raised here, not in every child
    RedisAccess.of(settings).options()
    RegistryAccess.of(settings)
    if workers == 1:
        return run_worker(settings)
    told = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.append(True))
    with children(settings, workers) as running:
        while not told and all(child.is_alive() for child in running):
            time.sleep(JOIN_SECONDS)
    return FINE if told and all(child.exitcode == FINE for child in running) else FAILED


@contextmanager
def children(settings: Settings, workers: int) -> Iterator[list[SpawnProcess]]:
    """Workers, each in a process of its own; whatever happens, they have ended afterwards."""
    spawn = multiprocessing.get_context("spawn")
    found = [spawn.Process(target=_child, args=(settings, number), name=f"worker-{number}") for number in range(workers)]
    for child in found:
        child.start()
    try:
        yield found
    finally:
        for child in found:
            if child.is_alive() and child.pid is not None:
                os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        for child in found:
            child.join(max(0.0, deadline - time.monotonic()))
            if child.is_alive():
                child.kill()
                child.join()


def _child(settings: Settings, number: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    raise SystemExit(run_worker(settings, number))


def _end_with_parent() -> None:
    """A worker that nobody can tell to end any more, because its parent was killed, ends by itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
