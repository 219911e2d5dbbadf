"""Deliveries and promises: was it there when it was said to be?"""

from __future__ import annotations

from streams.core.fields import SITE
from streams.dashboards.board import Board, Section
from streams.dashboards.sections import broken_down, trends
from streams.dashboards.variables import dimensions


def board() -> Board:
    """Kept promises, delays, and what is overdue now."""
    return Board(
        name="deliveries",
        title="Journey / Deliveries and promises",
        description="Was it there when it was said to be: promises kept, delays, and orders that are overdue now.",
        variables={
            "namespace": (),
            "window": (),
            "dimension": dimensions("market", SITE),
            "by_window": (),
            "least": (),
        },
        sections=(
            Section(
                "Promises",
                (
                    trends("promise_kept_rate", "promise_kept_latest_rate", "orders_overdue"),
                    trends("delivery_delay_seconds", "delivery_delay_latest_seconds", "broken_promise_chain"),
                ),
            ),
            Section("What arrives, and how", (trends("backorder_rate", "damage_rate", "return_rate"),)),
            Section(
                "By $dimension",
                (
                    broken_down("promise_kept_rate", "$dimension"),
                    broken_down("delivery_delay_seconds", "$dimension"),
                    broken_down("orders_overdue", "$dimension"),
                    broken_down("return_rate", "$dimension"),
                ),
            ),
        ),
    )
