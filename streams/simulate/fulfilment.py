"""Orders and what becomes of them: promises, shipments, deliveries, cancellations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.envelope import iso
from streams.core.policy import DAY, HOUR
from streams.simulate.support import ask_how_it_was, get_in_touch, review
from streams.simulate.world import Customer, World


def place_order(
    world: World,
    customer: Customer,
    at: int,
    channel: str,
    identifiers: Mapping[str, str],
    references: Mapping[str, str],
    about: Mapping[str, str],
) -> None:
    """An order at a time, with most of the promises that orders come with, and everything after it."""
    cents = world.chance.randint(500, 25_000)
    promised = at + world.chance.randint(2 * DAY, 4 * DAY) if world.happens(0.9) else None
    fields: dict[str, Any] = {"value": f"{cents / 100:.2f}", "currency": customer.currency}
    if promised is not None:
        fields["promised_at"] = iso(promised)
        world.settle(promised)
    world.tell(customer, at, "order.placed", channel, identifiers, about, **fields)
    customer.orders.append(at)
    world.truth.orders += 1
    world.truth.revenue[customer.currency] = world.truth.revenue.get(customer.currency, 0) + cents
    order_id = {"order_id": references["order_id"]}
    if world.happens(0.05):
        cancelled = at + world.chance.randint(HOUR, 20 * HOUR)
        world.tell(customer, cancelled, "order.cancelled", "system", order_id, reason="customer")
    else:
        fulfil(world, customer, at, order_id, promised)


def fulfil(world: World, customer: Customer, placed: int, order_id: Mapping[str, str], promised: int | None) -> None:
    """Ships an order, mostly in time."""
    latest = promised
    ready = placed + world.chance.randint(6 * HOUR, 30 * HOUR)
    if promised is not None and world.happens(0.1):
        ready = placed + DAY
        latest = promised + world.chance.randint(3 * DAY, 10 * DAY)
        world.tell(customer, ready, "delivery.backordered", "logistics", order_id)
        world.tell(customer, ready, "delivery.promised", "logistics", order_id, promised_at=iso(latest))
        ready = latest - DAY
        world.settle(latest)
    parcel = {"tracking_number": world.name("parcel")}
    labels = {**order_id, "shipment_id": world.name("shipment"), **parcel}
    world.tell(customer, ready, "shipment.dispatched", "logistics", labels)
    if world.happens(0.1):
        estimate = iso(ready + 3 * DAY)
        world.tell(customer, ready + HOUR, "delivery.promised", "logistics", parcel, promised_at=estimate, promised_by="carrier")
    delivered = None
    if not world.happens(0.02):
        delivered = deliver(world, customer, ready, parcel, latest)
    account(world, promised, latest, delivered)
    late = latest is not None and (delivered is None or delivered > latest)
    if world.happens(0.4 if late else 0.08):
        get_in_touch(world, customer, (delivered or latest or ready) + world.chance.randint(HOUR, DAY), order_id)
    if delivered is not None and world.happens(0.2):
        ask_how_it_was(world, customer, delivered + world.chance.randint(HOUR, 2 * DAY), pleased=not late)
    elif delivered is not None and world.options.reviews and world.happens(world.options.reviews):
        review(world, customer, delivered + world.chance.randint(HOUR, 5 * DAY), pleased=not late)


def deliver(world: World, customer: Customer, ready: int, parcel: Mapping[str, str], due: int | None) -> int:
    """Brings it, and returns when: up to the millisecond that was promised, or after it."""
    if due is None:
        at = ready + world.chance.randint(DAY, 4 * DAY)
    elif world.happens(0.85):
        at = world.chance.randint(ready + 2 * HOUR, due)
    else:
        at = due + world.chance.randint(1, 3 * DAY)
    if world.happens(0.05):
        world.tell(customer, at - HOUR, "delivery.delivered", "logistics", parcel, complete=False)
    elif world.happens(0.05):
        world.tell(customer, at - HOUR, "delivery.attempted", "logistics", parcel)
    world.tell(customer, at, "delivery.delivered", "logistics", parcel)
    if world.happens(0.03):
        world.tell(customer, at + DAY, "delivery.damage_reported", "system", parcel)
        world.tell(customer, at + 2 * DAY, "delivery.returned", "logistics", parcel)
    return at


def account(world: World, promised: int | None, latest: int | None, delivered: int | None) -> None:
    """Writes down what became of the promises of an order that was not cancelled."""
    truth = world.truth
    if promised is None or latest is None:
        return
    truth.orders_due += 1
    truth.orders_due_latest += 1
    if delivered is None:
        truth.orders_overdue += 1
        return
    truth.orders_kept += delivered <= promised
    truth.orders_kept_latest += delivered <= latest
    truth.deliveries += 1
    truth.delivery_delay_ms += delivered - promised
    truth.delivery_delay_latest_ms += delivered - latest
