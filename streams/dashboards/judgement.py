"""How figures are judged: which way is better, and from where on a figure is coloured.

The limits are starting points after conventions that people in the field know, for everybody to replace by their own; they only
colour. Alerts have thresholds of their own (deploy/prometheus).
"""

from __future__ import annotations

import msgspec

from streams.core.catalogue import Metric


class Judgement(msgspec.Struct, frozen=True):
    """better: 1 where more is better, -1 where less is, 0 where neither. amber, red: from where on it is coloured, if at all."""

    better: int = 0
    amber: float | None = None
    red: float | None = None


_MORE, _LESS = Judgement(1), Judgement(-1)

_JUDGEMENTS = {
    "conversion_rate": _MORE,
    "bounce_rate": _LESS,
    "task_success_rate": _MORE,
    "task_abandonment_rate": _LESS,
    "task_error_rate": Judgement(-1, 0.05, 0.10),
    "time_to_complete_seconds": _LESS,
    "errors_per_100_views": _LESS,
    "zero_result_rate": _LESS,
    "rage_clicks_per_100_views": _LESS,
    "dead_clicks_per_100_views": _LESS,
    "orders": _MORE,
    "revenue": _MORE,
    "average_order_value": _MORE,
    "payment_failure_rate": _LESS,
    "promise_kept_rate": Judgement(1, 0.95, 0.90),
    "promise_kept_latest_rate": Judgement(1, 0.95, 0.90),
    "delivery_delay_seconds": Judgement(-1, 1, 86_400),  # late at all; a day late
    "delivery_delay_latest_seconds": Judgement(-1, 1, 86_400),
    "orders_overdue": _LESS,
    "backorder_rate": _LESS,
    "damage_rate": _LESS,
    "return_rate": _LESS,
    "contacts_per_100_orders": _LESS,
    "complaints_per_100_orders": _LESS,
    "queue_wait_seconds": Judgement(-1, 20, 120),  # 80 % within 20 s is the contact centres' customary service level
    "service_level": Judgement(1, 0.80, 0.60),
    "contact_abandonment_rate": Judgement(-1, 0.05, 0.10),
    "first_response_seconds": _LESS,
    "hold_seconds": Judgement(-1, 60, 180),
    "handle_seconds": _LESS,
    "resolution_seconds": _LESS,
    "open_contacts": _LESS,
    "oldest_open_contact_seconds": _LESS,
    "channels_per_problem": _LESS,
    "csat": Judgement(1, 0.80, 0.70),
    "nps": Judgement(1, 30, 0),  # below zero there are more detractors than promoters
    "ces_mean": _MORE,
    "ces_easy_share": _MORE,
    "sus_score": Judgement(1, 68, 51),  # 68 is the mean of 500 studies, 51 the edge of the lowest seventh (Sauro 2011)
    "survey_response_rate": _MORE,
    "review_rating": _MORE,
    "message_open_rate": _MORE,
    "message_click_rate": _MORE,
    "message_bounce_rate": Judgement(-1, 0.02, 0.05),
    "message_complaint_rate": Judgement(-1, 0.001, 0.003),  # from 0.3 % on large mailbox providers refuse a sender
    "message_unsubscribe_rate": _LESS,
    "repeat_rate": _MORE,
    "contacts_per_1000_customers": _LESS,
    "referrals_per_1000_customers": _MORE,
    "clicks_to_complete": _LESS,
    "customers": _MORE,
    "new_customers": _MORE,
    "reactivated_customers": _MORE,
    "churn_rate": _LESS,
    "retention_rate": _MORE,
    "cancellation_requests": _LESS,
}


def judgement(metric: Metric) -> Judgement:
    """How a metric is judged; one that is not listed is shown and not judged."""
    return _JUDGEMENTS.get(metric.name, Judgement())
