"""Overview: is anything wrong, in UX or in CX, against yesterday and last week?"""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from streams.core.catalogue import METRICS, Kind, Metric
from streams.dashboards import trust
from streams.dashboards.board import COLUMNS, Board, Column, Section, column
from streams.dashboards.judgement import judgement
from streams.dashboards.panels import card, strip, verdicts
from streams.dashboards.queries import METRIC, has_interval, window

UX = (
    ("tasks", "task_abandonment_rate", "task_error_rate"),
    ("tasks", "time_to_complete_seconds", "conversion_rate"),
    ("tasks", "payment_failure_rate", "bounce_rate"),
    ("tasks", "visits", "orders"),
)
"""Lines of cards: the dashboard with the details, then the metrics."""
CX = (
    ("deliveries", "promise_kept_rate", "orders_overdue"),
    ("support", "contacts_per_100_orders", "queue_wait_seconds"),
    ("voice", "csat", "nps"),
    ("lifecycle", "churn_rate", "cancellation_requests"),
)
_UX_NAMES = ("task_", "conversion_", "bounce_", "payment_", "errors_", "zero_", "rage_", "dead_")
"""How the names of metrics of the site begin; what else has an interval is about the relationship."""


def board() -> Board:
    """UX beside CX; the rest of the dashboards is a link away."""
    mirrored = {Kind.RETENTION}  # what churn leaves
    decided = [metric for metric in METRICS if has_interval(metric) and judgement(metric).better and metric.kind not in mirrored]
    ux = [metric for metric in decided if metric.name.startswith(_UX_NAMES)]
    cx = [metric for metric in decided if metric not in ux]
    trusted = (trust.alerts_firing(), trust.watermark_age(), trust.snapshot_age(), trust.workers_ready())
    return Board(
        name="overview",
        title="Journey / Overview",
        description="Is anything wrong, in UX or in CX, against yesterday and last week?",
        variables={"namespace": (), "window": (), "days": (), "task": ()},
        sections=(
            Section(
                "Is anything wrong?",
                (
                    (
                        column(12, 7, verdicts("UX: can they do what they came for?", ux)),
                        column(12, 7, verdicts("CX: how is the relationship?", cx)),
                    ),
                    (*(column(3, 5, panel) for panel in trusted), column(12, 5, trust.alert_list())),
                ),
            ),
            Section(
                "UX at the left, CX at the right",
                tuple((*_cards(*left), *_cards(*right)) for left, right in zip(UX, CX, strict=True)),
            ),
        ),
    )


def _cards(details: str, *names: str) -> Iterator[Column]:
    for metric in (METRIC[name] for name in names):
        link = builders.DashboardLink("Details").type(DashboardLinkType.LINK)
        link.url(f"/d/journey-{details}?${{namespace:queryparam}}&{_window(metric)}&${{__url_time_range}}")
        yield Column(COLUMNS // 4, ((4, card(metric).links([link])), (3, strip(metric))))


def _window(metric: Metric) -> str:
    return f"${{{window(metric).removeprefix('$')}:queryparam}}"
