"""Tasks: what people set out to do, how far they came, and what came of their visits."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, timeseries

from streams.core.fields import SITE
from streams.dashboards import texts
from streams.dashboards.board import Board, Section, column
from streams.dashboards.panels import funnel, judged, lines, query
from streams.dashboards.queries import METRIC, rolling, window
from streams.dashboards.sections import HEIGHT, broken_down, trends
from streams.dashboards.variables import dimensions

_SUCCESS = METRIC["task_success_rate"]
_ABANDONMENT = METRIC["task_abandonment_rate"]


def board() -> Board:
    """A task at a time, then visits and orders."""
    return Board(
        name="tasks",
        title="Journey / Tasks",
        description="Can they do what they came for: attempts, abandonment, errors and time by task, and what came of the visits.",
        variables={
            "namespace": (),
            "window": (),
            "task": (),
            "dimension": dimensions("device", SITE),
            "by_window": (),
            "least": (),
            "currency": (),
        },
        sections=(
            Section(
                "How far they come: $task",
                (
                    (column(8, HEIGHT, _attempts()), *trends("task_abandonment_rate", "task_success_rate", width=16)),
                    trends("task_error_rate", "time_to_complete_seconds", "clicks_to_complete"),
                ),
            ),
            Section(
                "Where they give up: $task by $dimension",
                (
                    broken_down("task_abandonment_rate", "$dimension"),
                    broken_down("task_error_rate", "$dimension"),
                    broken_down("time_to_complete_seconds", "$dimension"),
                ),
            ),
            Section(
                "Visits",
                (
                    (column(8, HEIGHT, _shop()), column(16, HEIGHT, _every_task())),
                    trends("visits", "conversion_rate", "bounce_rate"),
                    trends("pages_per_visit", "visit_duration_seconds", "time_on_page_seconds"),
                    broken_down("time_on_page_seconds", "page_group"),
                    broken_down("conversion_rate", "$dimension"),
                ),
            ),
            Section(
                "How they look for it, and what gets in the way",
                (
                    trends("search_to_navigation_ratio", "zero_result_rate"),
                    trends("errors_per_100_views", "rage_clicks_per_100_views", "dead_clicks_per_100_views"),
                    broken_down("errors_per_100_views", "$dimension"),
                    broken_down("zero_result_rate", "$dimension"),
                ),
            ),
            Section(
                "Orders and payments",
                (
                    trends("orders", "revenue", "average_order_value"),
                    trends("cart_recovery_rate"),
                    (*trends("payment_failure_rate", width=8), *broken_down("payment_failure_rate", "$dimension", width=16)),
                ),
            ),
        ),
    )


def _attempts() -> bargauge.Panel:
    title = f"Attempts ($task), {window(_SUCCESS)}"
    description = texts.description(
        _SUCCESS, _ABANDONMENT.definition, "What is left over failed. An attempt with an error may succeed."
    )
    return funnel(
        title,
        description,
        {
            "attempts": rolling(_SUCCESS, "denominator"),
            "with an error": rolling(METRIC["task_error_rate"], "numerator"),
            "completed": rolling(_SUCCESS, "numerator"),
            "abandoned": rolling(_ABANDONMENT, "numerator"),
        },
    )


def _shop() -> bargauge.Panel:
    visits, orders = METRIC["visits"], METRIC["orders"]
    description = (
        f"{visits.definition} {_SUCCESS.definition} {orders.definition} Steps are booked when they close, so they need not nest."
    )
    return funnel(
        f"From visit to order, {window(visits)}",
        description,
        {
            "visits": rolling(visits, "value"),
            "began {{task}}": rolling(_SUCCESS, "denominator", every=True),
            "completed {{task}}": rolling(_SUCCESS, "numerator", every=True),
            "orders": rolling(orders, "value"),
        },
    )


def _every_task() -> timeseries.Panel:
    title = f"{texts.name(_ABANDONMENT)}, all tasks, {window(_ABANDONMENT)}"
    panel = lines(title, texts.description(_ABANDONMENT), texts.unit(_ABANDONMENT)).thresholds(judged(_ABANDONMENT))
    return panel.with_target(query(rolling(_ABANDONMENT, "value", every=True), "{{task}}"))
