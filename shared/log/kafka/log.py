"""The log on Kafka; topics and groups have the deployment's prefix there, and only there."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from shared.contracts.topics import PROVISIONED
from shared.log.kafka.client import (
    METADATA_AGE_MS_MAX,
    REQUEST_TIMEOUT_MS,
    UNREACHABLE,
    Clients,
    limit_client_logs,
    require_topics,
)
from shared.log.kafka.fetching import Fetched, record
from shared.log.kafka.producer import Producer
from shared.log.kafka.subscription import Group, KafkaSubscription
from shared.log.port import LogReader, LogRecord, OutgoingRecord, TopicPartition

READ_SECONDS_MAX = 30
ENDS_SECONDS_MAX = 10


class KafkaLog:
    """A client of one Kafka. While Kafka is away publishing fails and subscriptions wait."""

    def __init__(self, bootstrap: str, prefix: str = "", clients: Clients | None = None) -> None:
        self._bootstrap = [address.strip() for address in bootstrap.split(",")]
        self._prefix, self._clients = prefix, clients or Clients()
        self._producer: Producer | None = None
        self._observer: Any = None
        self._observing = asyncio.Lock()

    async def start(self) -> None:
        limit_client_logs()
        self._producer = Producer(self._bootstrap, self._clients)

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None
        await self._drop_observer()

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        if self._producer is None:
            raise RuntimeError("the log is not started")
        await self._producer.publish(self._prefix + topic, partition, records)

    def subscribe(
        self, group: str, topics: Sequence[str], reader: LogReader, *, batch_records_max: int = 2000
    ) -> KafkaSubscription:
        membership = Group(self._bootstrap, self._prefix, group, tuple(topics), batch_records_max)
        return KafkaSubscription(membership, reader, self.ends, self._clients)

    async def read_all(self, partition: TopicPartition, start: int = 0) -> Sequence[LogRecord]:
        at = KafkaPartition(self._prefix + partition.topic, partition.partition)
        consumer = self._consumer()
        try:
            await consumer.start()
            require_topics(await consumer.topics(), [at.topic])
            consumer.assign([at])
            end = (await consumer.end_offsets([at]))[at]
            consumer.seek(at, start)
            return [record(partition, found) for found in await _read(consumer, at, end)]
        finally:
            await consumer.stop()

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        wanted = [
            KafkaPartition(self._prefix + topic, number)
            for topic in topics
            for number in range(PROVISIONED[topic].partitions)
        ]
        async with self._observing:
            try:
                if self._observer is None:
                    self._observer = self._consumer()
                    await self._observer.start()
                require_topics(await self._observer.topics(), {at.topic for at in wanted})
                # it would wait for ever for a partition that is not there
                async with asyncio.timeout(ENDS_SECONDS_MAX):
                    found = await self._observer.end_offsets(wanted)
            except UNREACHABLE:
                await self._drop_observer()
                raise
        bare = len(self._prefix)
        return {TopicPartition(at.topic[bare:], at.partition): end for at, end in found.items()}

    def _consumer(self) -> Any:
        """Return a consumer outside any group, which starts over at the oldest record when lost."""
        return self._clients.consumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            metadata_max_age_ms=METADATA_AGE_MS_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    async def _drop_observer(self) -> None:
        if self._observer is not None:
            observer, self._observer = self._observer, None
            with suppress(*UNREACHABLE):
                await observer.stop()


async def _read(consumer: Any, at: KafkaPartition, end: int) -> list[Fetched]:
    records: list[Fetched] = []
    async with asyncio.timeout(READ_SECONDS_MAX) as limit:
        while await consumer.position(at) < end:
            found = await consumer.getmany(at, timeout_ms=200)
            if found:
                records += found[at]
                limit.reschedule(asyncio.get_running_loop().time() + READ_SECONDS_MAX)
    return records
