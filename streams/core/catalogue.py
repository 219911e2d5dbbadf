"""The catalogue: every metric that is read from cells, as data.

This is the one place where a metric is declared; windows, figures, the exporter's label sets, docs and checks are derived
from it. To add a metric, add one `Metric` here and the cells that its cases write, if they are new, in `fields`. Whoever
changes what a number means raises its `version`.
"""

from __future__ import annotations

import enum
from hashlib import blake2b
from typing import Literal

import msgspec

from streams.core.fields import CELLS, CUSTOMER, PLACE, SITE, SUPPORT
from streams.core.windows import DAY_WINDOWS, WINDOWS, WindowName

Unit = Literal["ratio", "count", "seconds", "score", "money", "pages"]


class Kind(enum.StrEnum):
    """How a metric is read from its cells, and which interval it has."""

    COUNT = "count"  # a flow over the window; no interval
    STOCK = "stock"  # what is there at the window's end, whichever window; no interval
    SHARE = "share"  # numerator of denominator; Wilson
    RATIO = "ratio"  # numerator over denominator; no interval
    RATE = "rate"  # events per 100 of the denominator; Poisson
    SCORE = "score"  # 100 * numerator / denominator, as NPS; its standard error
    MONEY = "money"  # a flow in 1/10,000 of a currency's unit; no interval
    AMOUNT = "amount"  # money per denominator; no interval
    DISTRIBUTION = "distribution"  # stats instead of a value
    CHURN = "churn"  # a stock at the window's end, of another at its start; Wilson
    RETENTION = "retention"  # the rest of a churn; Wilson


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric.

    numerator: cells added up, those with a leading minus taken off; `{window}` in a name stands for the window.
    denominator: a cell, or none. dimensions: of its breakdowns, one at a time. always: the dimension that every value of
    it has (task, currency). whole: dimensions whose breakdowns share the total's denominator. geometric: whether a
    distribution has a geometric mean. definition, version and source: what it means and who says so.
    """

    name: str
    unit: Unit
    kind: Kind
    numerator: tuple[str, ...]
    denominator: str = ""
    dimensions: tuple[str, ...]
    definition: str
    source: str = "this project"
    version: int = 1
    always: str = ""
    whole: tuple[str, ...] = ()
    windows: tuple[WindowName, ...] = WINDOWS
    geometric: bool = False

    def cells(self) -> tuple[str, ...]:
        """The names of the cells it is read from, over all its windows."""
        terms = [term.lstrip("-").format(window=window) for term in self.numerator for window in self.windows]
        return tuple(dict.fromkeys(name for name in (*terms, self.denominator) if name))


_WEB = "web analytics convention"
_SAURO = "Sauro and Lewis 2005, 2010"
_CENTRE = "Amazon Connect and Google CCAI metric definitions"

METRICS: tuple[Metric, ...] = (
    Metric(
        name="visits",
        unit="count",
        kind=Kind.COUNT,
        numerator=("visits",),
        dimensions=SITE,
        definition="Visits of people on web and app, booked when they close: 30 minutes after the last event or 24 hours after the first.",
        source=_WEB,
    ),
    Metric(
        name="conversion_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("visits_converted",),
        denominator="visits",
        dimensions=SITE,
        definition="Visits with an order, also one that joins from a back end, of all visits.",
        source=_WEB,
    ),
    Metric(
        name="bounce_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("visits_bounced",),
        denominator="visits",
        dimensions=SITE,
        definition="Visits with exactly one page view and no interaction, of all visits.",
        source=_WEB,
    ),
    Metric(
        name="pages_per_visit",
        unit="pages",
        kind=Kind.RATIO,
        numerator=("visit_pages",),
        denominator="visits",
        dimensions=SITE,
        definition="Page views in visits, per visit.",
        source=_WEB,
    ),
    Metric(
        name="visit_duration_seconds",
        unit="seconds",
        kind=Kind.DISTRIBUTION,
        numerator=("visit_duration",),
        dimensions=SITE,
        definition="From a visit's first event to its last.",
        source=_WEB,
    ),
    Metric(
        name="task_success_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("attempts_completed",),
        denominator="attempts",
        always="task",
        dimensions=SITE,
        definition="Attempts completed within the task's limit, of all attempts, booked at start + limit.",
        source=_SAURO,
    ),
    Metric(
        name="task_abandonment_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("attempts", "-attempts_completed", "-attempts_failed"),
        denominator="attempts",
        always="task",
        dimensions=SITE,
        definition="Attempts neither completed nor failed within the task's limit, of all attempts, booked at start + limit.",
    ),
    Metric(
        name="task_error_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("attempts_errored",),
        denominator="attempts",
        always="task",
        dimensions=SITE,
        definition="Attempts with at least one error while open in the visit they began in, of all attempts.",
        source=_SAURO,
    ),
    Metric(
        name="time_to_complete_seconds",
        unit="seconds",
        kind=Kind.DISTRIBUTION,
        numerator=("time_to_complete",),
        always="task",
        dimensions=SITE,
        geometric=True,
        definition="From start to success of completed attempts; the geometric mean is that of times above zero.",
        source=_SAURO,
    ),
    Metric(
        name="payment_failure_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("payments_refused",),
        denominator="payment_attempts",
        dimensions=SITE,
        definition="Payments refused in visits, of payments tried there: those refused and the orders of the visits, booked when they close.",
        source="commerce convention",
    ),
    Metric(
        name="orders",
        unit="count",
        kind=Kind.COUNT,
        numerator=("orders",),
        dimensions=SITE,
        definition="Orders placed, each once.",
        source="commerce convention",
    ),
    Metric(
        name="revenue",
        unit="money",
        kind=Kind.MONEY,
        numerator=("revenue",),
        always="currency",
        dimensions=SITE,
        definition="The value of orders when they are placed, in the unit of their currency; cancellations and refunds are not taken off.",
        source="commerce convention",
    ),
    Metric(
        name="average_order_value",
        unit="money",
        kind=Kind.AMOUNT,
        numerator=("revenue",),
        denominator="orders_valued",
        always="currency",
        dimensions=SITE,
        definition="Revenue per order placed in the currency; orders without a value do not count.",
        source="commerce convention",
    ),
    Metric(
        name="promise_kept_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("orders_kept",),
        denominator="orders_due",
        dimensions=SITE,
        definition="Orders delivered complete by the merchant's first promise, of orders due by it, booked at the due time; cancelled before is not due.",
    ),
    Metric(
        name="promise_kept_latest_rate",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("orders_kept_latest",),
        denominator="orders_due_latest",
        dimensions=SITE,
        definition="As promise_kept_rate, by the last promise made before the delivery.",
    ),
    Metric(
        name="delivery_delay_seconds",
        unit="seconds",
        kind=Kind.DISTRIBUTION,
        numerator=("delivery_delay",),
        dimensions=SITE,
        definition="Delivery minus the first promise, negative when early, booked at delivery.",
    ),
    Metric(
        name="delivery_delay_latest_seconds",
        unit="seconds",
        kind=Kind.DISTRIBUTION,
        numerator=("delivery_delay_latest",),
        dimensions=SITE,
        definition="Delivery minus the last promise made before it, negative when early, booked at delivery.",
    ),
    Metric(
        name="orders_overdue",
        unit="count",
        kind=Kind.STOCK,
        numerator=("orders_overdue",),
        dimensions=SITE,
        definition="Orders at the window's end that are past the promise in force, neither delivered nor cancelled.",
    ),
    Metric(
        name="contacts_per_100_orders",
        unit="count",
        kind=Kind.RATE,
        numerator=("contacts",),
        denominator="orders",
        dimensions=("market", "segment", "medium", "reason"),
        whole=("medium", "reason"),
        definition="Inbound contacts, transfers counted once, per 100 orders placed; by market and segment per orders of that value.",
        source=_CENTRE,
    ),
    Metric(
        name="queue_wait_seconds",
        unit="seconds",
        kind=Kind.DISTRIBUTION,
        numerator=("queue_wait",),
        dimensions=SUPPORT,
        definition="Waiting time of answered contacts, booked when they are answered.",
        source=_CENTRE,
    ),
    Metric(
        name="hold_seconds",
        unit="seconds",
        kind=Kind.DISTRIBUTION,
        numerator=("hold",),
        dimensions=SUPPORT,
        definition="All holds of a contact together, booked when it ends.",
        source=_CENTRE,
    ),
    Metric(
        name="csat",
        unit="ratio",
        kind=Kind.SHARE,
        numerator=("csat_top",),
        denominator="csat",
        dimensions=PLACE,
        definition="Top-box answers of all: 4-5 of 5, 6-7 of 7, 9-10 of 10, the top one of 2 or 3; other scales do not count.",
        source="customer satisfaction score convention",
    ),
    Metric(
        name="nps",
        unit="score",
        kind=Kind.SCORE,
        numerator=("nps_promoters", "-nps_detractors"),
        denominator="nps",
        dimensions=PLACE,
        definition="100 times promoters (9-10) minus detractors (0-6), per answer of instrument nps on 0 to 10.",
        source="Reichheld 2003",
    ),
    Metric(
        name="customers",
        unit="count",
        kind=Kind.STOCK,
        numerator=("customers",),
        dimensions=CUSTOMER,
        windows=DAY_WINDOWS,
        definition="Current customers at the window's end: from the first order or subscription until lost.",
    ),
    Metric(
        name="new_customers",
        unit="count",
        kind=Kind.COUNT,
        numerator=("new_customers",),
        dimensions=CUSTOMER,
        windows=DAY_WINDOWS,
        definition="People who became customers for the first time.",
    ),
    Metric(
        name="reactivated_customers",
        unit="count",
        kind=Kind.COUNT,
        numerator=("reactivated_customers",),
        dimensions=CUSTOMER,
        windows=DAY_WINDOWS,
        definition="Lost customers who ordered or subscribed again.",
    ),
    Metric(
        name="churn_rate",
        unit="ratio",
        kind=Kind.CHURN,
        numerator=("churned_{window}",),
        denominator="customers",
        dimensions=CUSTOMER,
        windows=("7d", "28d"),
        definition="Of the customers current at the window's start, the share lost at its end.",
        source="subscription business convention",
    ),
    Metric(
        name="retention_rate",
        unit="ratio",
        kind=Kind.RETENTION,
        numerator=("churned_{window}",),
        denominator="customers",
        dimensions=CUSTOMER,
        windows=("7d", "28d"),
        definition="Of the customers current at the window's start, the share not lost at its end: 1 - churn_rate.",
        source="subscription business convention",
    ),
    Metric(
        name="cancellation_requests",
        unit="count",
        kind=Kind.COUNT,
        numerator=("cancellation_requests",),
        dimensions=CUSTOMER,
        definition="Subscriptions that a customer asked to end, counted when asked.",
        version=2,
    ),
)
"""Every metric, in the order in which they are printed."""

METRIC_NAMES = tuple(metric.name for metric in METRICS)


def catalogue_digest() -> str:
    """A digest of all declarations, 32 hex digits; a part of a namespace's definitions digest."""
    return blake2b(msgspec.json.encode((tuple(CELLS.values()), METRICS)), digest_size=16).hexdigest()
