"""Why a server cannot be reached or does not let us in, in one sentence that names the setting to look at.

kafka-python tries again for half a minute whatever is wrong, and logs every attempt; aiokafka hides the reason. So one
connection is tried beforehand, and what it ends with is explained.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec
from aiokafka import errors as kafka_errors
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from streams.kafka_access import KafkaAccess
from streams.redis_access import RedisAccess

CONNECT_SECONDS = 3.0
CLOSE_SECONDS = 0.5
SETTLE_SECONDS = 0.05
"""redis-py does not wait for the end of a TLS connection that has failed while it logged in."""
CONSUMER_GROUP = 0  # Kafka's kind of coordinator


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong. lasting: the same settings will not do better, so that trying again is of no use.

    permission: the server answers, and we have no right to something; somebody may grant it at any time.
    """

    sentence: str
    lasting: bool = False
    permission: bool = False


class UnreachableError(RuntimeError):
    """A server that cannot be reached; the text is a sentence for people."""


async def kafka_trouble(
    access: KafkaAccess, topics: Sequence[str] = (), group: str = "", seconds: float = CONNECT_SECONDS
) -> Trouble | None:
    """Why no bootstrap server lets us in, or to these topics and this group; None where one does.

    Topics that are missing are no trouble here. SettingsError for unreadable certificates.
    """
    options = {**access.client_options(), "request_timeout_ms": round(seconds * 1_000)}
    del options["bootstrap_servers"]
    troubles, refused = [], True
    for server in access.servers:
        host, _, port = server.rpartition(":")
        try:
            hidden = await _ask(AIOKafkaConnection(host, int(port), **options), topics, group)
        except (OSError, kafka_errors.KafkaError) as error:
            troubles.append(_kafka(error, access, server))
            refused = refused and _nobody(error)
        else:
            return no_right(", ".join(hidden)) if hidden else None
    if refused:
        return Trouble(f"nobody listens at {access.bootstrap}")
    return next((trouble for trouble in troubles if trouble.lasting), troubles[-1])


async def _ask(connection: AIOKafkaConnection, topics: Sequence[str], group: str) -> list[str]:
    """Connects, logs in and asks for something that a broker answers only then: what of these we may not even see."""
    hidden = []
    try:
        await connection.connect()
        metadata = await connection.send(MetadataRequest(list(topics), allow_auto_topic_creation=False))
        hidden += [
            f"topic {topic[1]}" for topic in metadata.topics if topic[0] == kafka_errors.TopicAuthorizationFailedError.errno
        ]
        if group:
            found = await connection.send(FindCoordinatorRequest(group, CONSUMER_GROUP))
            if found.error_code == kafka_errors.GroupAuthorizationFailedError.errno:
                hidden.append(f"group {group}")
    except OSError:  # nothing was opened that one would wait for
        connection.close()
        raise
    except kafka_errors.KafkaError:
        await asyncio.wait({connection.close()}, timeout=CLOSE_SECONDS)
        raise
    await asyncio.wait({connection.close()}, timeout=CLOSE_SECONDS)
    return hidden


def no_right(what: str) -> Trouble:
    """To a topic, a group or a command."""
    return Trouble(f"no right to {what}; deploy/security.md lists what each user needs", permission=True)


def refusal(error: BaseException | str) -> Trouble | None:
    """What an error of a client library means that says that we may not; None for any other error."""
    if isinstance(error, NoPermissionError):
        return Trouble(f"{first_line(error)}; deploy/security.md lists what each user needs", permission=True)
    kind = type(error).__name__.removesuffix("AuthorizationFailedError")
    if isinstance(error, BaseException) and kind in {
        "Topic",
        "Group",
        "Cluster",
        "TransactionalId",
    }:  # of aiokafka and of kafka-python
        named = [str(part) for arg in error.args for part in (sorted(arg) if isinstance(arg, set | frozenset) else [arg])]
        return no_right(f"{kind.lower()} {', '.join(named)}".strip())
    return None


