"""The log in a PostgreSQL database: for one machine, without Kafka. Durable; not a cluster.

Same topics, partitions, keys and positions as on Kafka. Offsets are dense from 0.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import chain
from typing import TypeAlias

import asyncpg
import msgspec

from shared.contracts.topics import MESSAGE_BYTES_MAX, PROVISIONED
from shared.database.fitness import require_fitness
from shared.database.forgetting import DROP_LETTERS, forgetting
from shared.database.session import left_as_it_is
from shared.log.embedded.subscription import (
    CHANNEL,
    EmbeddedSubscription,
    log_record,
    partitions_of,
)
from shared.log.port import (
    LogReader,
    LogRecord,
    OutgoingRecord,
    PublishFailed,
    TopicPartition,
)
from shared.runtime.micro_batch import Gathering
from shared.runtime.retry import DATABASE_ERRORS, is_transient

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
CONNECTIONS_MAX = 4
PUBLISH_TIMEOUT_SECONDS = 30
PARCELS_MAX = 50  # in one statement
HEADERS = msgspec.msgpack.Encoder()

# Records of several partitions at once: what costs is the commit. Their ends are locked in one
# order, whoever writes.
ENDED = """
WITH asked AS (
    SELECT *, sum(records) OVER (ORDER BY number) AS through
    FROM unnest($1::text[], $2::integer[], $3::integer[])
        WITH ORDINALITY AS a (topic, partition, records, number)
), ended AS (
    INSERT INTO log_end AS e (topic, partition, next_offset)
    SELECT topic, partition, records FROM asked ORDER BY topic, partition
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = e.next_offset + excluded.next_offset
    RETURNING topic, partition, next_offset
), placed AS (
    SELECT topic, partition, next_offset - through + nth - 1 AS "offset", key, value, headers
    FROM ended JOIN asked USING (topic, partition)
    JOIN unnest($4::integer[], $5::bytea[], $6::bytea[], $7::bytea[])
        WITH ORDINALITY AS r (number, key, value, headers, nth) USING (number)
), written AS (
"""
TOLD = f"""
)
SELECT pg_notify('{CHANNEL}', topic) FROM (SELECT DISTINCT topic FROM asked) AS told
"""
APPEND = f"""{ENDED}
    INSERT INTO log_record (topic, partition, "offset", key, value, headers)
    SELECT topic, partition, "offset", key, value, headers FROM placed
{TOLD}"""
REPLACE = f"""{ENDED}
    INSERT INTO log_latest (topic, partition, key, "offset", value, headers)
    SELECT DISTINCT ON (topic, partition, key) topic, partition, key, "offset", value, headers
    FROM placed ORDER BY topic, partition, key, "offset" DESC
    ON CONFLICT (topic, partition, key) DO UPDATE
        SET "offset" = excluded."offset", value = excluded.value, headers = excluded.headers
{TOLD}"""
READ_ALL = """
SELECT topic, partition, "offset", key, value, headers FROM log_record
WHERE topic = $1 AND partition = $2 AND "offset" >= $3
UNION ALL
SELECT topic, partition, "offset", key, value, headers FROM log_latest
WHERE topic = $1 AND partition = $2 AND "offset" >= $3
ORDER BY "offset"
"""
ENDS = "SELECT topic, partition, next_offset FROM log_end WHERE topic = ANY($1)"


Row: TypeAlias = tuple[bytes, bytes | None, bytes]  # key, value, headers


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """Records that go to one partition."""

    topic: str
    partition: int
    rows: Sequence[Row]


class EmbeddedLog:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None
        self._closing = AsyncExitStack()
        self._appending: Gathering[Parcel, None] = Gathering(
            partial(self._write, APPEND), PARCELS_MAX, is_transient
        )
        self._replacing: Gathering[Parcel, None] = Gathering(
            partial(self._write, REPLACE), PARCELS_MAX, is_transient
        )

    async def start(self) -> None:
        await require_fitness(self._dsn)
        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=1, max_size=CONNECTIONS_MAX, reset=left_as_it_is
        )
        await self._closing.enter_async_context(forgetting(self._pool, DROP_LETTERS))

    async def stop(self) -> None:
        await self._closing.aclose()
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        kind = PROVISIONED.get(topic)
        if kind is None or not 0 <= partition < kind.partitions:
            raise PublishFailed(f"there is no partition {topic}/{partition}")
        if not records:
            return
        rows = [(one.key, one.value, HEADERS.encode(one.headers)) for one in records]
        if any(map(_too_large, rows)):
            raise PublishFailed(f"a record for {topic}/{partition} is too large")
        gathering = self._replacing if kind.compacted else self._appending
        try:
            await gathering.take(Parcel(topic, partition, rows))
        except DATABASE_ERRORS as error:
            raise PublishFailed(f"{topic}/{partition}: {error!r}") from error

    async def _write(self, statement: str, parcels: Sequence[Parcel]) -> Sequence[None]:
        by_place: dict[tuple[str, int], list[Row]] = {}
        for parcel in parcels:
            by_place.setdefault((parcel.topic, parcel.partition), []).extend(parcel.rows)
        await self._opened().execute(
            statement,
            *zip(*((*at, len(rows)) for at, rows in by_place.items()), strict=True),
            [number for number, rows in enumerate(by_place.values(), 1) for _ in rows],
            *zip(*chain.from_iterable(by_place.values()), strict=True),
            timeout=PUBLISH_TIMEOUT_SECONDS,
        )
        return [None] * len(parcels)

    def subscribe(
        self, group: str, topics: Sequence[str], reader: LogReader, *, batch_records_max: int = 2000
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


def _too_large(row: Row) -> bool:
    key, value, headers = row
    return len(key) + len(value or b"") + len(headers) > MESSAGE_BYTES_MAX
