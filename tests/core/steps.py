"""A story told step by step to the real pipeline: touchpoints as they arrive, and the moments to which time goes on."""

from __future__ import annotations

import asyncio

import msgspec

from streams.core.journey import Journey, decode
from streams.core.model import Touchpoint
from streams.core.policy import Policy
from streams.store.dump import canonical_dump
from tests.laws.harness import Arrival, Run
from tests.oracle.book import Cells

POLICY = Policy(clock="history")
Step = Touchpoint | int


class Told(msgspec.Struct):
    """What a story leaves behind."""

    cells: Cells
    dump: str
    journeys: list[Journey]
    outcomes: dict[str, int]


def tell(*steps: Step, policy: Policy = POLICY, chunk: int = 1) -> Told:
    """Touchpoints arrive in this order, up to `chunk` in one commit; at a number, time goes on to it and all is swept."""

    async def play() -> Told:
        run = Run(policy)
        await run.open()
        waiting: list[Arrival] = []
        for index, step in enumerate(steps):
            if not isinstance(step, int):
                waiting.append(Arrival(0, 0, step))
            ends = index + 1 == len(steps) or isinstance(steps[index + 1], int)
            if waiting and (ends or len(waiting) >= chunk):
                await run.feed(0, waiting)
                waiting = []
            if isinstance(step, int):
                await run.finish(step)
        journeys = [decode(blob) async for _, blob in run.store.journeys()]
        return Told(await run.cells(), await canonical_dump(run.store, policy), journeys, await run.store.outcomes())

    return asyncio.run(play())


def tables(*steps: Step, policy: Policy = POLICY, chunk: int = 1) -> Cells:
    """The cells of a story."""
    return tell(*steps, policy=policy, chunk=chunk).cells
