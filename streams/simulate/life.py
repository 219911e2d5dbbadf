"""The long relationship: accounts, subscriptions, messages, referrals, purchases in a store."""

from __future__ import annotations

import random
from collections.abc import Iterable

from schemas.envelope import iso
from streams.core.policy import DAY, HOUR, MINUTE
from streams.simulate.fulfilment import place_order
from streams.simulate.options import Wave
from streams.simulate.world import Customer, World

PERIOD = 7 * DAY
"""Subscriptions are weekly, so that renewals happen within a simulation."""


def subscribe(world: World, customer: Customer) -> None:
    """A weekly subscription: renewed while the simulation lasts, or cancelled, or begun again after its end."""
    customer.plan = world.name("plan")
    who = {**customer.identifiers(), "subscription_id": customer.plan}
    at = world.moment()
    world.tell(customer, at, "subscription.started", "system", who, plan="weekly", ends_at=iso(at + PERIOD))
    customer.subscribed.append(at)
    paid_until = at + PERIOD
    while paid_until < world.options.end_ms and world.happens(0.7):
        if world.happens(0.1):
            world.tell(customer, paid_until - HOUR, "subscription.payment_failed", "system", who)
        world.tell(customer, paid_until, "subscription.renewed", "system", who, plan="weekly", ends_at=iso(paid_until + PERIOD))
        customer.subscribed.append(paid_until)
        paid_until += PERIOD
    if world.happens(0.5):
        cancel(world, customer, who, paid_until)


def cancel(world: World, customer: Customer, who: dict[str, str], ends: int) -> None:
    """Cancelled within the last period; ends when it is paid up, with or without saying so, and may begin again."""
    asked = ends - world.chance.randint(HOUR, PERIOD - HOUR)
    world.truth.cancellation_requests += 1
    stated = {"ends_at": iso(ends)} if world.happens(0.7) else {}
    world.tell(customer, asked, "subscription.cancelled", "system", who, voluntary=True, **stated)
    if world.happens(0.1):  # thought better of it
        back = asked + world.chance.randint(MINUTE, ends - asked)
        world.tell(customer, back, "subscription.renewed", "system", who, plan="weekly", ends_at=iso(ends))
        customer.subscribed.append(back)
        return
    customer.unsubscribed = ends
    world.settle(ends)
    if world.happens(0.8):
        world.tell(customer, ends, "subscription.ended", "system", who)
    if world.happens(0.15):
        back = ends + world.chance.randint(HOUR, 5 * DAY)
        world.tell(customer, back, "subscription.started", "system", who, plan="weekly")
        customer.subscribed.append(back)


def walk_out(world: World, customers: Iterable[Customer], wave: Wave) -> int:
    """A wave of cancellations, each ending its subscription a minute later; returns how many events it has.

    With a chance of its own, and last: what else happens stays as it was. Whoever renews after its start is not part of it.
    """
    chance = random.Random(f"{world.options.seed} wave")  # noqa: S311  # synthetic data, not secrets
    before = len(world.drafts)
    for customer in customers:
        running = bool(customer.plan) and customer.unsubscribed is None and not customer.retired
        if not running or max(customer.subscribed) >= wave.start_ms or chance.random() >= wave.share:
            continue
        who = {**customer.identifiers(), "subscription_id": customer.plan}
        asked = chance.randrange(wave.start_ms, wave.end_ms)
        ends = asked + MINUTE
        world.tell(customer, asked, "subscription.cancelled", "system", who, voluntary=True, ends_at=iso(ends))
        world.tell(customer, ends, "subscription.ended", "system", who)
        world.truth.cancellation_requests += 1
        customer.unsubscribed = ends
    return len(world.drafts) - before


def send_message(world: World, customer: Customer) -> None:
    """A newsletter: sent, delivered, and less often opened and clicked."""
    at = world.moment()
    message = {**customer.identifiers("email"), "message_id": world.name("message")}
    world.tell(customer, at, "message.sent", "email", message, campaign="weekly", kind="marketing")
    if world.happens(0.03):
        world.tell(customer, at + MINUTE, "message.bounced", "email", message)
        return
    world.tell(customer, at + MINUTE, "message.delivered", "email", message)
    if world.happens(0.4):
        world.tell(customer, at + HOUR, "message.opened", "email", message, machine=world.happens(0.3))
        if world.happens(0.2):
            world.tell(customer, at + HOUR + MINUTE, "message.clicked", "email", message)


def refer(world: World, customer: Customer) -> None:
    """Tells a friend."""
    at = world.moment()
    referral = {**customer.identifiers(), "referral_id": world.name("referral")}
    world.tell(customer, at, "referral.made", "email", referral)


def buy_in_store(world: World, customer: Customer, at: int) -> None:
    """A purchase with a loyalty number, on no visit."""
    references = {"order_id": world.name("order")}
    place_order(world, customer, at, "store", {**customer.identifiers(), **references}, references, customer.about)


def close_account(world: World, customer: Customer) -> None:
    """The customer leaves for good, after everything else."""
    world.tell(customer, customer.last + HOUR, "account.closed", "system", customer.identifiers())
    customer.retired = True


def account_for(world: World, customer: Customer) -> None:
    """Writes down what the customer's life came to, and how many people the company takes them for."""
    truth = world.truth
    truth.people += len(customer.loose) + bool(customer.known)
    signals = customer.orders + customer.subscribed
    if not signals:
        return
    truth.new_customers += 1
    truth.customers += 1
    if customer.unsubscribed is not None:
        truth.customers -= 1
        if any(signal > customer.unsubscribed for signal in signals):
            truth.customers += 1
            truth.reactivated_customers += 1
    elif customer.retired:
        truth.customers -= 1
