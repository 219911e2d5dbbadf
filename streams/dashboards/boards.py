"""All dashboards, in the order in which they link to each other."""

from __future__ import annotations

from streams.dashboards import deliveries, lifecycle, overview, pipeline, support, tasks, voice
from streams.dashboards.board import assembled, encoded


def files() -> dict[str, str]:
    """File name -> its text."""
    boards = [module.board() for module in (overview, tasks, deliveries, support, voice, lifecycle, pipeline)]
    return {f"{board.name}.json": encoded(assembled(board, boards)) for board in boards}
