"""`journey worker`, with a shorter Kafka session: the embedded broker lets a group form only when half a session is over.

Against a broker of somebody else's the demo runs `journey worker` itself, because Kafka refuses sessions as short as this.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import msgspec

from streams.redis_access import open_store
from streams.settings import Settings, load_settings
from streams.worker.app import Deps
from streams.worker.logs import configure_logging
from streams.worker.run import run_until, worker_settings

SESSION_SECONDS = 3.0


async def work(settings: Settings) -> int:
    """Until SIGTERM; the exit code."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    store = open_store(settings)
    short = msgspec.structs.replace(worker_settings(settings), session_seconds=SESSION_SECONDS)
    try:
        return await run_until(short, lambda: Deps(store=store), told, (settings.worker_host, settings.worker_port))
    finally:
        await store.close()


if __name__ == "__main__":
    configure_logging()
    sys.exit(asyncio.run(work(load_settings())))
