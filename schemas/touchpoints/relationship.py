"""Accounts, subscriptions, and what is said about a profile itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Currency, Data, Deadline, Event, Money, Text
from schemas.identifiers import IdValue


class RelationshipData(Data):
    """Fields of the relationship family."""

    subscription_id: IdValue = None
    plan: Text | None = None
    value: Annotated[Money | None, Field(description="per period; without a currency it is dropped and counted")] = None
    currency: Currency | None = None
    ends_at: Annotated[Deadline | None, Field(description="paid until; a date alone ends that day in the market's zone")] = None
    voluntary: Annotated[bool | None, Field(description="false: the company or a failed payment ended it")] = None
    reason: Annotated[Text | None, Field(description="closed by configuration; else `other`")] = None


class AccountCreated(Event[RelationshipData]):
    """Somebody registered."""

    type: Literal["account.created"]


class AccountClosed(Event[RelationshipData]):
    """The account was closed: the customer is lost."""

    type: Literal["account.closed"]


class SubscriptionStarted(Event[RelationshipData]):
    """A paid subscription began."""

    type: Literal["subscription.started"]


class SubscriptionRenewed(Event[RelationshipData]):
    """It was paid for another period."""

    type: Literal["subscription.renewed"]


class SubscriptionCancelled(Event[RelationshipData]):
    """Its end was asked for; it runs until ends_at."""

    type: Literal["subscription.cancelled"]


class SubscriptionPaymentFailed(Event[RelationshipData]):
    """A period's payment was refused."""

    type: Literal["subscription.payment_failed"]


class SubscriptionEnded(Event[RelationshipData]):
    """It is over."""

    type: Literal["subscription.ended"]


class ProfileLinked(Event[RelationshipData]):
    """The identifiers of this event belong to one person."""

    type: Literal["profile.linked"]


class ConsentChanged(Event[RelationshipData]):
    """Consent was given or taken back; see `consent`."""

    type: Literal["consent.changed"]


class ProfileErased(Event[RelationshipData]):
    """The person asked to be forgotten."""

    type: Literal["profile.erased"]
