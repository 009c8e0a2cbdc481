"""Reads records that aiokafka's consumer can't decode, such as one whose header name is not UTF-8.

A broker takes any bytes there, and a consumer that refuses them can never get past that record.
Here the name is decoded with its odd bytes escaped, and the record goes the way of all records;
whether it is an event is for its reader to say.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import CorruptRecordException, KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest

from shared.log.kafka.private import client_of, make_tolerant, tolerant_batches

FETCH_BYTES_MAX = 1_048_576
FETCH_WAIT_MS = 100
READ_UNCOMMITTED = 0
MAGIC_MIN = 2


async def salvage(
    consumer: Any, at: KafkaPartition, start: int, records_max: int
) -> list["ConsumerRecord[bytes, bytes]"]:
    """Return the next records of the partition from ``start`` on; none if there are none.

    Raises:
        KafkaError: the broker refuses, or the bytes are not whole records.
    """
    content = await _fetched(consumer, at, start)
    records = [one for one in _records(at, content) if one.offset >= start]
    return records[:records_max]


async def _fetched(consumer: Any, at: KafkaPartition, start: int) -> bytes:
    client = client_of(consumer)
    leader = client.cluster.leader_for_partition(at)
    if leader is None:
        raise LeaderNotAvailableError(at)
    wanted = [(at.topic, [(at.partition, start, FETCH_BYTES_MAX)])]
    request = FetchRequest(FETCH_WAIT_MS, 1, FETCH_BYTES_MAX, READ_UNCOMMITTED, wanted)
    response = await client.send(leader, request)
    for _, partitions in response.topics:
        for _, error, *_, content in partitions:
            if error != 0:
                raise for_code(error)(at)
            return bytes(content)
    raise KafkaError(f"the broker said nothing about {at}")


def _records(at: KafkaPartition, content: bytes) -> Iterator["ConsumerRecord[bytes, bytes]"]:
    for batch in tolerant_batches(content):
        if batch.magic < MAGIC_MIN or not batch.validate_crc():
            raise CorruptRecordException(f"a batch at offset {batch.base_offset} is broken")
        if batch.is_control_batch:
            continue
        make_tolerant(batch)
        for one in batch:
            headers: Any = tuple(one.headers)
            yield ConsumerRecord(
                at.topic,
                at.partition,
                one.offset,
                one.timestamp,
                one.timestamp_type,
                one.key,
                one.value,
                None,
                len(one.key or b""),
                len(one.value or b""),
                headers,
            )
