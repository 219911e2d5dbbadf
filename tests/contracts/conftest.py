"""One namespace in each kind of store: every test of the contract runs over memory, Redis and Valkey."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from itertools import count

import pytest
import pytest_asyncio

from streams.embedded import redis_server, valkey_binary
from streams.embedded.valkey import RedisServer
from streams.store.base import Store
from streams.store.memory import MemoryStore
from streams.store.redis import RedisStore

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
BINARIES = {"redis": lambda: shutil.which("redis-server"), "valkey": valkey_binary}
NAMESPACES = count()

Make = Callable[..., Store]
"""A client of the test's namespace; called again, another client of the same one. `unsafe` is passed on."""


def namespace() -> str:
    """A name that no other test of this run has."""
    return f"n{next(NAMESPACES)}"


def say(request: pytest.FixtureRequest, text: str) -> None:
    """Prints a line among the test's results."""
    plugins = request.config.pluginmanager
    reporter, capture = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
    if reporter is not None:
        with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(text)


def started(kind: str) -> Iterator[RedisServer]:
    binary = BINARIES[kind]()
    if binary is None:
        (pytest.fail if IN_CI else pytest.skip)(f"no {kind} server can run here")
    with redis_server(binary, persistent=True) as server:
        yield server


@pytest.fixture(scope="session")
def _redis() -> Iterator[RedisServer]:
    yield from started("redis")


@pytest.fixture(scope="session")
def _valkey() -> Iterator[RedisServer]:
    yield from started("valkey")


@pytest.fixture(params=["redis", "valkey"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    """A server that all tests share; what a test changes of its configuration, it puts back."""
    found = request.getfixturevalue(f"_{request.param}")
    assert isinstance(found, RedisServer)
    return found


@pytest.fixture(params=["redis", "valkey"])
def own_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server that the test may kill."""
    yield from started(request.param)


@pytest_asyncio.fixture
async def own_store(own_server: RedisServer) -> AsyncIterator[RedisStore]:
    """A namespace in that server."""
    store = RedisStore.at(own_server.url, "shop")
    yield store
    await store.close()


@pytest_asyncio.fixture(params=["memory", "redis", "valkey"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    clients: list[Store] = []
    state = MemoryStore()._state
    name = namespace()

    def new(unsafe: frozenset[str] = frozenset()) -> Store:
        client: Store
        if request.param == "memory":
            client = MemoryStore(unsafe)
            client._state = state
        else:
            client = RedisStore.at(request.getfixturevalue(f"_{request.param}").url, name, unsafe)
        clients.append(client)
        return client

    yield new
    for client in clients:
        await client.close()


@pytest_asyncio.fixture
async def remote(server: RedisServer) -> AsyncIterator[RedisStore]:
    """A namespace in Redis and in Valkey only: for what memory cannot do."""
    store = RedisStore.at(server.url, namespace())
    yield store
    await store.close()
