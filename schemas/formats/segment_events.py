"""Names of Segment's and RudderStack's track events, and the touchpoints that they are.

Sources: Segment's specs for e-commerce v2 (and its first version), email, live chat, B2B, mobile and referrals; RudderStack
uses the same names. A name that is not listed is an event of the company's own and is ignored: a mapping, or a
topic in the native format, says what it means. Names are compared by letters and digits only, in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SITE_PROPERTIES = {"visit_id": ("session_id", "sessionId"), "cart_token": ("cart_id", "cartId", "checkout_id", "checkoutId")}
ORDER_PROPERTIES = {
    "order_id": ("order_id", "orderId"),
    "value": ("total", "revenue", "value"),
    "currency": ("currency",),
}
CHECKOUT_PROPERTIES = {"order_id": ("order_id", "orderId")}
SHIPMENT_PROPERTIES = {**CHECKOUT_PROPERTIES, "tracking_number": ("tracking_number", "trackingNumber")}
EMAIL_PROPERTIES = {
    "message_id": ("email_id", "message_id", "emailId", "messageId"),
    "campaign": ("campaign_name", "campaign_id"),
}
CHAT_PROPERTIES = {"contact_id": ("conversation_id", "conversationId")}

_LETTERS = re.compile(r"[^a-z0-9]+")


class TrackEvent(NamedTuple):
    """What a track event becomes.

    properties: field or identifier -> the properties that may hold it, the first that is not empty counts. constants:
    fields that the event's name implies. channel: where it happened, empty to take it from the call's context.
    view: a page or product came into view, which page() calls may count already.
    """

    type: str
    properties: Mapping[str, tuple[str, ...]] = {}
    constants: Mapping[str, Any] = {}
    channel: str = ""
    view: bool = False


def canonical(name: str) -> str:
    """A name's letters and digits in lower case: `Order Completed`, order_completed and orderCompleted are one."""
    return _LETTERS.sub("", name.lower())


def _view(group: str) -> TrackEvent:
    return TrackEvent("page.viewed", {"page": ("url", "path")}, {"page_group": group}, view=True)


def _click(element: str) -> TrackEvent:
    return TrackEvent("element.clicked", constants={"element": element})


def _email(kind: str) -> TrackEvent:
    return TrackEvent(kind, EMAIL_PROPERTIES, channel="email")


def _push(kind: str) -> TrackEvent:
    return TrackEvent(kind, {"message_id": ("message_id", "notification_id"), "campaign": ("campaign.name",)}, {}, "push")


def _chat(kind: str, **constants: str) -> TrackEvent:
    return TrackEvent(kind, CHAT_PROPERTIES, {"medium": "chat", **constants}, "chat")


def _step(step: str = "") -> TrackEvent:
    return TrackEvent(
        "task.step_reached",
        {"step": ("step", "step_name")} if not step else {},
        {"task": "checkout", **({"step": step} if step else {})},
    )


LINKED = TrackEvent("profile.linked", channel="system")
"""Who somebody is. SDKs send it by themselves at every page load: on the site's channel it would be an interaction, and no
visit of a person who is logged in would ever bounce."""

_PLACED = TrackEvent("order.placed", ORDER_PROPERTIES)
_ADDED = TrackEvent("cart.item_added")
_REMOVED = TrackEvent("cart.item_removed")
_SEARCHED = TrackEvent("search.performed", {"results": ("results", "results_count", "result_count", "num_results")})
_REGISTERED = TrackEvent("account.created")

_EVENTS: dict[str, TrackEvent] = {
    "Products Searched": _SEARCHED,
    "Product List Viewed": _view("catalog"),
    "Viewed Product Category": _view("catalog"),
    "Product Viewed": _view("product"),
    "Viewed Product": _view("product"),
    "Cart Viewed": _view("cart"),
    "Product List Filtered": TrackEvent("navigation.used", constants={"element": "filter"}),
    "Product Clicked": _click("product"),
    "Promotion Clicked": _click("promotion"),
    "Clicked Promotion": _click("promotion"),
    "Product Added to Wishlist": _click("wishlist_add"),
    "Product Removed from Wishlist": _click("wishlist_remove"),
    "Wishlist Product Added to Cart": _ADDED,
    "Product Shared": _click("share"),
    "Cart Shared": _click("share"),
    "Coupon Entered": _click("coupon"),
    "Coupon Denied": TrackEvent("error.shown", constants={"code": "coupon_denied", "kind": "user"}),
    "Product Added": _ADDED,
    "Added Product": _ADDED,
    "Product Removed": _REMOVED,
    "Removed Product": _REMOVED,
    "Checkout Started": TrackEvent("checkout.started", CHECKOUT_PROPERTIES),
    "Checkout Step Viewed": _step(),
    "Viewed Checkout Step": _step(),
    "Checkout Step Completed": _step(),
    "Completed Checkout Step": _step(),
    "Payment Info Entered": _step("payment"),
    "Payment Failed": TrackEvent("payment.failed", {**CHECKOUT_PROPERTIES, "code": ("code", "error_code")}),
    "Order Completed": _PLACED,
    "Completed Order": _PLACED,
    "Order Cancelled": TrackEvent("order.cancelled", ORDER_PROPERTIES),
    "Order Canceled": TrackEvent("order.cancelled", ORDER_PROPERTIES),
    "Order Refunded": TrackEvent("order.refunded", ORDER_PROPERTIES),
    "Order Shipped": TrackEvent("shipment.dispatched", SHIPMENT_PROPERTIES, channel="logistics"),
    "Order Delivered": TrackEvent("delivery.delivered", SHIPMENT_PROPERTIES, channel="logistics"),
    "Product Reviewed": TrackEvent("review.posted", {"rating": ("rating",)}),
    "Email Sent": _email("message.sent"),
    "Email Delivered": _email("message.delivered"),
    "Email Opened": _email("message.opened"),
    "Email Link Clicked": _email("message.clicked"),
    "Email Bounced": _email("message.bounced"),
    "Email Marked as Spam": _email("message.complained"),
    "Unsubscribed": _email("message.unsubscribed"),
    "Push Notification Received": _push("message.delivered"),
    "Push Notification Tapped": _push("message.clicked"),
    "Push Notification Bounced": _push("message.bounced"),
    "Live Chat Conversation Started": _chat("contact.opened", direction="inbound"),
    "Live Chat Message Sent": _chat("contact.replied", by="customer"),
    "Live Chat Message Received": _chat("contact.replied", by="agent"),
    "Live Chat Conversation Ended": _chat("contact.ended"),
    "Conversation Started": _chat("contact.opened", direction="inbound"),
    "Message Sent": _chat("contact.replied", by="customer"),
    "Message Received": _chat("contact.replied", by="agent"),
    "Conversation Ended": _chat("contact.ended"),
    "Account Created": _REGISTERED,
    "Signed Up": _REGISTERED,
    "Account Deleted": TrackEvent("account.closed"),
    "Account Added User": LINKED,
    "Invite Sent": TrackEvent("referral.made", {"referral_id": ("referral_id", "invite_id")}),
    "Application Installed": TrackEvent("product.installed", channel="app"),
    "Application Crashed": TrackEvent("error.shown", constants={"code": "crash", "kind": "system"}, channel="app"),
}

EVENTS: dict[str, TrackEvent] = {canonical(name): event for name, event in _EVENTS.items()}
"""By canonical name. Trials are no subscriptions yet (nobody pays), so their events are not here."""
