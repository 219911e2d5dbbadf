"""The canonical dump of a namespace's cells: what the laws compare, byte for byte.

Only what counts is in it: cells of buckets that are live at the stored watermark, without zeros, sorted. Neither the
watermark nor the operational counters are, because they depend on how the work was cut.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from streams.core.model import Bucket
from streams.store.base import Store

Cell = tuple[Bucket, str, int]


async def canonical_cells(store: Store) -> list[Cell]:
    """All live cells that are not zero, sorted by grain, index and name."""
    _, found = await store.read(await store.buckets())
    return sorted((bucket, name, value) for bucket, cells in found.items() for name, value in cells.items() if value)


def cells_text(cells: Sequence[Cell]) -> str:
    """JSON Lines, one cell a line: `{"bucket":"d:20000","cell":"orders","value":3}`."""
    lines = (
        json.dumps({"bucket": f"{grain}:{index}", "cell": name, "value": value}, ensure_ascii=False, separators=(",", ":"))
        for (grain, index), name, value in cells
    )
    return "".join(line + "\n" for line in lines)
