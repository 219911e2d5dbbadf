"""The golden stories of the contract, as native CloudEvents: the demo plays them, and tests hold their figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

CloudEvent = dict[str, Any]
Fields = dict[str, Any]
_Step = tuple[str, int, str, str, dict[str, str], Fields]
"""(type, day, clock, channel, identifiers, other fields)."""

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
    told: list[_Step] = [
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
    return [_event(d0, f"story-1-{number}", *step) for number, step in enumerate(told)]


def story_2(d0: datetime = D0) -> list[CloudEvent]:
    """Two accounts: a household where one pays and four watch, and a team where one chooses, one buys, one installs and calls for
    help, and five use it. 13 people, two customers; who belongs to an account is named once each, of the chooser only later.
    """
    payer = {"customer_id": "payer", "account_id": "household-1", "subscription_id": "plan-2"}
    viewers = [{"user_id": f"viewer-{number}"} for number in range(1, 5)]
    month = {"value": "15.00", "currency": "EUR"}
    chooser, buyer, installer = {"user_id": "chooser"}, {"customer_id": "buyer"}, {"user_id": "installer"}
    caller = {**installer, "contact_id": "help-1"}
    promise = {"promised_at": at(d0, 2, "10:00").isoformat(), "value": "900.00", "currency": "EUR"}
    told: list[_Step] = [
        ("account.created", -30, "09:00", "web", payer, {}),
        ("subscription.started", -30, "09:00", "system", payer, month),
        *[("product.used", -29, "20:00", "app", {**viewer, "account_id": "household-1"}, {}) for viewer in viewers],
        ("search.performed", 0, "10:00", "web", chooser, {"results": 3}),
        ("page.viewed", 0, "10:01", "web", chooser, {"page": "/press"}),
        ("order.placed", 0, "11:00", "store", {**buyer, "order_id": "order-2", "account_id": "team-1"}, promise),
        ("subscription.renewed", 0, "09:00", "system", payer, month),
        ("profile.linked", 3, "09:00", "system", {**chooser, "account_id": "team-1"}, {}),
        ("delivery.delivered", 4, "10:00", "logistics", {"order_id": "order-2"}, {}),
        ("product.installed", 4, "14:00", "app", {**installer, "account_id": "team-1"}, {}),
        ("contact.opened", 4, "14:30", "phone", caller, {"medium": "phone", "direction": "inbound", "reason": "setup"}),
        ("contact.answered", 4, "14:35", "phone", caller, {}),
        ("contact.ended", 4, "14:50", "phone", caller, {"hold_seconds": 240, "talk_seconds": 600}),
        *[("product.used", 5, "09:00", "app", {"user_id": f"maker-{n}", "account_id": "team-1"}, {}) for n in range(1, 6)],
        *[("product.used", 20, "20:00", "app", viewer, {}) for viewer in viewers],
        ("subscription.cancelled", 40, "09:00", "system", payer, {"ends_at": at(d0, 60, "09:00").isoformat()}),
        ("product.used", 59, "21:00", "app", viewers[0], {}),
        ("subscription.ended", 60, "09:00", "system", payer, {}),
    ]
    return [_event(d0, f"story-2-{number}", *step) for number, step in enumerate(told)]


def _event(
    d0: datetime, name: str, kind: str, days: int, clock: str, channel: str, who: dict[str, str], fields: Fields
) -> CloudEvent:
    return {
        "specversion": "1.0",
        "id": name,
        "source": f"story/{channel}",
        "type": kind,
        "time": at(d0, days, clock).isoformat(),
        "datacontenttype": "application/json",
        "data": {"identifiers": who, "channel": channel, **fields},
    }
