"""Topics as `deploy/topics.yaml` says: made where they are missing, compared where they exist, never changed.

Errors of Kafka are raised as kafka-python raises them; a file that says nothing usable raises `TopicsError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import yaml
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import TopicAlreadyExistsError

from streams.kafka_access import KafkaAccess

TOPICS_FILE = Path(__file__).parent.parent / "deploy" / "topics.yaml"
NO_ERROR = 0


class TopicsError(ValueError):
    """A topics file that cannot be read or says something else than topics; one sentence that names it."""


class TopicSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A topic as it should be. configs: Kafka's own names and values, as text."""

    name: str
    partitions: int
    replication: int = 1
    configs: Mapping[str, str] = {}


class Finding(msgspec.Struct, frozen=True):
    """What was done or found about one topic. state: created, exists, missing, differs, fine; `detail` is for people."""

    topic: str
    state: str
    detail: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    topics: list[TopicSpec]


def load_topics(path: Path = TOPICS_FILE) -> tuple[TopicSpec, ...]:
    """The topics of a file such as `deploy/topics.yaml`."""
    try:
        return tuple(msgspec.convert(yaml.safe_load(path.read_text("utf-8")), _File).topics)
    except OSError as error:
        raise TopicsError(f"{path} cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise TopicsError(f"{path} is no YAML ({str(error).splitlines()[0]})") from None
    except msgspec.ValidationError as error:
        raise TopicsError(f"{path} does not list topics as it should ({error})") from None


def create_topics(access: KafkaAccess, topics: Iterable[TopicSpec]) -> list[Finding]:
    """Makes the topics that are missing; those that exist stay as they are. Replication is capped at the brokers there are."""
    findings = []
    with closing(KafkaAdminClient(**access.client_options())) as admin:
        brokers = len(admin.describe_cluster()["brokers"])
        for topic in topics:
            replication = min(topic.replication, brokers)
            configs = dict(topic.configs)
            note = ""
            if replication < topic.replication:
                note = f"replication {replication} instead of {topic.replication}: that is how many brokers there are"
                configs.pop("min.insync.replicas", None)
            wanted = NewTopic(
                name=topic.name, num_partitions=topic.partitions, replication_factor=replication, topic_configs=configs
            )
            try:
                admin.create_topics([wanted], wait_for_metadata=True)
            except TopicAlreadyExistsError:
                findings.append(Finding(topic.name, "exists"))
            else:
                findings.append(Finding(topic.name, "created", note))
    return findings


def check_topics(access: KafkaAccess, topics: Iterable[TopicSpec]) -> list[Finding]:
    """Compares the cluster's topics with how they should be: missing, differs (and how), or fine."""
    specs = list(topics)
    with closing(KafkaAdminClient(**access.client_options())) as admin:
        brokers = len(admin.describe_cluster()["brokers"])
        described = {
            topic["name"]: topic["partitions"]
            for topic in admin.describe_topics([spec.name for spec in specs])
            if topic["error_code"] == NO_ERROR
        }
        configs = topic_configs(admin, list(described))
    return [_compare(spec, described.get(spec.name), configs.get(spec.name, {}), brokers) for spec in specs]


def topic_configs(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Every config of these topics; empty for a broker that does not tell (the embedded one)."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, Any]] = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {name: {key: str(config["value"]) for key, config in configs.items()} for name, configs in found.items()}


def _compare(spec: TopicSpec, partitions: list[Any] | None, configs: Mapping[str, str], brokers: int) -> Finding:
    if partitions is None:
        return Finding(spec.name, "missing", "`journey topics create` makes it")
    differences = list(_differences(spec, partitions, configs, brokers))
    if differences:
        return Finding(spec.name, "differs", "; ".join(differences))
    return Finding(spec.name, "fine", "" if configs else "the broker does not tell its configs")


def _differences(spec: TopicSpec, partitions: list[Any], configs: Mapping[str, str], brokers: int) -> Iterator[str]:
    if len(partitions) != spec.partitions:
        yield f"{len(partitions)} partitions, should be {spec.partitions}"
    replication = min(len(partition["replica_nodes"]) for partition in partitions)
    if replication < min(spec.replication, brokers):
        yield f"replication {replication}, should be {spec.replication}"
    for name, value in spec.configs.items():
        if name == "min.insync.replicas" and brokers < spec.replication:
            continue
        if name in configs and configs[name] != value:
            yield f"{name} is {configs[name]}, should be {value}"
