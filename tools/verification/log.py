"""Reads the records of a partition in pages, without a consumer group, from either log."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from shared.log.embedded.subscription import log_record
from shared.log.kafka.client import METADATA_AGE_MS_MAX, REQUEST_TIMEOUT_MS, UNREACHABLE
from shared.log.kafka.fetching import UNREADABLE, Fetched, record
from shared.log.kafka.tolerant_reader import salvage
from shared.log.port import LogRecord, TopicPartition
from tools.deployment.record import Deployment
from tools.terminal.failure import ExitCode, Failure

PAGE_RECORDS = 2_000
FETCH_TIMEOUT_MS = 1_000
SILENT_FETCHES_MAX = 30
TRIES = 6  # each takes as long as a request may

EMBEDDED_END = "SELECT next_offset FROM log_end WHERE topic = $1 AND partition = $2"
EMBEDDED_PAGE = """
SELECT topic, partition, "offset", key, value, headers FROM log_record
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4
ORDER BY "offset" LIMIT $5
"""


class UnreadableLog(Exception):
    """The bytes of the log cannot be read from here on."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(f"can't be read at or after offset {offset}: {why}")


class Records(Protocol):
    """Reads each partition from its beginning to where it ended when the reading began.

    Raises:
        UnreadableLog: while reading, where the log is broken.
    """

    def of(self, partition: TopicPartition) -> AsyncGenerator[LogRecord, None]: ...


class EmbeddedRecords:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def of(self, partition: TopicPartition) -> AsyncGenerator[LogRecord, None]:
        end = await self._pool.fetchval(EMBEDDED_END, *partition) or 0
        at = 0
        while rows := await self._pool.fetch(EMBEDDED_PAGE, *partition, at, end, PAGE_RECORDS):
            for row in rows:
                yield log_record(row)
            at = rows[-1]["offset"] + 1


class KafkaRecords:
    def __init__(self, consumer: AIOKafkaConsumer, prefix: str) -> None:
        self._consumer, self._prefix = consumer, prefix

    async def of(self, partition: TopicPartition) -> AsyncGenerator[LogRecord, None]:
        at = KafkaPartition(self._prefix + partition.topic, partition.partition)
        self._consumer.assign([at])
        end = await self._end(at)
        await self._consumer.seek_to_beginning(at)
        silent = 0
        while await self._consumer.position(at) < end:
            found = await self._fetched(at)
            silent = 0 if found else silent + 1
            if silent > SILENT_FETCHES_MAX:
                raise Failure(
                    f"Kafka gives nothing of {at.topic}/{at.partition} before its end at {end}",
                    code=ExitCode.UNREACHABLE,
                )
            for one in found:
                if one.offset < end:
                    yield record(partition, one)

    async def _end(self, at: KafkaPartition) -> int:
        """Ask until a broker knows: one may have gone, and another may not lead yet."""
        for _ in range(TRIES):
            try:
                return int((await self._consumer.end_offsets([at]))[at])
            except UNREACHABLE as error:
                why = error
        raise Failure(
            f"Kafka does not say where {at.topic}/{at.partition} ends: {why!r}",
            code=ExitCode.UNREACHABLE,
        )

    async def _fetched(self, at: KafkaPartition) -> list[Fetched]:
        start = await self._consumer.position(at)
        try:
            try:
                found = await self._consumer.getmany(
                    at, timeout_ms=FETCH_TIMEOUT_MS, max_records=PAGE_RECORDS
                )
                return list(found.get(at, ()))
            except UNREADABLE:
                saved = await salvage(self._consumer, at, start, PAGE_RECORDS)
        except UNREADABLE as unreadable:
            raise UnreadableLog(start, repr(unreadable)) from unreadable
        self._consumer.seek(at, saved[-1].offset + 1 if saved else start)
        return saved


@asynccontextmanager
async def records_of(deployment: Deployment) -> AsyncIterator[Records]:
    """Open the log of the deployment for reading."""
    if deployment.log == "kafka" and deployment.kafka is not None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=deployment.kafka.bootstrap.split(","),
            auto_offset_reset="earliest",
            metadata_max_age_ms=METADATA_AGE_MS_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await consumer.start()
            yield KafkaRecords(consumer, deployment.topic_prefix)
        finally:
            await consumer.stop()
        return
    dsn = deployment.readonly_database("log")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        yield EmbeddedRecords(pool)
