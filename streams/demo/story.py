"""The golden stories of the contract, as native CloudEvents: the demo plays them, and tests hold their figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

CloudEvent = dict[str, Any]

D0 = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday."""


def at(d0: datetime, days: int, clock: str) -> datetime:
    """The moment `clock` (HH:MM or HH:MM:SS) on day `days` of a story."""
    hours, minutes, seconds = (int(part) for part in f"{clock}:00".split(":")[:3])
    return d0 + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def story_1(d0: datetime = D0) -> list[CloudEvent]:
    """Found in a minute, promised for day 3, delivered on day 19: one customer, 16 events on five channels, in time order."""
    cookie, book = {"anonymous_id": "browser-1"}, {"customer_id": "customer-1"}
    caller = {"phone": "+31201234567", "contact_id": "call-1", "order_id": "order-1"}
    promise = {"promised_at": at(d0, 3, "10:01").isoformat(), "value": "120.00", "currency": "EUR"}
    answer = {"email": "customer@example.com", **book}
    told: list[tuple[str, int, str, str, dict[str, str], dict[str, Any]]] = [
        ("subscription.started", -60, "09:00", "system", {"subscription_id": "plan-1", **book}, {}),
        ("search.performed", 0, "10:00:00", "web", cookie, {"results": 12}),
        ("page.viewed", 0, "10:00:10", "web", cookie, {"page": "/lamp"}),
        ("checkout.started", 0, "10:00:30", "web", cookie, {}),
        ("order.placed", 0, "10:01:00", "web", {"order_id": "order-1", **cookie, **book}, promise),
        ("contact.opened", 4, "10:00", "phone", caller, {"medium": "phone", "direction": "inbound", "reason": "delivery"}),
        ("contact.queued", 4, "10:00", "phone", caller, {"menu_steps": 6}),
        ("contact.answered", 4, "10:02", "phone", {**caller, **book}, {}),
        ("contact.ended", 4, "10:10", "phone", caller, {"hold_seconds": 300, "talk_seconds": 180}),
        ("delivery.backordered", 4, "10:10", "logistics", {"order_id": "order-1"}, {}),
        ("delivery.promised", 4, "10:10", "logistics", {"order_id": "order-1"}, {"promised_at": at(d0, 18, "10:01").isoformat()}),
        ("delivery.delivered", 19, "10:01", "logistics", {"order_id": "order-1"}, {}),
        ("survey.answered", 20, "12:00", "email", answer, {"instrument": "csat", "score": 1}),
        ("survey.answered", 20, "12:00", "email", answer, {"instrument": "nps", "score": 2}),
        (
            "subscription.cancelled",
            21,
            "09:00",
            "system",
            {"subscription_id": "plan-1", **book},
            {"ends_at": at(d0, 40, "09:00").isoformat()},
        ),
        ("subscription.ended", 40, "09:00", "system", {"subscription_id": "plan-1", **book}, {}),
    ]
    return [
        {
            "specversion": "1.0",
            "id": f"story-1-{number}",
            "source": f"story/{channel}",
            "type": kind,
            "time": at(d0, days, clock).isoformat(),
            "datacontenttype": "application/json",
            "data": {"identifiers": identifiers, "channel": channel, **fields},
        }
        for number, (kind, days, clock, channel, identifiers, fields) in enumerate(told)
    ]
