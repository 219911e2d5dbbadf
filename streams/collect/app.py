"""The HTTP side: one path a source, a body at a time, answered when Kafka has it.

`POST /v1/SOURCE` takes whatever the source sends, as bytes: what it means is decided by the format of its topic, so a better
mapper can read it again. 202 means that the body is in Kafka, on all replicas that are in sync. Any other answer means
that the producer should send again (429, 503) or that it cannot be taken (400, 401, 404, 413, 415).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streams.collect.sender import AwayError, Headers, Sender, TooLargeError
from streams.collect.signatures import SCHEMES, Received
from streams.serving import SECONDS, pages_of

RETRY_AFTER = {HTTPStatus.TOO_MANY_REQUESTS: "1", HTTPStatus.SERVICE_UNAVAILABLE: "5"}
BODY_SECONDS = 30.0
MAX_HEADERS = 30
MAX_HEADER_BYTES = 1_024
SECRET_WORDS = ("signature", "hmac", "token", "secret", "auth", "key", "cookie", "forwarded", "real-ip")
"""Headers with one of these in their name stay here: they prove or tell who called, and say nothing of the event."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source's bodies go, and how they are known to be its own. url: as the producer calls it, without the query."""

    topic: str
    signature: str
    secret: bytes
    url: str = ""


class Refused(Exception):  # noqa: N818 (an answer, not an error of ours)
    """The answer to a request that is not taken."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Collector:
    """Takes bodies for these sources. body_bytes: of one body at most; in_flight: requests that may wait at a time."""

    def __init__(
        self, sources: Mapping[str, Source], sender: Sender, *, body_bytes: int, in_flight: int, registry: CollectorRegistry
    ) -> None:
        self._sources = sources
        self._sender = sender
        self._body_bytes = body_bytes
        self._most = in_flight
        self._waiting = 0
        self._pages = pages_of(registry)
        self._requests = Counter(
            "journey_collect_requests", "Requests, by source and HTTP status", ["source", "status"], registry=registry
        )
        self._bytes = Counter("journey_collect_bytes", "Bytes of bodies that Kafka has", ["source"], registry=registry)
        self._seconds = Histogram(
            "journey_collect_seconds", "From the whole body to Kafka's acknowledgement", buckets=SECONDS, registry=registry
        )
        Gauge("journey_collect_in_flight", "Requests that wait now", registry=registry).set_function(lambda: self._waiting)
        for source in sources:
            self._requests.labels(source, str(HTTPStatus.ACCEPTED.value))
            self._bytes.labels(source)

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/{source}", self._take, methods=["POST"]),
                Route("/metrics", self._metrics),
                Route("/livez", self._live),
                Route("/readyz", self._ready),
            ]
        )

    async def _take(self, request: Request) -> Response:
        name = request.path_params["source"]
        try:
            await self._admitted(name, request)
        except Refused as refused:
            status, sentence = refused.status, refused.sentence
        except ClientDisconnect:
            status, sentence = HTTPStatus.BAD_REQUEST, "the body ended early"
        else:
            status, sentence = HTTPStatus.ACCEPTED, "accepted"
        self._requests.labels(name if name in self._sources else "unknown", str(status.value)).inc()
        headers = {"Retry-After": RETRY_AFTER[status]} if status in RETRY_AFTER else None
        return PlainTextResponse(f"{sentence}\n", status, headers)

    async def _admitted(self, name: str, request: Request) -> None:
        """Takes the request where there is room; raises Refused otherwise."""
        if name not in self._sources:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such source; JOURNEY_COLLECT lists them")
        if self._waiting >= self._most:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many requests wait already; send it again")
        self._waiting += 1
        try:
            await self._pass_on(name, request)
        finally:
            self._waiting -= 1

    async def _pass_on(self, name: str, request: Request) -> None:
        source = self._sources[name]
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body should not be compressed")
        body = await self._body(request)
        query = f"?{request.url.query}" if request.url.query else ""
        received = Received(request.headers, body, f"{source.url}{query}")
        if not SCHEMES[source.signature](received, source.secret):
            raise Refused(HTTPStatus.UNAUTHORIZED, f"the signature ({source.signature}) is missing or not that of this source")
        if not body:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is empty")
        started = time.perf_counter()
        try:
            await self._sender.send(source.topic, body, kafka_headers(request.headers))
        except TooLargeError:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the topic takes no record of this size") from None
        except AwayError:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Kafka has not acknowledged it; send it again") from None
        self._seconds.observe(time.perf_counter() - started)
        self._bytes.labels(name).inc(len(body))

    async def _body(self, request: Request) -> bytes:
        """The body, read no further than is allowed."""
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    if size > self._body_bytes:
                        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {self._body_bytes} bytes")
                    parts.append(part)
        except TimeoutError:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {BODY_SECONDS:.0f} s") from None
        return b"".join(parts)

    async def _metrics(self, request: Request) -> Response:
        accept, encoding = (request.headers.get(name, "") for name in ("accept", "accept-encoding"))
        body, headers = self._pages(accept, encoding)
        return Response(body, headers=headers)

    async def _live(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _ready(self, _: Request) -> Response:
        why_not = self._sender.trouble()
        return PlainTextResponse(f"{why_not or 'ok'}\n", HTTPStatus.SERVICE_UNAVAILABLE if why_not else HTTPStatus.OK)


def kafka_headers(headers: Mapping[str, str]) -> Headers:
    """The headers that a format may need: the content type, the producer's own (x-..), and a CloudEvent's in binary mode,
    which are called ce_ in Kafka. Never what proves who called, and never our own.
    """
    kept: Headers = []
    for name, value in headers.items():
        named = name.lower()
        raw = value.encode("latin-1", "replace")
        if len(raw) > MAX_HEADER_BYTES or len(kept) >= MAX_HEADERS:
            continue
        if named.startswith("ce-"):
            kept.append((f"ce_{named[3:]}", raw))
        elif named == "content-type" or (named.startswith("x-") and not any(word in named for word in SECRET_WORDS)):
            kept.append((named, raw))
    return kept
