"""What Prometheus would have scraped before the drill: the calm world, walked through in steps.

`python -m streams.drill.history NOW FILE` writes OpenMetrics text; in a process of its own, because servers are filled meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from streams.core.catalogue import METRIC_NAMES
from streams.core.model import Record
from streams.core.policy import DAY, HOUR, MINUTE
from streams.drill.blocks import samples, write_text
from streams.drill.replay import RULES
from streams.drill.walk import readings
from streams.drill.world import World
from streams.settings import Settings, load_settings

TARGET = {"job": "journey-exporter", "instance": "history", "namespace": "shop"}
DAYS = 8
OFFSETS = (DAY, 7 * DAY)
"""What the rules look back at."""
WINDOWS = ("5m", "1h", "24h", "7d", "28d")


def read_by_rules() -> list[str]:
    """The metrics that the shipped rules name; a step takes as long as what is read at it."""
    text = "".join(path.read_text("utf-8") for path in RULES.glob("*.yml"))
    return [name for name in METRIC_NAMES if re.search(rf"\b{name}\b", text)]


def moments(world: World) -> list[int]:
    """Every 4 hours of the days before the trouble, every 10 minutes of its last hour, and every 4 minutes of the hour that the
    rules will look back at. A step takes its time, and a sample stands for 5 minutes.
    """
    found = {
        *range(world.trouble - DAYS * DAY, world.trouble, 4 * HOUR),
        *range(world.trouble - HOUR, world.trouble, 10 * MINUTE),
    }
    for offset in OFFSETS:
        found.update(range(world.now - offset - 12 * MINUTE, world.now - offset + HOUR, 4 * MINUTE))
    return sorted(found)


async def lines(world: World, settings: Settings) -> list[str]:
    """The samples of every step."""
    (topic,) = settings.topic_policies
    items = [item for item in world.items(disturbed=False) if item.arrival_ms < world.trouble]
    records = [Record(offset, item.arrival_ms, item.value, item.key, item.headers) for offset, item in enumerate(items)]
    steps = readings(records, topic, settings.policy(), moments(world), windows=WINDOWS, metrics=read_by_rules())
    return [line async for reading in steps for line in samples(reading, reading.watermark, TARGET)]


def main(now: int, target: Path) -> None:
    """Writes the text in one step, so that a file that is there is whole."""
    partial = target.with_suffix(".partial")
    write_text(asyncio.run(lines(World(now), load_settings())), partial)
    partial.rename(target)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
