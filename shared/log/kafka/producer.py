"""Publishing to Kafka: an idempotent producer that is thrown away after any failure.

A producer is broken for a partition once a batch was numbered and not written: whatever it is
given then fails with OutOfOrderSequenceNumber, for ever. A new one starts from the caller's stored
position.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import structlog
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.contracts.topics import MESSAGE_BYTES_MAX
from shared.log.kafka.client import METADATA_AGE_MS_MAX, REQUEST_TIMEOUT_MS, Clients, require_topics
from shared.log.kafka.private import cut_off
from shared.log.port import OutgoingRecord, PublishFailed

BATCH_BYTES_MAX = 900_000  # below the topics' limit, which holds for a whole batch
BATCH_HEADER_BYTES = 61
CLOSING_SECONDS_MAX = 5
SILENT_SECONDS_MAX = 20  # without one batch acknowledged; longer than a new leader takes

Client: TypeAlias = Any  # an AIOKafkaProducer, which is half typed, or a simulated one
log = structlog.get_logger(__name__)


class Producer:
    """Safe to share: publishes to different partitions go on side by side."""

    def __init__(self, bootstrap: Sequence[str], clients: Clients) -> None:
        self._bootstrap, self._clients = list(bootstrap), clients
        self._current: Client | None = None
        self._existing: set[str] = set()
        self._starting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        """Append the records to the partition, in order; on return all are acknowledged.

        Raises:
            PublishFailed: some may be missing.
        """
        _check_sizes(topic, records)
        producer: Client | None = None
        try:
            producer = await self._started()
            # A client that another publish has closed waits for ever for what it asks, and a
            # numbered batch is tried for ever, whatever became of its partition.
            async with asyncio.timeout(SILENT_SECONDS_MAX) as limit:
                if topic not in self._existing:
                    there = (await producer.client.fetch_all_metadata()).topics()
                    require_topics(there, [topic])
                    self._existing.add(topic)
                await _deliver(producer, topic, partition, records, limit)
        except PublishFailed:
            raise
        except Exception as error:  # whatever it was, the producer can't be trusted any more
            self._drop(producer)
            raise PublishFailed(f"{topic}/{partition}: {error!r}") from error

    async def stop(self) -> None:
        self._drop(self._current)
        await asyncio.gather(*self._closing)

    async def _started(self) -> Client:
        async with self._starting:
            if self._current is None:
                producer = self._clients.producer(
                    bootstrap_servers=self._bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES_MAX,
                    metadata_max_age_ms=METADATA_AGE_MS_MAX,
                    request_timeout_ms=REQUEST_TIMEOUT_MS,
                )
                try:
                    await producer.start()
                except BaseException:
                    self._close(producer)
                    raise
                self._current = producer
            return self._current

    def _drop(self, producer: Client | None) -> None:
        if producer is not None and self._current is producer:
            self._current = None
            self._existing.clear()
            self._close(producer)

    def _close(self, producer: Client) -> None:
        task = asyncio.create_task(_stop(producer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _check_sizes(topic: str, records: Sequence[OutgoingRecord]) -> None:
    """Refuse before anything is numbered; a batch takes a first record of any size."""
    for record in records:
        size = BATCH_HEADER_BYTES + DefaultRecordBatchBuilder.estimate_size_in_bytes(
            record.key, record.value, list(record.headers)
        )
        if size > MESSAGE_BYTES_MAX:
            raise PublishFailed(
                f"{topic}: a record of {size} bytes; {MESSAGE_BYTES_MAX} are the most"
            )


async def _deliver(
    producer: Client,
    topic: str,
    partition: int,
    records: Sequence[OutgoingRecord],
    limit: asyncio.Timeout,
) -> None:
    if partition not in await producer.partitions_for(topic):
        raise PublishFailed(f"there is no partition {partition} of {topic}")
    acknowledgements = []
    for batch in _batches(producer, records):
        acknowledged = await producer.send_batch(batch, topic, partition=partition)
        # one that fails after another has failed would be reported as never looked at
        acknowledged.add_done_callback(lambda done: done.cancelled() or done.exception())
        acknowledgements.append(acknowledged)
        _prolong(limit)
    for acknowledged in acknowledgements:
        await acknowledged
        _prolong(limit)


def _prolong(limit: asyncio.Timeout) -> None:
    """Something was done: the time counts from now, however much is published at once."""
    limit.reschedule(asyncio.get_running_loop().time() + SILENT_SECONDS_MAX)


def _batches(producer: Client, records: Sequence[OutgoingRecord]) -> Iterator[Any]:
    batch = producer.create_batch()
    for record in records:
        content = {"key": record.key, "value": record.value, "headers": list(record.headers)}
        if batch.append(timestamp=None, **content) is None:
            yield batch
            batch = producer.create_batch()
            batch.append(timestamp=None, **content)
    if batch.record_count():
        yield batch


async def _stop(producer: Client) -> None:
    try:
        await asyncio.wait_for(producer.stop(), CLOSING_SECONDS_MAX)
    except Exception as error:  # noqa: BLE001 - a broken client may fail in any way, and must still go
        log.warning("kafka_producer_cut_off", error=repr(error))
        await cut_off(producer)
