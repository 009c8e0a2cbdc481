"""What is used of aiokafka that is not public: each is needed, and nothing public does it.

A version of aiokafka that renames one of these raises where it is used, and never goes on without;
a test uses each of them on a real Kafka.
"""
# ruff: noqa: SLF001

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, overload

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import ProducerClosed
from aiokafka.record.default_records import _DefaultRecordBatchPy

Make = Callable[[KafkaPartition, Any], object]
BATCH_HEAD_BYTES = 12  # offset and length
_ = PartitionRecords._consumer_record  # it is replaced below, which no other name would notice


def inner_tasks(consumer: Any) -> Mapping[str, "asyncio.Task[None] | None"]:
    """Return the tasks inside a consumer, which outlives them as if nothing were."""
    return {
        "fetching": consumer._fetcher._fetch_task,
        "coordination": consumer._coordinator._coordination_task,
        "metadata": consumer._client._sync_task,
    }


def client_of(consumer: Any) -> Any:
    """Return the consumer's connections: by themselves they fetch bytes without decoding them."""
    return consumer._client


def read_records_with(consumer: Any, make: Callable[[KafkaPartition], Make]) -> int:
    """Have records that arrived made by ``make``; return of how many partitions there are some.

    It saves a third of the time that a record takes. Whatever arrives later is aiokafka's.
    """
    arrived = [
        (at, result._partition_records)
        for at, result in consumer._fetcher._records.items()
        if isinstance(result, FetchResult) and result._partition_records is not None
    ]
    for at, records in arrived:
        records._consumer_record = make(at)
    return len(arrived)


async def cut_off(producer: Any) -> None:
    """Do what ``stop()`` would have done had it not waited for batches that are never written."""
    producer._message_accumulator.fail_all(ProducerClosed())
    await producer._sender.close()
    await producer.client.close()


def tolerant_batches(content: bytes) -> Iterator[_DefaultRecordBatchPy]:
    """Yield the batches in what was fetched, in whose records any bytes are text."""
    at = 0
    while len(content) - at > BATCH_HEAD_BYTES:
        end = at + BATCH_HEAD_BYTES + int.from_bytes(content[at + 8 : at + BATCH_HEAD_BYTES])
        if end > len(content):
            return  # the rest of this one was not fetched
        yield _DefaultRecordBatchPy(content[at:end])
        at = end


def make_tolerant(batch: Any) -> None:
    batch._maybe_uncompress()
    batch._buffer = _Tolerant(batch._buffer)


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
