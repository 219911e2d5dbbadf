"""Asks a schema registry for the schemas that values name, by the interface of Confluent's that others have, too.

What is asked for is what records name, so it is bounded: a registry's schema is asked for once, and one that it does not have again
only after a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx

from schemas.rejections import Refusal
from streams.reaching import Trouble, first_line
from streams.registry.frames import Schema, Schemas, schema_id
from streams.registry_access import RegistryAccess, RegistryError

TIMEOUT_SECONDS = 5.0
UNKNOWN_SECONDS = 30.0
"""So long an id that the registry does not know is not asked for again."""
MOST_UNKNOWN = 10_000
"""Ids that are remembered as unknown; rubbish may name four billion."""
AT_ONCE = 8
MOST_REFERENCES = 100
NOT_THERE = {40401, 40402, 40403}
"""The interface's own codes for a subject, a version or a schema that is not there; any other 404 is of a wrong address."""


class Registry:
    """A `FrameReader` with a registry behind it."""

    def __init__(self, access: RegistryAccess) -> None:
        self._schemas = Schemas()
        self._url = access.url
        self._client = httpx.AsyncClient(
            auth=(access.user, access.password) if access.user else None,
            verify=access.tls() or True,
            timeout=TIMEOUT_SECONDS,
            headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"},
            trust_env=False,  # as Kafka's and Redis's clients: what is reached is what the settings say
        )
        self._unknown: dict[int, float] = {}

    async def prepare(self, values: Iterable[bytes | None]) -> None:
        """See `FrameReader.prepare`."""
        again = time.monotonic() - UNKNOWN_SECONDS
        self._schemas.forget(old := [number for number, asked in self._unknown.items() if asked < again])
        for number in old:
            del self._unknown[number]
        named = {schema_id(value) for value in values}
        numbers = [number for number in named if number is not None and number not in self._schemas]
        for start in range(0, len(numbers), AT_ONCE):
            await asyncio.gather(*(self._learn(number) for number in numbers[start : start + AT_ONCE]))

    def unframe(self, value: bytes) -> bytes | Refusal:
        """See `FrameReader.unframe`."""
        return self._schemas.unframe(value)

    async def check(self) -> Trouble | None:
        """See `FrameReader.check`."""
        try:
            await self._get("/schemas/types")
        except RegistryError as error:
            return error.trouble
        return None

    async def close(self) -> None:
        """See `FrameReader.close`."""
        await self._client.aclose()

    async def _learn(self, number: int) -> None:
        found = await self._get(f"/schemas/ids/{number}")
        self._schemas.learn(number, None if found is None else await self._schema(found))
        if found is None:
            self._unknown[number] = time.monotonic()
            self._schemas.forget(dropped := list(self._unknown)[:-MOST_UNKNOWN])
            for one in dropped:
                del self._unknown[one]

    async def _schema(self, document: dict[str, Any]) -> Schema:
        references: dict[tuple[str, object], str] = {}
        await self._refer(document, references)
        return Schema(document.get("schemaType") or "AVRO", str(document.get("schema")), tuple(references.values()))

    async def _refer(self, document: dict[str, Any], found: dict[tuple[str, object], str]) -> None:
        """Collects what a schema refers to; what that refers to comes before it."""
        for reference in document.get("references") or []:
            subject, version = str(reference["subject"]), reference["version"]
            if (subject, version) in found or len(found) >= MOST_REFERENCES:
                continue
            named = await self._get(f"/subjects/{quote(subject, safe='')}/versions/{version}")
            if named is not None:
                await self._refer(named, found)
                found[subject, version] = str(named["schema"])

    async def _get(self, path: str) -> Any:
        """A document of the registry's, None where it has none."""
        try:
            answer = await self._client.get(self._url + path)
        except httpx.HTTPError as error:
            raise RegistryError(Trouble(f"{self._url} cannot be asked ({first_line(error)})")) from error
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            sentence = f"{self._url} does not let us in: see JOURNEY_REGISTRY_USER and its password"
            raise RegistryError(Trouble(sentence, permission=True))
        try:
            document = answer.json()
        except ValueError:
            document = None
        if answer.status_code == httpx.codes.OK and document is not None:
            return document
        if isinstance(document, dict) and document.get("error_code") in NOT_THERE:
            return None
        sentence = f"{self._url}{path} answers {answer.status_code}, as no registry would: see JOURNEY_REGISTRY"
        raise RegistryError(Trouble(sentence))
