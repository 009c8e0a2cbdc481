"""The log in a PostgreSQL database: for one machine, without Kafka. Durable; not a cluster.

Same topics, partitions, keys and positions as on Kafka. Offsets are dense from 0.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import asyncpg
import msgspec

from shared.contracts.topics import MESSAGE_BYTES_MAX, PROVISIONED
from shared.log.embedded_subscription import (
    CHANNEL,
    EmbeddedSubscription,
    log_record,
    partitions_of,
)
from shared.log.port import (
    LogRecord,
    OutgoingRecord,
    PublishFailed,
    Reader,
    TopicPartition,
)
from shared.outage import AWAY
from shared.session import left_as_it_is

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
CONNECTIONS_MAX = 4
PUBLISH_TIMEOUT_SECONDS = 30
HEADERS = msgspec.msgpack.Encoder()

APPEND = f"""
WITH ended AS (
    INSERT INTO log_end AS e (topic, partition, next_offset)
    VALUES ($1, $2, cardinality($3::bytea[]))
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = e.next_offset + excluded.next_offset
    RETURNING next_offset - cardinality($3::bytea[]) AS first_offset
), added AS (
    INSERT INTO log_record (topic, partition, "offset", key, value, headers)
    SELECT $1, $2, ended.first_offset + r.nth - 1, r.key, r.value, r.headers
    FROM ended, unnest($3::bytea[], $4::bytea[], $5::bytea[])
        WITH ORDINALITY AS r (key, value, headers, nth)
)
SELECT pg_notify('{CHANNEL}', $1)
"""
REPLACE = f"""
WITH ended AS (
    INSERT INTO log_end AS e (topic, partition, next_offset)
    VALUES ($1, $2, cardinality($3::bytea[]))
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = e.next_offset + excluded.next_offset
    RETURNING next_offset - cardinality($3::bytea[]) AS first_offset
), replaced AS (
    INSERT INTO log_latest (topic, partition, key, "offset", value, headers)
    SELECT DISTINCT ON (r.key) $1, $2, r.key, ended.first_offset + r.nth - 1, r.value, r.headers
    FROM ended, unnest($3::bytea[], $4::bytea[], $5::bytea[])
        WITH ORDINALITY AS r (key, value, headers, nth)
    ORDER BY r.key, r.nth DESC
    ON CONFLICT (topic, partition, key) DO UPDATE
        SET "offset" = excluded."offset", value = excluded.value, headers = excluded.headers
)
SELECT pg_notify('{CHANNEL}', $1)
"""
READ_ALL = """
SELECT topic, partition, "offset", key, value, headers FROM log_record
WHERE topic = $1 AND partition = $2 AND "offset" >= $3
UNION ALL
SELECT topic, partition, "offset", key, value, headers FROM log_latest
WHERE topic = $1 AND partition = $2 AND "offset" >= $3
ORDER BY "offset"
"""
ENDS = "SELECT topic, partition, next_offset FROM log_end WHERE topic = ANY($1)"


class EmbeddedLog:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=1, max_size=CONNECTIONS_MAX, reset=left_as_it_is
        )

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        kind = PROVISIONED.get(topic)
        if kind is None or not 0 <= partition < kind.partitions:
            raise PublishFailed(f"there is no partition {topic}/{partition}")
        if not records:
            return
        headers = [HEADERS.encode(record.headers) for record in records]
        if any(map(_too_large, records, headers)):
            raise PublishFailed(f"a record for {topic}/{partition} is too large")
        try:
            await self._opened().fetchval(
                REPLACE if kind.compacted else APPEND,
                topic,
                partition,
                [record.key for record in records],
                [record.value for record in records],
                headers,
                timeout=PUBLISH_TIMEOUT_SECONDS,
            )
        except AWAY as error:
            raise PublishFailed(f"{topic}/{partition}: {error!r}") from error

    def subscribe(
        self, group: str, topics: Sequence[str], reader: Reader, *, batch_records_max: int = 2000
    ) -> EmbeddedSubscription:
        return EmbeddedSubscription(self._dsn, group, topics, reader, batch_records_max)

    async def read_all(self, partition: TopicPartition, start: int = 0) -> Sequence[LogRecord]:
        return [log_record(row) for row in await self._opened().fetch(READ_ALL, *partition, start)]

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        ends = dict.fromkeys(partitions_of(topics), 0)
        for row in await self._opened().fetch(ENDS, list(topics)):
            ends[TopicPartition(row["topic"], row["partition"])] = row["next_offset"]
        return ends

    def _opened(self) -> Pool:
        if self._pool is None:
            raise PublishFailed("the log is not started")
        return self._pool


def _too_large(record: OutgoingRecord, headers: bytes) -> bool:
    return len(record.key) + len(record.value or b"") + len(headers) > MESSAGE_BYTES_MAX
