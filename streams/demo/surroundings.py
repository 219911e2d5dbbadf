"""What the demo stands on: servers, a namespace and topics of its own, settings for its child processes; removed at the end.

Servers come out of wheels unless JOURNEY_KAFKA or JOURNEY_REDIS name others, which are used and left as they were found.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import msgspec
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import RedisError

from streams.embedded import ServerProcess, tansu_broker, valkey_server
from streams.kafka_access import KafkaAccess
from streams.kafka_admin import TopicSpec, create_topics
from streams.redis_access import RedisAccess
from streams.settings import PREFIX, Settings, load_settings

SHOP, CLICKSTREAM, DEAD_LETTERS = "shop", "clickstream", "dead-letters"
PARTITIONS: Mapping[str, int] = {SHOP: 4, CLICKSTREAM: 2}
FORMATS: Mapping[str, str] = {SHOP: "cloudevents", CLICKSTREAM: "mapping:retentioneering-ecom"}
DIMENSIONS = "{market: [nl, de, uk, us], segment: [consumer, business], reason: [delivery, payment, product, account]}"
_FAR = "9223372036854775807"
OWN_TIMES = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": _FAR,
    "message.timestamp.after.max.ms": _FAR,
    "retention.ms": "-1",
}
_UNLINK = 500


class Place(msgspec.Struct, frozen=True):
    """Where the demo runs. servers: kind -> how to say it. directory: for logs, removed at the end."""

    servers: Mapping[str, str]
    settings: Settings
    embedded_kafka: bool
    directory: Path

    @property
    def topics(self) -> dict[str, int]:
        """Name -> number of partitions, in the settings' order."""
        return dict(zip(self.settings.topics, PARTITIONS.values(), strict=True))


@contextmanager
def surroundings(*, plain: bool = False) -> Iterator[Place]:
    """Everything but worker and exporter; `plain` tells libraries that the terminal has no colours. Raises ServerError, SettingsError, and what Kafka's and Redis's clients raise."""
    given = load_settings()
    environment, servers = _connections(given), {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="journey-demo-", ignore_cleanup_errors=True)))
        if "kafka" in given.model_fields_set:
            servers["Kafka"] = f"{given.kafka} (JOURNEY_KAFKA)"
        else:
            environment["JOURNEY_KAFKA"] = stack.enter_context(tansu_broker())
            servers["Kafka"] = f"{environment['JOURNEY_KAFKA']} (Tansu, in memory)"
        if "redis" in given.model_fields_set:
            servers["Redis"] = "as JOURNEY_REDIS says"
        else:
            server = stack.enter_context(valkey_server())
            environment["JOURNEY_REDIS"] = server.url
            servers["Redis"] = f"{server.url} ({server.process.name})"
        own = {"kafka", "redis"}.isdisjoint(given.model_fields_set)
        namespace = "demo" if own else f"demo-{secrets.token_hex(3)}"
        environment |= {"TERM": "dumb"} if plain else {}
        stack.enter_context(own_environment(environment | _namespace(namespace, directory)))
        settings = load_settings()
        if not own:
            stack.callback(_remove, settings)
        _create_topics(settings)
        yield Place(servers, settings, "kafka" not in given.model_fields_set, directory)


def _connections(given: Settings) -> dict[str, str]:
    """The settings about Kafka and Redis that somebody has set, as variables."""
    found = {}
    for name in sorted(given.model_fields_set):
        if name in {"kafka", "redis"} or name.startswith(("kafka_", "redis_")):
            value = getattr(given, name)
            found[PREFIX + name.upper()] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return found


def _namespace(namespace: str, directory: Path) -> dict[str, str]:
    topics = ", ".join(f'{namespace}.{name}: "{format_}"' for name, format_ in FORMATS.items())
    return {
        "JOURNEY_NAMESPACE": namespace,
        "JOURNEY_CLOCK": "history",
        "JOURNEY_TOPICS": f"{{{topics}}}",
        "JOURNEY_DEAD_LETTER_TOPIC": f"{namespace}.{DEAD_LETTERS}",
        "JOURNEY_DIMENSIONS": DIMENSIONS,
        "JOURNEY_WORKER_PORT": "0",
        "JOURNEY_EXPORTER_PORT": "0",
        "F_DATADIR": str(directory / "faust"),
    }


@contextmanager
def own_environment(own: Mapping[str, str]) -> Iterator[None]:
    """The process's own settings, for it and its children: nobody else's change what the demo's figures mean."""
    before = dict(os.environ)
    debug = before.get("JOURNEY_DEBUG", "")
    for name in before:
        if name.upper().startswith(PREFIX):
            del os.environ[name]
    os.environ.update(own)
    os.environ["JOURNEY_DEBUG"] = debug
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _create_topics(settings: Settings) -> None:
    specs = [
        TopicSpec(name, partitions, configs=OWN_TIMES)
        for name, partitions in zip(settings.topics, PARTITIONS.values(), strict=True)
    ]
    specs.append(TopicSpec(settings.dead_letter_topic, 1, configs={"cleanup.policy": "compact", "max.message.bytes": "16777216"}))
    create_topics(KafkaAccess.of(settings), specs)


def _redis(access: RedisAccess) -> Redis:
    return Redis.from_url(access.url, **access.options())


def _remove(settings: Settings) -> None:
    """Takes the demo's topics, group and keys away from servers that are somebody else's; one that is gone keeps what it has."""
    with suppress(KafkaError, OSError), closing(KafkaAdminClient(**KafkaAccess.of(settings).client_options())) as admin:
        admin.delete_topics([*settings.topics, settings.dead_letter_topic])
        admin.delete_groups([settings.consumer_group])
    with suppress(RedisError, OSError), closing(_redis(RedisAccess.of(settings))) as client:
        keys: list[bytes] = []
        for key in client.scan_iter(match=f"{{{settings.namespace}}}:*", count=_UNLINK):
            keys.append(key)
            if len(keys) >= _UNLINK:
                client.unlink(*keys)
                keys.clear()
        if keys:
            client.unlink(*keys)


def child(name: str, arguments: list[str], directory: Path) -> ServerProcess:
    """A Python process of the demo's, in a session of its own, whose output goes to a log."""
    return ServerProcess(name, [sys.executable, *arguments], directory / f"{name}.log")


def worker(place: Place) -> ServerProcess:
    """`journey worker` on the demo's namespace (`streams.demo.worker` says why there are two)."""
    command = (
        ["-m", "streams.demo.worker"] if place.embedded_kafka else ["-c", "from streams.cli.main import main; main()", "worker"]
    )
    return child("worker", command, place.directory)


def expected(place: Place, target: Path) -> ServerProcess:
    """The fold of the same records, written to `target`."""
    return child("fold", ["-m", "streams.demo.expected", str(target)], place.directory)
