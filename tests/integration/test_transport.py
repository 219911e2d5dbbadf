"""The chunk transport on a real broker, with a worker that only counts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from aiokafka.consumer import fetcher
from faust.types import TP
from kafka import KafkaAdminClient, KafkaProducer
from kafka import TopicPartition as KafkaTopicPartition

from streams.core.model import Partition
from streams.worker.transport import Fetched, require_stream_extension
from tests.integration.counting import Counting
from tests.rig import topics
from tests.rig.kafka import KafkaBroker


def everything(count: int) -> Counter[bytes | None]:
    return Counter(b"%d" % number for number in range(count))


def test_the_compiled_stream_extension_is_there() -> None:
    require_stream_extension()


async def test_every_record_arrives_once_in_contiguous_chunks(kafka: str) -> None:
    topic = topics.create(kafka, partitions=3)
    topics.send(kafka, topic, topics.numbered(3_000, 3))
    async with Counting(kafka, topic, broker_max_poll_records=400).running() as worker:
        await worker.until(lambda: worker.total() >= 3_000)
        assert worker.values == everything(3_000)
        assert not worker.refused
        assert max(len(chunk.records) for chunk in worker.chunks) <= 400
        for number in range(3):
            chunks = [chunk for chunk in worker.chunks if chunk.partition == Partition(topic, number)]
            assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_is_read(real_kafka: KafkaBroker, codec: str) -> None:
    topic = topics.create(real_kafka.bootstrap, configs={"compression.type": codec})  # the broker compresses, as Java does
    topics.send(real_kafka.bootstrap, topic, topics.numbered(500))
    async with Counting(real_kafka.bootstrap, topic).running() as worker:
        await worker.until(lambda: worker.total() >= 500)
        assert worker.values == everything(500)
        assert not worker.troubles


async def test_going_back_reads_again_from_there_and_says_so_in_the_start(kafka: str) -> None:
    topic = topics.create(kafka, partitions=2)
    topics.send(kafka, topic, topics.numbered(2_000, 2))
    worker = Counting(kafka, topic, broker_max_poll_records=50)
    went_back: dict[TP, int] = {}

    def lose_state(chunk: Fetched) -> None:
        """As if the store had lost acknowledged writes: once, in the middle."""
        tp = TP(topic, chunk.partition.number)
        if not went_back and worker.positions[tp] > 500:
            went_back[tp] = worker.positions[tp]
            worker.positions[tp] = 100

    worker.before = lose_state
    async with worker.running():
        await worker.until(lambda: [worker.positions.get(TP(topic, number)) for number in (0, 1)] == [1_000, 1_000])
        ((tp, position),) = went_back.items()
        assert worker.total() == 2_000 + position - 100
        assert set(worker.values) == set(everything(2_000))
        assert worker.refused
        assert {chunk.partition.number for chunk in worker.refused} == {tp.partition}


async def test_a_chunk_that_is_dropped_on_the_way_is_noticed(kafka: str) -> None:
    topic = topics.create(kafka)
    topics.send(kafka, topic, topics.numbered(1_000))
    worker = Counting(kafka, topic, broker_max_poll_records=100)
    original = worker._take
    dropped: list[Fetched] = []

    async def drop_one(chunk: Fetched) -> None:
        if not dropped and chunk.start >= 300:
            dropped.append(chunk)
            return
        await original(chunk)

    worker._take = drop_one  # type: ignore[method-assign] # a lost message, as Faust has lost some (faust#606)
    async with worker.running():
        await worker.until(lambda: worker.total() >= 1_000)
        assert dropped
        assert worker.refused
        assert worker.values == everything(1_000)


async def test_a_full_buffer_does_not_hold_up_the_log(kafka: str) -> None:
    """Faust pauses a partition whose buffer is full, and would sleep for a second before it looks again."""
    topic = topics.create(kafka, 2)
    topics.send(kafka, topic, [(0, b"%d" % number) for number in range(4_000)])  # and nothing in the other one
    worker = Counting(kafka, topic, broker_max_poll_records=20, stream_buffer_maxsize=2)
    async with worker.running():
        await worker.until(lambda: worker.total() >= 20)
        started = time.monotonic()
        await worker.until(lambda: worker.total() >= 4_000)
        assert time.monotonic() - started < 15  # 200 chunks; at a second for each three it would take a minute


async def test_transaction_markers_and_aborted_records_are_gaps_of_kafka(real_kafka: KafkaBroker) -> None:
    topic = topics.create(real_kafka.bootstrap)
    producer = KafkaProducer(bootstrap_servers=real_kafka.bootstrap, transactional_id=f"tx-{topic}")
    producer.init_transactions()
    for number, commit in enumerate([True, False, True, False]):
        producer.begin_transaction()
        for _ in range(3):
            producer.send(topic, value=b"%d" % number, partition=0)
        producer.flush()
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    async with Counting(real_kafka.bootstrap, topic).running() as worker:
        await worker.until(lambda: worker.total() >= 6)
        assert worker.values == Counter({b"0": 3, b"2": 3})
        tp = TP(topic, 0)
        at_end: dict[TP, int] = {}
        for _ in range(100):  # the position passes the trailing markers, the cursor does not
            at_end = at_end or await worker.consumer.caught_up([tp])
            await asyncio.sleep(0.01 if at_end else 0.05)
        assert at_end == {tp: worker.positions[tp]}
        assert worker.positions[tp] < 16
        topics.send(real_kafka.bootstrap, topic, [(0, b"after")])
        await worker.until(lambda: worker.values[b"after"] == 1)
        assert not worker.refused
        assert worker.positions[tp] == 17


async def test_what_is_out_of_range_is_told_and_never_reset(real_kafka: KafkaBroker) -> None:
    topic = topics.create(real_kafka.bootstrap)
    topics.send(real_kafka.bootstrap, topic, topics.numbered(300))
    admin = KafkaAdminClient(bootstrap_servers=real_kafka.bootstrap)
    admin.delete_records({KafkaTopicPartition(topic, 0): 200})
    admin.close()
    async with Counting(real_kafka.bootstrap, topic).running() as worker:
        await worker.until(lambda: bool(worker.troubles))
        assert worker.troubles[0][1] == {TP(topic, 0): 0}
        assert worker.total() == 0
        await worker.consumer.go_on_at(TP(topic, 0), 200)
        await worker.until(lambda: worker.total() >= 100)
        assert worker.chunks[0].start == 0
        assert worker.chunks[0].records[0].offset == 200
        assert not worker.refused


async def test_headers_keys_and_tombstones_come_as_they_are(kafka: str) -> None:
    topic = topics.create(kafka, configs={"retention.ms": "-1"})  # a record of 1970 would be deleted at once
    producer = KafkaProducer(bootstrap_servers=kafka)
    producer.send(topic, key=b"\xff", value=None, headers=[("a", b"\x00"), ("a", b"2")], timestamp_ms=123, partition=0)
    producer.send(topic, value=b"", partition=0)
    producer.close()
    async with Counting(kafka, topic).running() as worker:
        await worker.until(lambda: worker.total() >= 2)
        first, second = (record for chunk in worker.chunks for record in chunk.records)
        assert (first.key, first.value, first.headers, first.timestamp) == (b"\xff", None, (("a", b"\x00"), ("a", b"2")), 123)
        assert (second.key, second.value, second.headers) == (None, b"", ())


async def test_the_broker_may_go_and_come_back(real_kafka: KafkaBroker) -> None:
    topic = topics.create(real_kafka.bootstrap)
    topics.send(real_kafka.bootstrap, topic, topics.numbered(200))
    async with Counting(real_kafka.bootstrap, topic).running() as worker:
        await worker.until(lambda: worker.total() >= 200)
        real_kafka.kill()
        await asyncio.sleep(1)
        real_kafka.start()
        await asyncio.to_thread(topics.send, real_kafka.bootstrap, topic, topics.numbered(200, start=200))
        await worker.until(lambda: worker.total() >= 400, seconds=60)
        assert worker.values == everything(400)


async def test_two_workers_share_the_partitions_and_take_over(kafka: str) -> None:
    topic = topics.create(kafka, partitions=4)
    topics.send(kafka, topic, topics.numbered(2_000, 4))
    first = Counting(kafka, topic, broker_max_poll_records=100)
    async with first.running():
        await first.until(lambda: first.total() >= 400)
        second = Counting(kafka, topic, broker_max_poll_records=100)
        second.app.conf.id = first.app.conf.id
        second.positions, second.values = first.positions, first.values  # one store
        async with second.running():
            topics.send(kafka, topic, topics.numbered(2_000, 4, start=2_000))
            await first.until(lambda: bool(second.chunks) and first.total() >= 4_000, seconds=40)
        topics.send(kafka, topic, topics.numbered(400, 4, start=4_000))
        await first.until(lambda: first.total() >= 4_400, seconds=40)
    assert first.values == everything(4_400)


class NoUtf8(str):
    """A header name as other clients can send it."""

    __slots__ = ()

    def encode(self, *_: str, **__: str) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("codec", ["producer", "zstd"])
async def test_header_names_that_are_no_text_stop_nothing(
    real_kafka: KafkaBroker, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)  # put back at the end
    topic = topics.create(real_kafka.bootstrap, configs={"compression.type": codec})
    producer = KafkaProducer(bootstrap_servers=real_kafka.bootstrap, linger_ms=200)
    for number in range(9):
        headers = [(NoUtf8("x"), b"value")] if number == 4 else [("a", b"")]
        producer.send(topic, value=b"%d" % number, headers=headers, partition=0)
    producer.close()
    async with Counting(real_kafka.bootstrap, topic).running() as worker:
        await worker.until(lambda: worker.total() >= 9)
        assert worker.values == everything(9)
        assert not worker.troubles
        records = [record for chunk in worker.chunks for record in chunk.records]
        assert records[4].headers == (("\ufffd\ufffd", b"value"),)
