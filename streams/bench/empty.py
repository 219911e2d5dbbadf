"""A plain Faust agent that does nothing, in a process of its own: what Faust itself takes for a message."""

from __future__ import annotations

import asyncio
from typing import Any

import faust

from streams.bench.figures import Asked, Measured, answer, asked
from streams.bench.meter import Meter


async def measure(task: Asked) -> Measured:
    """Reads the topic with Faust's own settings. Values stay bytes; the agent only counts, to know when to end."""
    app = faust.App(
        task.name,
        broker=f"kafka://{task.kafka}",
        store="memory://",
        topic_disable_leader=True,
        web_enabled=False,
    )
    meter, done = Meter(), asyncio.Event()
    topic = app.topic(task.topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def read(stream: Any) -> None:
        left = task.timed
        async for _ in stream:
            if left == task.timed:
                meter.start()
            left -= 1
            if left == 0:
                meter.end()
                done.set()

    app.agent(topic, name="empty")(read)
    await app.start()
    try:
        await done.wait()
    finally:
        await app.stop()
    return meter.measured(task.timed)


if __name__ == "__main__":
    answer(asyncio.run(measure(asked())))
