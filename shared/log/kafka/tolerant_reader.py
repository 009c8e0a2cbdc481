"""Reads records that aiokafka's consumer can't decode, such as one whose header name is not UTF-8.

A broker takes any bytes there, and a consumer that refuses them can never get past that record.
Here the name is decoded with its odd bytes escaped, and the record goes the way of all records;
whether it is an event is for its reader to say.
"""

from collections.abc import Iterator
from typing import Any, overload

from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import CorruptRecordException, KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

FETCH_BYTES_MAX = 1_048_576
FETCH_WAIT_MS = 100
READ_UNCOMMITTED = 0
MAGIC_AT, MAGIC_MIN = 16, 2


class _OddText(bytes):
    """Bytes that are text whatever they are."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        del errors
        return bytes(self).decode(encoding, "backslashreplace")


class _Tolerant(bytearray):
    """A buffer whose slices are text whatever they are."""

    @overload  # type: ignore[override] # a slice is decoded here, never changed
    def __getitem__(self, at: slice) -> bytes: ...
    @overload
    def __getitem__(self, at: Any) -> int: ...
    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _OddText(found) if isinstance(at, slice) else found


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
    client = consumer._client  # noqa: SLF001 - aiokafka offers no fetching without decoding
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
    batches: Any = _MemoryRecordsPy(content)
    while batches.has_next():
        batch = _DefaultRecordBatchPy(bytes(batches._next_slice))  # noqa: SLF001
        batches._cache_next()  # noqa: SLF001 - next_batch() would decode strictly
        if batch.magic < MAGIC_MIN or not batch.validate_crc():
            raise CorruptRecordException(f"a batch at offset {batch.base_offset} is broken")
        if batch.is_control_batch:
            continue
        batch._maybe_uncompress()  # noqa: SLF001
        batch._buffer = _Tolerant(batch._buffer)  # noqa: SLF001
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
