"""Voice of the customer and use of the product: referrals, reviews, mentions, stores, installation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Data, Event, Text, Whole
from schemas.identifiers import IdValue


class VoiceData(Data):
    """Fields of the voice family."""

    referral_id: IdValue = None
    order_id: Annotated[IdValue, Field(description="the order that a review or an installation is about")] = None
    rating: Annotated[Annotated[Whole, Field(ge=0, le=100)] | None, Field(description="of a review, whole points")] = None
    reason: Annotated[Text | None, Field(description="closed by configuration; else `other`")] = None


class ReferralMade(Event[VoiceData]):
    """A customer recommended the company to somebody."""

    type: Literal["referral.made"]


class ReferralConverted(Event[VoiceData]):
    """The somebody bought."""

    type: Literal["referral.converted"]


class ReviewPosted(Event[VoiceData]):
    """A public review."""

    type: Literal["review.posted"]


class SocialMentioned(Event[VoiceData]):
    """A mention on a social network."""

    type: Literal["social.mentioned"]


class StoreVisited(Event[VoiceData]):
    """A visit to a store."""

    type: Literal["store.visited"]


class ProductInstalled(Event[VoiceData]):
    """The product was set up."""

    type: Literal["product.installed"]


class ProductUsed(Event[VoiceData]):
    """The product was used."""

    type: Literal["product.used"]
