"""Messages that the company sends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.envelope import Data, Event, Text, fold_case
from schemas.identifiers import IdValue


class MessageData(Data):
    """Fields of the message family."""

    message_id: IdValue = None
    recipient: Annotated[Text | None, Field(description="where it went; not an identifier by itself")] = None
    campaign: Text | None = None
    kind: Annotated[Literal["marketing", "transactional"] | None, BeforeValidator(fold_case)] = None
    machine: Annotated[bool | None, Field(description="a mail client or scanner opened it by itself")] = None
    reason: Annotated[Text | None, Field(description="of a bounce; closed by configuration")] = None


class MessageSent(Event[MessageData]):
    """It was handed to the provider."""

    type: Literal["message.sent"]


class MessageDelivered(Event[MessageData]):
    """The receiving side took it."""

    type: Literal["message.delivered"]


class MessageOpened(Event[MessageData]):
    """It was opened, by a person unless machine is true."""

    type: Literal["message.opened"]


class MessageClicked(Event[MessageData]):
    """A link in it was followed."""

    type: Literal["message.clicked"]


class MessageBounced(Event[MessageData]):
    """It could not be delivered."""

    type: Literal["message.bounced"]


class MessageComplained(Event[MessageData]):
    """The person marked it as spam."""

    type: Literal["message.complained"]


class MessageUnsubscribed(Event[MessageData]):
    """The person wants no more of them."""

    type: Literal["message.unsubscribed"]
