"""Servers as one should have them: Kafka with SCRAM over TLS, client certificates and ACLs; Redis with TLS and ACL users.

Who may do what stands in deploy/security.md; it is read from there, so what is documented is what is tested.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import redis
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from streams.embedded.process import LOOPBACK, ServerProcess, free_port
from tests.rig.certificates import Authority
from tests.rig.kafka import REPOSITORY, KafkaBroker

DOCUMENT = REPOSITORY / "deploy" / "security.md"
NAMES = f"IP:{LOOPBACK},DNS:localhost"
PLACEHOLDER = "CHANGE-ME"
PASSWORD = "correct-horse"  # noqa: S105 -- of servers that live as long as a test
START_SECONDS = 10.0

# The plaintext listener is the test's own way in; whoever comes there is a super user, and the workers never do.
PROPERTIES = """\
listeners=PLAINTEXT://{{host}}:{{port}},SASL_SSL://{{host}}:{scram},SSL://{{host}}:{mutual},CONTROLLER://{{host}}:{{controller}}
advertised.listeners=PLAINTEXT://{{host}}:{{port}},SASL_SSL://{{host}}:{scram},SSL://{{host}}:{mutual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.ssl.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
"""


def blocks(language: str) -> list[str]:
    """The code blocks of the document in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def kafka_acls() -> list[ACL]:
    """What the document's kafka-acls commands grant."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [acl for line in lines if line.startswith("kafka-acls.sh") for acl in _acls(shlex.split(line))]


def _acls(words: list[str]) -> Iterator[ACL]:
    given: dict[str, list[str]] = {}
    name = ""
    for word in words[1:]:
        if word.startswith("--"):
            name = word
            given.setdefault(name, [])
        else:
            given[name].append(word)
    assert given.keys() <= {"--bootstrap-server", "--command-config", "--add", "--allow-principal", *OPTIONS, "--cluster"} | {
        "--operation"
    }
    resources = [ResourcePattern(OPTIONS[name], value, LITERAL) for name in OPTIONS for value in given.get(name, ())]
    if "--cluster" in given:
        resources.append(ResourcePattern(ResourceType.CLUSTER, "kafka-cluster", LITERAL))
    for principal in given["--allow-principal"]:
        for operation in given["--operation"]:
            named = ACLOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()]
            yield from (ACL(principal, "*", named, ACLPermissionType.ALLOW, resource) for resource in resources)


OPTIONS = {"--topic": ResourceType.TOPIC, "--group": ResourceType.GROUP}
LITERAL = ACLResourcePatternType.LITERAL


class SecureKafka:
    """A broker with three doors. scram, mutual: bootstrap servers of SASL_SSL and of SSL with client certificates."""

    def __init__(self, directory: Path, authority: Authority, users: Mapping[str, str]) -> None:
        """users: SCRAM users, and the mechanism of each; all have `PASSWORD`."""
        certificate, key = authority.issue("kafka", NAMES)
        keystore = directory / "kafka-keystore.pem"
        keystore.write_text(key.read_text() + certificate.read_text())
        scram, mutual = free_port(), free_port()
        self.scram, self.mutual = f"{LOOPBACK}:{scram}", f"{LOOPBACK}:{mutual}"
        properties = PROPERTIES.format(scram=scram, mutual=mutual, keystore=keystore, truststore=authority.file)
        options = [
            option
            for name, mechanism in users.items()
            for option in ("--add-scram", f"{mechanism}=[name={name},password={PASSWORD}]")
        ]
        self.broker = KafkaBroker(directory, properties, options)

    def admin(self) -> KafkaAdminClient:
        """A super user."""
        return KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)

    def grant(self, acls: list[ACL]) -> None:
        """Adds ACLs."""
        with closing(self.admin()) as admin:
            admin.create_acls(acls)


@contextmanager
def secure_kafka(authority: Authority, users: Mapping[str, str]) -> Iterator[SecureKafka]:
    """A running broker with these SCRAM users and, at first, no ACL."""
    with tempfile.TemporaryDirectory(prefix="journey-kafka-", ignore_cleanup_errors=True) as directory:
        server = SecureKafka(Path(directory), authority, users)
        server.broker.format()
        try:
            server.broker.start()
            yield server
        finally:
            server.broker.stop()


def redis_users() -> str:
    """The document's ACL lines, with a password."""
    lines = [line for block in blocks("acl") for line in block.splitlines() if line.startswith("user ")]
    return "\n".join(lines).replace(PLACEHOLDER, PASSWORD) + "\n"


class SecureRedis:
    """A server that speaks TLS only, and knows the document's users besides one that may do everything."""

    def __init__(self, binary: str, directory: Path, authority: Authority, *, mutual: bool = False) -> None:
        certificate, key = authority.issue("redis", NAMES)
        self._authority = authority
        self._mutual = authority.issue("redis-admin") if mutual else None
        self.port = free_port()
        users = directory / "users.acl"
        users.write_text(redis_users() + f"user default off\nuser admin on >{PASSWORD} ~* &* +@all\n")
        command = [
            *(binary, "--port", "0", "--tls-port", str(self.port), "--bind", LOOPBACK, "--dir", str(directory)),
            *("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority.file)),
            *("--tls-auth-clients", "yes" if mutual else "no", "--aclfile", str(users)),
            *("--appendonly", "yes", "--save", "", "--daemonize", "no"),
        ]
        self.process = ServerProcess(Path(binary).name, command, directory / "redis.log")

    def url(self, user: str) -> str:
        """Without a password."""
        return f"rediss://{user}@{LOOPBACK}:{self.port}/0"

    def admin(self) -> redis.Redis:
        """A client that may do everything."""
        options = {"ssl_certfile": str(self._mutual[0]), "ssl_keyfile": str(self._mutual[1])} if self._mutual else {}
        return redis.Redis.from_url(self.url("admin"), password=PASSWORD, ssl_ca_certs=str(self._authority.file), **options)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.process.start(self._answers, START_SECONDS)

    def _answers(self) -> bool:
        try:
            with self.admin() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def secure_redis(binary: str, authority: Authority, *, mutual: bool = False) -> Iterator[SecureRedis]:
    """A running server of this binary. mutual: it asks for client certificates."""
    with tempfile.TemporaryDirectory(prefix="journey-redis-", ignore_cleanup_errors=True) as directory:
        server = SecureRedis(binary, Path(directory), authority, mutual=mutual)
        server.start()
        try:
            yield server
        finally:
            server.process.stop()
