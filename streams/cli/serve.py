"""Commands that run until they are told to end (SIGINT or SIGTERM): workers and the exporter."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.failure import Failure, Misuse

if TYPE_CHECKING:  # heavy, and only named here
    from streams.settings import Settings

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
REPEAT_SECONDS = 30.0
CANCEL_SECONDS = 0.2
"""How long a task has to end before it is told again."""


def worker(
    workers: Annotated[int, typer.Option(min=1, help="Workers, each in a process of its own.")] = 1,
) -> None:
    """Run Faust workers: from Kafka to Redis, until told to end."""
    from streams.settings import load_settings
    from streams.worker.run import run_workers

    raise typer.Exit(run_workers(load_settings(), workers))


def exporter(
    host: Annotated[str | None, typer.Option(help="Address to serve on, instead of JOURNEY_EXPORTER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to serve on, instead of JOURNEY_EXPORTER_PORT.")] = None,
) -> None:
    """Serve the rolling metrics to Prometheus: /metrics, /livez, /readyz. One is enough."""
    from streams.settings import load_settings

    settings = load_settings(**_given(exporter_host=host, exporter_port=port))
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Explained())
    asyncio.run(_export(settings))


def collect(
    host: Annotated[str | None, typer.Option(help="Address to serve on, instead of JOURNEY_COLLECT_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to serve on, instead of JOURNEY_COLLECT_PORT.")] = None,
) -> None:
    """Collect webhooks and CloudEvents over HTTP into Kafka: POST /v1/SOURCE; 202 means that Kafka has it."""
    from streams.settings import load_settings

    settings = load_settings(**_given(collect_host=host, collect_port=port))
    if not settings.collect:
        raise Misuse("JOURNEY_COLLECT lists no source; for example JOURNEY_COLLECT='{shopify: /run/secrets/shopify}'.")
    try:
        from streams.collect import run
    except ImportError as error:
        raise Failure(f"journey collect needs {error.name}; install customer-journey-pipeline[collect].") from None
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says in stack traces, we say in a sentence
    try:
        trouble = asyncio.run(run.collect(settings, typer.echo))
    except OSError as error:
        raise _taken(settings.collect_host, settings.collect_port, "JOURNEY_COLLECT_PORT", error) from error
    if trouble:
        raise Failure(f"Kafka: {trouble}")


def _given(**options: str | int | None) -> dict[str, str | int]:
    """The options of a command line that are there, which win over the settings of their names."""
    return {name: value for name, value in options.items() if value is not None}


def _taken(host: str, port: int, setting: str, error: OSError) -> Failure:
    return Failure(f"{host}:{port} cannot be served on ({error.strerror or error}); choose another {setting}.")


class Explained(logging.Filter):
    """What Redis refuses or why it is away in one sentence instead of a stack trace, and the same one once in a while only."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; changes it."""
        from redis.exceptions import RedisError

        from streams.reaching import explain_redis

        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, RedisError | OSError):
            return True
        record.msg, record.args = f"{record.getMessage()}: {explain_redis(error).sentence}", ()
        record.exc_info = record.exc_text = None
        now = time.monotonic()
        if now - self._said.get(record.msg, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._said = {record.msg: now}
        return True


async def _export(settings: Settings) -> None:
    from streams.cli.state import open_store
    from streams.export.server import Exporter
    from streams.reaching import redis_trouble
    from streams.redis_access import RedisAccess

    trouble = await redis_trouble(RedisAccess.of(settings))
    if trouble is not None and trouble.lasting:
        raise Failure(f"Redis: {trouble.sentence}")
    store = open_store(settings)
    host, port = settings.exporter_host, settings.exporter_port
    try:
        async with Exporter(store, settings.policy(), host=host, port=port) as running:
            typer.echo(f"exporter  http://{host}:{running.port}/metrics  namespace {settings.namespace}")
            await until_told(running.wait())
    except OSError as error:
        raise _taken(host, port, "JOURNEY_EXPORTER_PORT", error) from error
    finally:
        await store.close()


async def until_told(running: Coroutine[Any, Any, None]) -> None:
    """Returns at SIGINT or SIGTERM, or raises what ended `running` before."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    ended = asyncio.create_task(running)
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait((ended, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    while not ended.done():
        # Asked again, because redis-py may turn a cancellation into an error of the connection, which is then retried.
        ended.cancel()
        await asyncio.wait((ended,), timeout=CANCEL_SECONDS)
    if not ended.cancelled():
        ended.result()
