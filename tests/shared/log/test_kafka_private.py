"""A version of aiokafka that renames what is not public, and used here, fails one of these."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import ProducerClosed
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.kafka.private import (
    BATCH_HEAD_BYTES,
    client_of,
    cut_off,
    inner_tasks,
    make_tolerant,
    read_records_with,
    tolerant_batches,
)
from shared.log.kafka.provisioning import create_topics
from tests.support.polling import eventually
from tools.deployment.kafka.local_kafka import LocalKafka

ODD_NAME = b"\xff\xfeISON"
RECORDS_AT, CODEC_AT, GZIP = 61, 22, 1  # in a batch


@pytest.fixture
async def topic(kafka: LocalKafka, topic_prefix: str) -> str:
    await create_topics(kafka.bootstrap, topic_prefix, topics=[EXCHANGE_ACTIVITY])
    return topic_prefix + EXCHANGE_ACTIVITY.name


@pytest.fixture
async def consumer(kafka: LocalKafka, topic: str) -> AsyncIterator[Any]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, group_id=topic, auto_offset_reset="earliest"
    ) as consumer:
        await eventually(consumer.assignment)
        yield consumer


@pytest.mark.kafka
async def test_the_tasks_inside_a_consumer_are_seen(consumer: Any) -> None:
    tasks = inner_tasks(consumer)

    assert tasks.keys() == {"fetching", "coordination", "metadata"}
    assert all(isinstance(task, asyncio.Task) and not task.done() for task in tasks.values())


@pytest.mark.kafka
async def test_records_that_arrived_are_made_by_whom_we_say(
    kafka: LocalKafka, topic: str, consumer: Any
) -> None:
    at = KafkaPartition(topic, 3)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, b"value", partition=at.partition)

    await eventually(lambda: read_records_with(consumer, lambda _: lambda at, one: (at, one.value)))

    assert await consumer.getmany(at, timeout_ms=0) == {at: [(at, b"value")]}


@pytest.mark.kafka
async def test_a_consumer_s_connections_know_who_leads(topic: str, consumer: Any) -> None:
    leader = client_of(consumer).cluster.leader_for_partition(KafkaPartition(topic, 0))

    assert isinstance(leader, int)


@pytest.mark.kafka
async def test_a_producer_that_is_cut_off_leaves_nobody_waiting(
    kafka: LocalKafka, topic: str
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=60_000)
    await producer.start()
    unsent = await producer.send(topic, b"value", partition=0)

    await cut_off(producer)

    with pytest.raises(ProducerClosed):
        await asyncio.wait_for(unsent, 5)
    producer._closed = True  # or it complains that nobody has stopped it


@pytest.mark.parametrize("compressed", [False, True])
def test_names_that_are_no_text_are_read_in_every_batch_that_came_whole(compressed: bool) -> None:
    whole = b"".join(_batch(number, compressed) for number in range(3))

    batches: list[Any] = list(tolerant_batches(whole[:-1]))
    for batch in batches:
        make_tolerant(batch)

    read = [(one.value, one.headers) for batch in batches for one in batch]
    assert read == [(b"%d" % number, [("\\xff\\xfeISON", b"1")]) for number in range(2)]


def _batch(number: int, compressed: bool) -> bytes:
    """Return a batch of one record, whose header has a name that is not UTF-8."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, 0, 1000)
    builder.append(0, 0, None, b"%d" % number, [("POISON", b"1")])
    content = bytes(builder.build()).replace(b"POISON", ODD_NAME)
    if not compressed:
        return content
    records = gzip.compress(content[RECORDS_AT:])
    length = RECORDS_AT + len(records) - BATCH_HEAD_BYTES
    head = bytearray(content[:RECORDS_AT])
    head[8:BATCH_HEAD_BYTES] = length.to_bytes(4, "big")
    head[CODEC_AT] = GZIP
    return bytes(head) + records
