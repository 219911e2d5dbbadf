"""Lifecycle and churn: who comes, who stays, who goes."""

from __future__ import annotations

from streams.core.fields import CUSTOMER
from streams.dashboards import queries
from streams.dashboards.board import Board, Section
from streams.dashboards.queries import METRIC, window
from streams.dashboards.sections import broken_down, trends

_FLOWS = ("new_customers", "reactivated_customers", "cancellation_requests")


def board() -> Board:
    """Figures by the day; breakdowns over the longest window."""
    short = {"window": (), "by_window": ()} if any(window(METRIC[name]) == queries.SHORT for name in _FLOWS) else {}
    return Board(
        name="lifecycle",
        title="Journey / Lifecycle and churn",
        description="Who becomes a customer, who stays, who goes; by the day.",
        variables={"namespace": (), "days": (), **short, "dimension": CUSTOMER, "least": ()},
        since="now-7d",
        sections=(
            Section("Customers", (trends("customers", "churn_rate", "retention_rate"), trends(*_FLOWS))),
            Section(
                "By $dimension",
                (
                    broken_down("churn_rate", "$dimension"),
                    broken_down("customers", "$dimension"),
                    broken_down("new_customers", "$dimension"),
                    broken_down("cancellation_requests", "$dimension"),
                ),
            ),
        ),
    )