def _kafka(error: BaseException, access: KafkaAccess, server: str) -> Trouble:
    certificate = _certificate(error, server, "JOURNEY_KAFKA", ours=access.cert_file is not None)
    if certificate is not None:
        return certificate
    if isinstance(error, kafka_errors.SaslAuthenticationFailed | kafka_errors.AuthenticationFailedError):
        sentence = f"{server} does not let user {access.user} in: see JOURNEY_KAFKA_USER, its password and JOURNEY_KAFKA_SASL"
        return Trouble(sentence, lasting=True)
    if isinstance(error, kafka_errors.UnsupportedSaslMechanismError | kafka_errors.IllegalSaslStateError):
        sentence = f"{server} does not know {access.mechanism}: see JOURNEY_KAFKA_SASL and JOURNEY_KAFKA_SECURITY"
        return Trouble(sentence, lasting=True)
    if isinstance(error, TimeoutError):
        return Trouble(f"{server} does not answer in time")
    if _nobody(error):
        return Trouble(f"nobody listens at {server}")
    if isinstance(error, ConnectionResetError | ssl.SSLError | kafka_errors.KafkaConnectionError):
        # A TLS alert that says why is lost where the connection is reset before it is read.
        wants = " or wants another client certificate (JOURNEY_KAFKA_CERT_FILE)," if "ssl" in access.security else ""
        why = f"it is no listener for JOURNEY_KAFKA_SECURITY={access.security},{wants} or is starting or ending"
        return Trouble(f"{server} breaks the connection off: {why}")
    return Trouble(f"{server} cannot be reached ({first_line(error)})")


def _nobody(error: BaseException) -> bool:
    """Also where a name has several addresses, and asyncio makes one error of several."""
    several = isinstance(error, OSError) and error.errno is None and "Connect call failed" in str(error)
    return several or isinstance(error, ConnectionRefusedError)


async def redis_trouble(access: RedisAccess, seconds: float = CONNECT_SECONDS) -> Trouble | None:
    """Why Redis does not let us in; None where it does. SettingsError for unreadable certificates."""
    client = access.client(timeout_seconds=seconds)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        await asyncio.sleep(SETTLE_SECONDS)
        return explain_redis(error)
    finally:
        with suppress(RedisError, OSError):
            await client.aclose()
    return None


def explain_redis(error: Exception) -> Trouble:
    """What an error of redis-py means."""
    certificate = _certificate(error, "it", "JOURNEY_REDIS")
    if certificate is not None:
        return certificate
    text = first_line(error).rstrip(".")
    if isinstance(error, AuthenticationError):
        return Trouble(f"it does not let us in ({text}): see JOURNEY_REDIS and JOURNEY_REDIS_PASSWORD_FILE", lasting=True)
    if any(isinstance(cause, ConnectionResetError) for cause in _causes(error)):  # as for Kafka, above
        why = "it wants another scheme than JOURNEY_REDIS has, or a client certificate (JOURNEY_REDIS_CERT_FILE), or is ending"
        return Trouble(f"{text}: {why}")
    return refusal(error) or Trouble(f"{text}; see that JOURNEY_REDIS names a server that runs")


def _certificate(error: BaseException, server: str, prefix: str, *, ours: bool = True) -> Trouble | None:
    """What a TLS error says about certificates; None for any other error."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            sentence = f"{server} shows a certificate that is not to be trusted ({cause.verify_message}): see {prefix}_CA_FILE"
            return Trouble(sentence, lasting=True)
        reason = cause.reason or "" if isinstance(cause, ssl.SSLError) else ""
        if "ALERT" in reason and ("CERT" in reason or "UNKNOWN_CA" in reason):
            what = "does not accept our certificate" if ours else "asks for a client certificate"
            said = reason.partition("ALERT_")[2].lower().replace("_", " ")
            return Trouble(f"{server} {what} ({said}): see {prefix}_CERT_FILE and {prefix}_KEY_FILE", lasting=True)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(error: BaseException | str) -> str:
    """An error on one line; its type where it has no text."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def require_kafka(access: KafkaAccess, topics: Sequence[str] = ()) -> KafkaAccess:
    """Raises UnreachableError where Kafka does not let us in, or to these topics.

    What kafka-python would log about it afterwards, with stack traces, is left out: what matters is raised.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    trouble = asyncio.run(kafka_trouble(access, topics))
    if trouble is not None:
        raise UnreachableError(f"Kafka: {trouble.sentence}")
    return access
