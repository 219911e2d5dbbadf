"""Identifiers: the kinds that a touchpoint may carry, and what each kind is for.

A *person* identifier says whose touchpoint it is; several on one event belong to one person. A *reference* attaches
the event to a case (an order, a contact, a message) and through it to the case's owner; it never merges people.
A *group* identifier is a membership.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictInt, StringConstraints, WithJsonSchema
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

MAX_INTEGER = 2**63 - 1
"""Whole numbers in a touchpoint fit in 64 bits; a larger one was probably rounded on its way already."""

IdText = Annotated[str, StringConstraints(max_length=4096)]
IdNumber = Annotated[StrictInt, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
IdValue = Annotated[IdText | IdNumber | None, WithJsonSchema({"type": ["string", "integer", "null"]})]
"""An identifier as it is sent: text, or a whole number that is taken as its digits. Null and empty mean absent."""


class Identifiers(TypedDict, total=False):
    """Kind -> value. Kinds that are not listed are dropped and counted."""

    customer_id: Annotated[IdValue, Field(description="person: the customer in the company's own books")]
    user_id: Annotated[IdValue, Field(description="person: a login of the site or app")]
    email: Annotated[IdValue, Field(description="person: an email address")]
    phone: Annotated[IdValue, Field(description="person: a phone number, best in E.164")]
    device_id: Annotated[IdValue, Field(description="person: an installation of the app")]
    anonymous_id: Annotated[IdValue, Field(description="person: a browser's cookie")]
    crm_id: Annotated[IdValue, Field(description="person: a contact in the CRM or help desk")]
    loyalty_id: Annotated[IdValue, Field(description="person: a loyalty card")]
    external_id: Annotated[IdValue, Field(description="person: an id of another system")]
    order_id: Annotated[IdValue, Field(description="reference: an order")]
    shipment_id: Annotated[IdValue, Field(description="reference: a shipment of an order")]
    tracking_number: Annotated[IdValue, Field(description="reference: a carrier's number of a shipment")]
    cart_token: Annotated[IdValue, Field(description="reference: a cart or checkout that may become an order")]
    visit_id: Annotated[IdValue, Field(description="reference: a visit, only for joining orders to it")]
    contact_id: Annotated[IdValue, Field(description="reference: a call, chat or ticket")]
    root_contact_id: Annotated[IdValue, Field(description="reference: the first contact of a chain of transfers")]
    message_id: Annotated[IdValue, Field(description="reference: a message that was sent")]
    subscription_id: Annotated[IdValue, Field(description="reference: a subscription")]
    response_id: Annotated[IdValue, Field(description="reference: one response to a survey")]
    invitation_id: Annotated[IdValue, Field(description="reference: an invitation to a survey")]
    referral_id: Annotated[IdValue, Field(description="reference: a referral")]
    account_id: Annotated[IdValue, Field(description="group: the account, household or company that one belongs to")]


PERSON_KINDS = (
    "customer_id",
    "user_id",
    "email",
    "phone",
    "device_id",
    "anonymous_id",
    "crm_id",
    "loyalty_id",
    "external_id",
)
"""Person kinds by default priority, the most reliable first."""

REFERENCE_KINDS = (
    "order_id",
    "shipment_id",
    "tracking_number",
    "cart_token",
    "visit_id",
    "contact_id",
    "root_contact_id",
    "message_id",
    "subscription_id",
    "response_id",
    "invitation_id",
    "referral_id",
)

GROUP_KINDS = ("account_id",)

KINDS = (*PERSON_KINDS, *REFERENCE_KINDS, *GROUP_KINDS)
"""All that are listed."""

Document = dict[str, Any]
"""A native touchpoint before validation: a CloudEvents envelope as a JSON object."""
