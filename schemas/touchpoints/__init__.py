"""All touchpoint types, by family, and the union that validates one native document.

A new type is a class in its family's module, and its line in FAMILIES; the union, the JSON Schemas and the decoder follow.
"""

from __future__ import annotations

from typing import Annotated, Any, Union, cast, get_args

from pydantic import Field, TypeAdapter

from schemas.envelope import Data, Event
from schemas.touchpoints import commerce, delivery, message, relationship, support, survey, task, voice, web

FAMILIES: dict[str, tuple[type[Event[Any]], ...]] = {
    "web": (
        web.PageViewed,
        web.PageLeft,
        web.ElementClicked,
        web.SearchPerformed,
        web.NavigationUsed,
        web.ErrorShown,
    ),
    "task": (task.TaskStarted, task.TaskStepReached, task.TaskCompleted, task.TaskFailed),
    "commerce": (
        commerce.CartItemAdded,
        commerce.CartItemRemoved,
        commerce.CheckoutStarted,
        commerce.PaymentFailed,
        commerce.OrderPlaced,
        commerce.OrderCancelled,
        commerce.OrderRefunded,
    ),
    "delivery": (
        delivery.DeliveryPromised,
        delivery.ShipmentDispatched,
        delivery.DeliveryBackordered,
        delivery.DeliveryAttempted,
        delivery.DeliveryDelivered,
        delivery.DeliveryDamageReported,
        delivery.DeliveryReturned,
    ),
    "support": (
        support.ContactOpened,
        support.ContactQueued,
        support.ContactMenuNavigated,
        support.ContactAnswered,
        support.ContactHeld,
        support.ContactTransferred,
        support.ContactReplied,
        support.ContactResolved,
        support.ContactReopened,
        support.ContactEnded,
        support.ContactAbandoned,
    ),
    "message": (
        message.MessageSent,
        message.MessageDelivered,
        message.MessageOpened,
        message.MessageClicked,
        message.MessageBounced,
        message.MessageComplained,
        message.MessageUnsubscribed,
    ),
    "survey": (survey.SurveySent, survey.SurveyAnswered),
    "relationship": (
        relationship.AccountCreated,
        relationship.AccountClosed,
        relationship.SubscriptionStarted,
        relationship.SubscriptionRenewed,
        relationship.SubscriptionCancelled,
        relationship.SubscriptionPaymentFailed,
        relationship.SubscriptionEnded,
        relationship.ProfileLinked,
        relationship.ConsentChanged,
        relationship.ProfileErased,
    ),
    "voice": (
        voice.ReferralMade,
        voice.ReferralConverted,
        voice.ReviewPosted,
        voice.SocialMentioned,
        voice.StoreVisited,
        voice.ProductInstalled,
        voice.ProductUsed,
    ),
}


def type_name(model: type[Event[Any]]) -> str:
    """The `type` that a model is for, such as page.viewed."""
    return str(get_args(model.model_fields["type"].annotation)[0])


MODELS: dict[str, type[Event[Any]]] = {type_name(model): model for models in FAMILIES.values() for model in models}
"""Type -> model, in the contract's order."""

FAMILY_OF: dict[str, str] = {type_name(model): family for family, models in FAMILIES.items() for model in models}
"""Type -> family."""

DATA: dict[str, type[Data]] = {name: cast("type[Data]", model.model_fields["data"].annotation) for name, model in MODELS.items()}
"""Type -> model of its data."""

# A union over a computed tuple is beyond what a type checker follows; the tests hold it to MODELS.
AnyTouchpoint: TypeAdapter[Event[Data]] = TypeAdapter(
    Annotated[Union[tuple(MODELS.values())], Field(discriminator="type")]  # type: ignore[arg-type]  # noqa: UP007
)
"""Validates a native document (or JSON) of any type; a pydantic ValidationError's `loc` starts with the type."""
