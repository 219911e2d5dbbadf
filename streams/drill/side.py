"""One of the drill's two sides: a world on the real pipeline. Worker and exporter are `journey worker` and `journey exporter`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from streams.demo.player import Player
from streams.demo.surroundings import DIMENSIONS, OWN_TIMES, own_environment
from streams.drill.world import World
from streams.embedded import ServerError, ServerProcess, free_port
from streams.embedded.process import accepts
from streams.kafka_access import KafkaAccess
from streams.kafka_admin import TopicSpec, create_topics
from streams.settings import Settings, load_settings
from streams.store.base import DUE_SHARDS
from streams.store.redis import RedisStore

PARTITIONS = 4
START_SECONDS = 60.0
_JOURNEY = ("-c", "from streams.cli.main import main; main()")


class Side:
    """A namespace with its topic, worker and exporter. name: also the namespace's. environment: of its processes."""

    def __init__(self, name: str, settings: Settings, environment: Mapping[str, str], directory: Path) -> None:
        self.name = name
        self.settings = settings
        self.environment = environment
        self.directory = directory
        self._processes: dict[str, ServerProcess] = {}

    def player(self, world: World, *, disturbed: bool) -> Player:
        """The producer of one of the two worlds."""
        (topic,) = self.settings.topics
        items = world.items(disturbed=disturbed)
        return Player(KafkaAccess.of(self.settings), {topic: PARTITIONS}, items, world.trouble)

    def store(self) -> RedisStore:
        """Its namespace; the caller closes it."""
        return RedisStore.at(self.settings.redis.get_secret_value(), self.settings.namespace)

    def run(self, kind: str, *arguments: str) -> ServerProcess:
        """A Python process with the side's settings, started; whoever asked for it stops it."""
        process = ServerProcess(kind, [sys.executable, *arguments], self.directory / f"{kind}.log", self.environment)
        process.start(lambda: True, START_SECONDS)
        return process

    def check(self) -> None:
        """ServerError where its worker or exporter has ended."""
        for kind, process in self._processes.items():
            if not process.running:
                raise ServerError(f"The {kind} of the {self.name} side ended. {process.log_tail()}")

    @contextmanager
    def served(self, *, embedded: bool) -> Iterator[None]:
        """A running worker and exporter. embedded: whether Kafka is the embedded broker, which wants shorter sessions."""
        worker = ("-m", "streams.demo.worker") if embedded else (*_JOURNEY, "worker")
        with ExitStack() as stack:
            for kind, command, port in (
                ("worker", worker, self.settings.worker_port),
                ("exporter", (*_JOURNEY, "exporter"), self.settings.exporter_port),
            ):
                process = ServerProcess(kind, [sys.executable, *command], self.directory / f"{kind}.log", self.environment)
                stack.callback(process.stop)
                process.start(lambda port=port: accepts(port), START_SECONDS)  # type: ignore[misc]
                self._processes[kind] = process
            yield


def prepare(name: str, kafka: str, redis: str, directory: Path) -> Side:
    """A side with its settings and topics, and nothing running yet."""
    place = directory / name
    place.mkdir()
    own = {
        "JOURNEY_KAFKA": kafka,
        "JOURNEY_REDIS": redis,
        "JOURNEY_NAMESPACE": name,
        "JOURNEY_CLOCK": "history",
        "JOURNEY_TOPICS": f"{{{name}.shop: cloudevents}}",
        "JOURNEY_DEAD_LETTER_TOPIC": f"{name}.dead-letters",
        "JOURNEY_DIMENSIONS": DIMENSIONS,
        "JOURNEY_WORKER_PORT": str(free_port()),
        "JOURNEY_EXPORTER_PORT": str(free_port()),
        "F_DATADIR": str(place / "faust"),
    }
    with own_environment(own):
        settings, environment = load_settings(), dict(os.environ)
    topics = [TopicSpec(topic, PARTITIONS, configs=OWN_TIMES) for topic in settings.topics]
    dead = TopicSpec(settings.dead_letter_topic, 1, configs={"cleanup.policy": "compact", "max.message.bytes": "16777216"})
    create_topics(KafkaAccess.of(settings), [*topics, dead])
    return Side(name, settings, environment, place)


async def settled(store: RedisStore, at: int) -> bool:
    """Whether the watermark has reached a time in ms and every deadline until then has entered."""
    watermark, _ = await store.positions()
    return watermark >= at and not await store.due(at, 1, range(DUE_SHARDS))
