"""Ending tasks that do not hear."""

from __future__ import annotations

import asyncio
import time

import pytest

from streams.worker import retry
from streams.worker.retry import end


async def deaf(times: int) -> None:
    """Loses as many cancellations, as a time-out does that ends in the same moment."""
    for _ in range(times):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_is_cancelled_until_it_hears(times: int) -> None:
    tasks = [asyncio.create_task(deaf(times)), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0.01)
    await end(tasks)
    assert all(task.done() for task in tasks)


async def test_one_that_never_hears_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "CANCEL_SECONDS", 0.3)
    task = asyncio.create_task(deaf(20))
    await asyncio.sleep(0.01)
    started = time.monotonic()
    await end([task])
    assert time.monotonic() - started < 2
    assert not task.done()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)


async def test_nothing_to_end() -> None:
    await end([])
