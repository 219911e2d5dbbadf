"""The servers of the store's contract: Redis and Valkey."""

from tests.contracts.conftest import _redis, _valkey, own_server, server

__all__ = ["_redis", "_valkey", "own_server", "server"]
