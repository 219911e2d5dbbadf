"""`/metrics` rendered ahead: a scrape takes what lies ready, and waits neither for the store nor for 20,000 lines."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Mapping

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

from streams.serving import Page

PROMETHEUS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
"""What Prometheus asks for; ready before its first scrape."""

MOST_PAGES = 4
"""Formats kept ready. A client may write any version into its header; further ones are rendered when they are asked for."""

IDLE_SECONDS = 600.0
PACKING = 3
"""Gzip's level: names of labels pack well at any."""


class _Rendered(msgspec.Struct):
    """One format. good_until: of the wall clock. asked: when somebody last wanted it, of the wall clock."""

    plain: bytes
    packed: bytes
    good_until: float
    asked: float


class Exposition:
    """The pages of a registry. `renew` renders what is asked for; a page is served until then.

    good_until: until when what is collected now may be served, in Unix seconds. Calls may come from any thread.
    """

    def __init__(
        self, registry: CollectorRegistry, good_until: Callable[[], float], clock: Callable[[], float] = time.time
    ) -> None:
        self._registry = registry
        self._good_until = good_until
        self._clock = clock
        self._rendering = threading.Lock()
        self._pages: dict[str, _Rendered] = {}
        self._accept = {choose_encoder(PROMETHEUS)[1]: PROMETHEUS}

    def renew(self) -> None:
        """Renders every format anew that somebody wanted lately; to be called when there are new figures."""
        now = self._clock()
        for content_type, accept in list(self._accept.items()):
            page = self._pages.get(content_type)
            if page is not None and now - page.asked > IDLE_SECONDS:
                del self._pages[content_type], self._accept[content_type]
            else:
                self._pages[content_type] = self._render(accept, now if page is None else page.asked)

    def page(self, accept: str, accept_encoding: str) -> Page:
        """The page in the format that a client accepts, as client_python negotiates it."""
        content_type = choose_encoder(accept)[1]
        now = self._clock()
        page = self._pages.get(content_type)
        if page is None or now > page.good_until:
            with self._rendering:
                page = self._pages.get(content_type)
                if page is None or now > page.good_until:
                    page = self._render(accept, now)
                    if content_type in self._accept or len(self._accept) < MOST_PAGES:
                        self._accept[content_type] = accept
                        self._pages[content_type] = page
        page.asked = now
        headers: Mapping[str, str] = {"Content-Type": content_type}
        if gzip_accepted(accept_encoding):
            return page.packed, {**headers, "Content-Encoding": "gzip"}
        return page.plain, headers

    def _render(self, accept: str, asked: float) -> _Rendered:
        good_until = self._good_until()
        encode, _ = choose_encoder(accept)
        plain = encode(self._registry)
        return _Rendered(plain, gzip.compress(plain, PACKING), good_until, asked)
