"""Lifecycle and churn: who comes, who stays, who goes."""

from __future__ import annotations

from streams.core.fields import CUSTOMER
from streams.dashboards.board import Board, Section
from streams.dashboards.sections import broken_down, trends


def board() -> Board:
    """Stocks, shares and flows; most are kept by the day."""
    return Board(
        name="lifecycle",
        title="Journey / Lifecycle and churn",
        description="Who becomes a customer, who stays, who goes; by the day.",
        variables={
            "namespace": (),
            "days": (),
            "window": (),
            "currency": (),
            "week": (),
            "dimension": CUSTOMER,
            "by_window": (),
            "least": (),
        },
        since="now-7d",
        sections=(
            Section(
                "Customers",
                (
                    trends("customers", "churn_rate", "retention_rate"),
                    trends("new_customers", "reactivated_customers", "repeat_rate", "cancellation_requests"),
                    trends("contacts_per_1000_customers", "referrals_per_1000_customers", "referral_conversion_rate"),
                    trends("active_customers", "active_users", "customer_conversion_rate", "search_share"),
                    trends("clv_mean", "clv_predicted", "cohort_retention"),
                ),
            ),
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
