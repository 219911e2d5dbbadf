"""The canonical dump of a namespace: what the laws compare, byte for byte.

Only what counts is in it: cells of buckets that are live at the stored watermark, without zeros, sorted, and no account, which
has nothing but copies. Neither the watermark nor the operational counters are, because they depend on how the work was cut.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from streams.core.accounts import is_account
from streams.core.fields import spell
from streams.core.journey import decode
from streams.core.model import Bucket
from streams.core.policy import Policy
from streams.core.profiles import profile, profiles_text
from streams.store.base import Store

Cell = tuple[Bucket, str, int]


async def canonical_cells(store: Store) -> list[Cell]:
    """All live cells that are not zero, sorted by grain, index and name."""
    _, found = await store.read(await store.buckets())
    return sorted((bucket, name, value) for bucket, rows in found.items() for name, value in spell(rows).items() if value)


def cells_text(cells: Sequence[Cell]) -> str:
    """JSON Lines, one cell a line: `{"bucket":"d:20000","cell":"orders","value":3}`."""
    lines = (
        json.dumps({"bucket": f"{grain}:{index}", "cell": name, "value": value}, ensure_ascii=False, separators=(",", ":"))
        for (grain, index), name, value in cells
    )
    return "".join(line + "\n" for line in lines)


async def canonical_dump(store: Store, policy: Policy) -> str:
    """Cells, then profiles, as JSON Lines: equal for equal logs, definitions and cut times (law 1)."""
    cells = cells_text(await canonical_cells(store))
    watermark, _ = await store.positions()
    journeys = [decode(blob) async for _, blob in store.journeys()]
    return cells + profiles_text(profile(journey, watermark, policy) for journey in journeys if not is_account(journey))
