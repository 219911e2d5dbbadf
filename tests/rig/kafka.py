"""A real Apache Kafka broker for tests: jars from Maven Central, KRaft, one node, loopback, a temporary directory."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.embedded.process import LOOPBACK, ServerError, ServerProcess, accepts, free_port
from tests.rig import maven

RIG = Path(__file__).parent
REPOSITORY = RIG.parent.parent
POM = RIG / "pom.xml"
START_SECONDS = 60.0
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=2
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=0
"""


def version() -> str:
    """The Kafka version that pom.xml names."""
    return maven.version(POM, "kafka.version")


def available() -> bool:
    """Whether this machine can run the real broker."""
    return maven.available(_cache())


def _cache() -> Path:
    return maven.CACHE / f"kafka-{version()}"


def libraries() -> Path:
    """The directory with the jars."""
    return maven.jars(POM, _cache())


class KafkaBroker:
    """One broker on one directory and port; after `kill` or `stop`, `start` brings it back with its data."""

    def __init__(self, directory: Path, properties: str = "", format_options: Sequence[str] = ()) -> None:
        """properties: more of them, or others than `PROPERTIES` has; of two with one name Kafka takes the last."""
        self._format_options = list(format_options)
        self._controller = free_port()
        self.port = free_port()
        self.bootstrap = f"{LOOPBACK}:{self.port}"
        self._properties = directory / "server.properties"
        values = {"host": LOOPBACK, "port": self.port, "controller": self._controller, "directory": directory}
        self._properties.write_text((PROPERTIES + properties).format(**values))
        logging = f"-Dlog4j2.configurationFile={RIG / 'log4j2.properties'}"
        self._java = [maven.java(), *HEAP, logging, "-cp", f"{libraries()}/*"]
        self.process = ServerProcess("kafka", [*self._java, "kafka.Kafka", str(self._properties)], directory / "broker.log")

    def format(self) -> None:
        """Prepares the storage directory; once per directory."""
        command = [*self._java, "kafka.tools.StorageTool", "format", "-t", uuid4().hex[:22], "-c", str(self._properties)]
        command += self._format_options
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
        if done.returncode != 0:
            raise ServerError(f"Kafka's storage could not be formatted: {done.stdout[-500:]} {done.stderr[-500:]}")

    def start(self) -> None:
        """Starts it and waits until it answers an admin client."""
        self.process.start(self._ready, START_SECONDS)

    def _ready(self) -> bool:
        if not accepts(self.port):
            return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2_000, bootstrap_timeout_ms=2_000)
        except (KafkaError, OSError, ValueError):
            return False
        try:
            admin.list_topics()
        except (KafkaError, OSError):
            return False
        else:
            return True
        finally:
            admin.close()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        self.process.stop()


@contextmanager
def kafka_broker() -> Iterator[KafkaBroker]:
    """A running real broker in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="journey-kafka-", ignore_cleanup_errors=True) as directory:
        broker = KafkaBroker(Path(directory))
        broker.format()
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()
