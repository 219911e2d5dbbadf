"""What cannot be reached, without any server; tests/access has those that refuse."""

from __future__ import annotations

import asyncio
import logging
import ssl

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from kafka.errors import TopicAuthorizationFailedError as OtherError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from streams.kafka_access import KafkaAccess
from streams.reaching import Trouble, explain_redis, kafka_trouble, refusal
from streams.worker.retry import Outages


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "localhost:1", "127.0.0.1:1,127.0.0.1:2"])
async def test_nobody_listens(servers: str) -> None:
    assert await kafka_trouble(KafkaAccess(bootstrap=servers)) == Trouble(f"nobody listens at {servers}")


async def test_a_server_that_says_nothing_and_one_that_hangs_up() -> None:
    ended = asyncio.Event()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()
        ended.set()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await hang_up(reader, writer)

    for handler, sentence in ((hang_up, "breaks the connection off"), (silent, "does not answer in time")):
        async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
            where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ended.clear()
            trouble = await kafka_trouble(KafkaAccess(bootstrap=where), seconds=0.3)
            await ended.wait()
        assert trouble is not None
        assert trouble.sentence.startswith(f"{where} {sentence}")
        assert not trouble.lasting


def test_refusals_of_every_client_are_known() -> None:
    for error in (TopicAuthorizationFailedError({"b", "a"}), OtherError("a, b")):
        trouble = refusal(error)
        assert trouble is not None
        assert trouble.sentence == "no right to topic a, b; deploy/security.md lists what each user needs"
        assert trouble.permission
    assert refusal(GroupAuthorizationFailedError("g")) is not None
    assert refusal(NoPermissionError("no 'fcall'")) is not None
    assert refusal(ConnectionError("away")) is None


def test_an_outage_says_whether_it_is_one(caplog: pytest.LogCaptureFixture) -> None:
    outages = Outages()
    with caplog.at_level(logging.WARNING):
        outages.begin("Kafka", TopicAuthorizationFailedError("t"))
        outages.begin("Redis", ConnectionError("away"))
        outages.begin("Redis", ConnectionError("still away"))
    assert caplog.messages == [
        "Kafka refuses: no right to topic t; deploy/security.md lists what each user needs; trying again until it does not",
        "Redis does not answer (away); trying again until it does",
    ]


def test_what_tls_alerts_mean() -> None:
    def redis_error(cause: BaseException) -> RedisConnectionError:
        error = RedisConnectionError("Error while reading")
        error.__cause__ = cause
        return error

    alert = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    asked = explain_redis(redis_error(alert))
    assert asked.lasting
    assert asked.sentence.endswith("(certificate required): see JOURNEY_REDIS_CERT_FILE and JOURNEY_REDIS_KEY_FILE")
    reset = explain_redis(redis_error(ConnectionResetError(104, "Connection reset by peer")))
    assert "or a client certificate (JOURNEY_REDIS_CERT_FILE)" in reset.sentence
    assert not reset.lasting
