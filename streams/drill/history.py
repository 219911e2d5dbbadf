"""What Prometheus would have scraped before the drill: the calm world, walked through in steps.

`python -m streams.drill.history NOW FILE` writes OpenMetrics text; in a process of its own, because servers are filled meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.core.model import Record
from streams.core.policy import DAY, HOUR, MINUTE
from streams.drill.blocks import samples, write_text
from streams.drill.walk import readings
from streams.drill.world import World
from streams.settings import Settings, load_settings

TARGET = {"job": "journey-exporter", "instance": "history", "namespace": "shop"}
DAYS = 8
OFFSETS = (DAY, 7 * DAY)
"""What the rules look back at."""


def moments(world: World) -> list[int]:
    """Every hour of the days before the trouble, every 5 minutes of the last two hours, and every 2 minutes of the hour that
    the rules will look back at: a step takes its time, and samples stand for 5 minutes.
    """
    found = {*range(world.trouble - DAYS * DAY, world.trouble, HOUR), *range(world.trouble - 2 * HOUR, world.trouble, 5 * MINUTE)}
    for offset in OFFSETS:
        found.update(range(world.now - offset - 10 * MINUTE, world.now - offset + HOUR, 2 * MINUTE))
    return sorted(found)


async def lines(world: World, settings: Settings) -> list[str]:
    """The samples of every step."""
    (topic,) = settings.topic_policies
    items = [item for item in world.items(disturbed=False) if item.arrival_ms < world.trouble]
    records = [Record(offset, item.arrival_ms, item.value, item.key, item.headers) for offset, item in enumerate(items)]
    steps = readings(records, topic, settings.policy(), moments(world))
    return [line async for reading in steps for line in samples(reading, reading.watermark, TARGET)]


def main(now: int, target: Path) -> None:
    """Writes the text in one step, so that a file that is there is whole."""
    partial = target.with_suffix(".partial")
    write_text(asyncio.run(lines(World(now), load_settings())), partial)
    partial.rename(target)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
