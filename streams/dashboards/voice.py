"""Voice of the customer: what they say when they are asked."""

from __future__ import annotations

from streams.core.fields import PLACE
from streams.dashboards.board import Board, Section
from streams.dashboards.sections import broken_down, trends


def board() -> Board:
    """Satisfaction and recommendation, with how many said so."""
    return Board(
        name="voice",
        title="Journey / Voice of the customer",
        description="What customers say when they are asked, and how many of them did.",
        variables={"namespace": (), "window": (), "dimension": PLACE, "by_window": (), "least": ()},
        sections=(
            Section("Answers", (trends("csat", "nps"), trends("ces_mean", "ces_easy_share", "sus_score"))),
            Section("Who answers, and reviews", (trends("survey_response_rate", "review_rating"),)),
            Section(
                "What they do with messages",
                (
                    trends("message_open_rate", "message_click_rate", "message_unsubscribe_rate"),
                    trends("message_bounce_rate", "message_complaint_rate"),
                ),
            ),
            Section(
                "By $dimension",
                (
                    broken_down("csat", "$dimension"),
                    broken_down("nps", "$dimension"),
                    broken_down("ces_easy_share", "$dimension"),
                ),
            ),
        ),
    )
