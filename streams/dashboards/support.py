"""Support: how often customers have to ask, and how long they wait."""

from __future__ import annotations

from streams.core.fields import SUPPORT
from streams.dashboards.board import Board, Section
from streams.dashboards.queries import METRIC
from streams.dashboards.sections import broken_down, trends
from streams.dashboards.variables import dimensions


def board() -> Board:
    """Contacts per order, waiting and holding."""
    shared = [name for name in SUPPORT if name in METRIC["contacts_per_100_orders"].dimensions]
    return Board(
        name="support",
        title="Journey / Support",
        description="How often customers have to ask, and how long they wait for an answer.",
        variables={
            "namespace": (),
            "window": (),
            "dimension": dimensions("reason", shared),
            "by_window": (),
            "least": (),
        },
        sections=(
            Section(
                "Contacts",
                (
                    trends("contacts_per_100_orders", "complaints_per_100_orders"),
                    trends("open_contacts", "oldest_open_contact_seconds"),
                ),
            ),
            Section(
                "Waiting",
                (
                    trends("queue_wait_seconds", "service_level", "contact_abandonment_rate"),
                    trends("first_response_seconds", "hold_seconds", "handle_seconds"),
                ),
            ),
            Section("Solutions", (trends("resolution_seconds", "first_contact_resolution_rate", "channels_per_problem"),)),
            Section(
                "By $dimension",
                (
                    broken_down("contacts_per_100_orders", "$dimension"),
                    broken_down("queue_wait_seconds", "$dimension"),
                    broken_down("hold_seconds", "$dimension"),
                    broken_down("resolution_seconds", "$dimension"),
                ),
            ),
        ),
    )
