"""Carts, checkouts, orders and payments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.envelope import Currency, Data, Deadline, Event, Money, Text, fold_case
from schemas.identifiers import IdValue


class CommerceData(Data):
    """Fields of the commerce family."""

    order_id: IdValue = None
    cart_token: IdValue = None
    visit_id: IdValue = None
    value: Annotated[Money | None, Field(description="gross; without a currency it is dropped and counted")] = None
    currency: Currency | None = None
    promised_at: Annotated[
        Deadline | None, Field(description="delivery promised by; a date alone ends that day in the market's zone")
    ] = None
    promised_by: Annotated[Literal["merchant", "carrier"] | None, BeforeValidator(fold_case)] = None
    code: Annotated[Text | None, Field(description="of a payment error")] = None
    reason: Annotated[Text | None, Field(description="closed by configuration; else `other`")] = None


class CartItemAdded(Event[CommerceData]):
    """Something was put into the cart."""

    type: Literal["cart.item_added"]


class CartItemRemoved(Event[CommerceData]):
    """Something was taken out of the cart."""

    type: Literal["cart.item_removed"]


class CheckoutStarted(Event[CommerceData]):
    """The checkout began."""

    type: Literal["checkout.started"]


class PaymentFailed(Event[CommerceData]):
    """A payment was refused; an error, not the end of the checkout."""

    type: Literal["payment.failed"]


class OrderPlaced(Event[CommerceData]):
    """An order was placed."""

    type: Literal["order.placed"]


class OrderCancelled(Event[CommerceData]):
    """An order was cancelled before delivery."""

    type: Literal["order.cancelled"]


class OrderRefunded(Event[CommerceData]):
    """Money went back, `value` of it."""

    type: Literal["order.refunded"]
