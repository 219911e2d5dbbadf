"""Site and app: what a person sees and does there. Only these, with channel web or app, make visits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.envelope import Count, Data, Event, Milliseconds, Text, fold_case
from schemas.identifiers import IdValue


class WebData(Data):
    """Fields of the web and app family."""

    page: Annotated[Text | None, Field(description="path, address or screen name")] = None
    page_group: Annotated[Text | None, Field(description="closed by configuration; else `other`")] = None
    view_id: Annotated[IdValue, Field(description="joins page.left to its page.viewed")] = None
    engaged_ms: Annotated[Milliseconds | None, Field(description="time in view and in use, of page.left")] = None
    element: Annotated[Text | None, Field(description="what was clicked")] = None
    nav_region: Annotated[Text | None, Field(description="the navigation region that the element is in")] = None
    dead: Annotated[bool | None, Field(description="the click did nothing")] = None
    results: Annotated[Count | None, Field(description="number of results of a search")] = None
    code: Annotated[Text | None, Field(description="of an error")] = None
    kind: Annotated[
        Annotated[Literal["user", "system"] | None, BeforeValidator(fold_case)],
        Field(description="whether a user's input or the system caused the error"),
    ] = None
    visit_id: Annotated[IdValue, Field(description="the producer's session; joins orders, never cuts visits")] = None


class PageViewed(Event[WebData]):
    """A page or screen came into view."""

    type: Literal["page.viewed"]


class PageLeft(Event[WebData]):
    """A page or screen went out of view; carries engaged_ms."""

    type: Literal["page.left"]


class ElementClicked(Event[WebData]):
    """Something was clicked or tapped."""

    type: Literal["element.clicked"]


class SearchPerformed(Event[WebData]):
    """The site's search was used."""

    type: Literal["search.performed"]


class NavigationUsed(Event[WebData]):
    """A menu, filter or category list was used."""

    type: Literal["navigation.used"]


class ErrorShown(Event[WebData]):
    """An error was shown to the person."""

    type: Literal["error.shown"]
