"""Promises, shipments and deliveries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.envelope import Data, Deadline, Event, Text, fold_case
from schemas.identifiers import IdValue


class DeliveryData(Data):
    """Fields of the delivery family."""

    order_id: IdValue = None
    shipment_id: IdValue = None
    tracking_number: IdValue = None
    promised_at: Annotated[Deadline | None, Field(description="a date alone ends that day in the market's zone")] = None
    promised_by: Annotated[
        Annotated[Literal["merchant", "carrier"] | None, BeforeValidator(fold_case)],
        Field(description="merchant where nothing is said; a carrier's estimate is no promise"),
    ] = None
    complete: Annotated[bool | None, Field(description="false: only a part of the order")] = None
    reason: Annotated[Text | None, Field(description="closed by configuration; else `other`")] = None


class PromiseData(DeliveryData):
    """A promise says until when."""

    promised_at: Annotated[Deadline, Field(description="a date alone ends that day in the market's zone")]


class DeliveryPromised(Event[PromiseData]):
    """The customer was told until when; a later promise replaces an earlier one."""

    type: Literal["delivery.promised"]


class ShipmentDispatched(Event[DeliveryData]):
    """A shipment left."""

    type: Literal["shipment.dispatched"]


class DeliveryBackordered(Event[DeliveryData]):
    """Something ordered is not in stock."""

    type: Literal["delivery.backordered"]


class DeliveryAttempted(Event[DeliveryData]):
    """A carrier came and could not deliver."""

    type: Literal["delivery.attempted"]


class DeliveryDelivered(Event[DeliveryData]):
    """It arrived: the whole order, unless complete is false."""

    type: Literal["delivery.delivered"]


class DeliveryDamageReported(Event[DeliveryData]):
    """It arrived damaged."""

    type: Literal["delivery.damage_reported"]


class DeliveryReturned(Event[DeliveryData]):
    """It was sent back."""

    type: Literal["delivery.returned"]
