"""Contacts with people or bots of the company: calls, chats, tickets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.envelope import MEDIA, Count, Data, Event, Seconds, Text, fold_case
from schemas.identifiers import IdValue


class SupportData(Data):
    """Fields of the support family."""

    contact_id: IdValue = None
    root_contact_id: Annotated[IdValue, Field(description="the first contact of a chain of transfers")] = None
    order_id: Annotated[IdValue, Field(description="the order that it is about")] = None
    direction: Annotated[
        Annotated[Literal["inbound", "outbound"] | None, BeforeValidator(fold_case)],
        Field(description="inbound where nothing is said"),
    ] = None
    medium: Annotated[Text | None, Field(description=f"one of {', '.join(MEDIA)}; else `other`")] = None
    reason: Annotated[Text | None, Field(description="closed by configuration; else `other`")] = None
    complaint: bool | None = None
    by: Annotated[
        Annotated[Literal["customer", "agent", "bot"] | None, BeforeValidator(fold_case)],
        Field(description="who replied, resolved or ended"),
    ] = None
    menu_steps: Count | None = None
    queue_seconds: Seconds | None = None
    hold_seconds: Seconds | None = None
    talk_seconds: Seconds | None = None
    wrap_up_seconds: Seconds | None = None
    resolved: bool | None = None


class ContactOpened(Event[SupportData]):
    """A contact began."""

    type: Literal["contact.opened"]


class ContactQueued(Event[SupportData]):
    """It waits for an agent."""

    type: Literal["contact.queued"]


class ContactMenuNavigated(Event[SupportData]):
    """The person went through a voice or chat menu."""

    type: Literal["contact.menu_navigated"]


class ContactAnswered(Event[SupportData]):
    """An agent took it."""

    type: Literal["contact.answered"]


class ContactHeld(Event[SupportData]):
    """It was put on hold, hold_seconds long."""

    type: Literal["contact.held"]


class ContactTransferred(Event[SupportData]):
    """It was passed on; the next contact_id carries root_contact_id."""

    type: Literal["contact.transferred"]


class ContactReplied(Event[SupportData]):
    """A written answer, `by` whom."""

    type: Literal["contact.replied"]


class ContactResolved(Event[SupportData]):
    """The matter is settled."""

    type: Literal["contact.resolved"]


class ContactReopened(Event[SupportData]):
    """The matter was not settled after all."""

    type: Literal["contact.reopened"]


class ContactEnded(Event[SupportData]):
    """It ended; carries talk, hold and wrap-up."""

    type: Literal["contact.ended"]


class ContactAbandoned(Event[SupportData]):
    """The person gave up waiting."""

    type: Literal["contact.abandoned"]
