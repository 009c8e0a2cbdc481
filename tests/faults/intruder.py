"""Whoever else can write to the log: what no relay would publish, byte by byte."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from shared.log.embedded.log import EmbeddedLog
from shared.log.kafka.log import KafkaLog
from shared.log.port import Log, LogRecord, OutgoingRecord, TopicPartition
from tests.faults.world import World

CRC_AT, CRC_FROM = slice(17, 21), 21  # in a batch of Kafka's
ROOM_BYTES = 24 * 1024**2
INSERT = """
WITH ended AS (
    INSERT INTO log_end AS e (topic, partition, next_offset) VALUES ($1, $2, 1)
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = e.next_offset + 1
    RETURNING next_offset - 1 AS place
)
INSERT INTO log_record (topic, partition, "offset", key, value, headers)
SELECT $1, $2, place, $3, $4, $5 FROM ended
"""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as bytes: names of headers need not be text, and values may be null."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[bytes, bytes | None]] = ()

    def named(self) -> tuple[list[tuple[str, bytes | None]], dict[bytes, bytes]]:
        """Return headers with names that can be written, and what to make of those afterwards."""
        found, later = [], {}
        for number, (name, value) in enumerate(self.headers):
            stand_in = name
            if not _is_text(name):
                stand_in = b"%d" % number + b"~" * (len(name) - 1)
                later[stand_in] = name
            found.append((stand_in.decode(), value))
        return found, later


@asynccontextmanager
async def log_of(w: World) -> AsyncIterator[Log]:
    """Open the deployment's log as a service does."""
    log: Log = (
        KafkaLog(w.bootstrap or "", w.topic_prefix)
        if w.log == "kafka"
        else EmbeddedLog(w.database("log"))
    )
    await log.start()
    try:
        yield log
    finally:
        await log.stop()


def copied(record: LogRecord) -> OutgoingRecord:
    """Return the record as it would be published once more."""
    headers = [(name, value or b"") for name, value in record.headers]
    return OutgoingRecord(record.key or b"", record.value, headers)


async def intrude(w: World, at: TopicPartition, records: Sequence[Raw]) -> None:
    """Put these records into the log as they are, in batches of their own."""
    if w.log == "kafka":
        await _into_kafka(w, at, records)
    else:
        await _into_embedded(w, at, records)


async def _into_kafka(w: World, at: TopicPartition, records: Sequence[Raw]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=(w.bootstrap or "").split(","),
        max_batch_size=ROOM_BYTES,
        max_request_size=ROOM_BYTES,
        acks="all",
    )
    await producer.start()
    try:
        for record in records:
            batch = producer.create_batch()
            headers, later = record.named()
            added = batch.append(
                timestamp=None, key=record.key, value=record.value, headers=headers
            )
            assert added is not None, "the batch has no room for the record"
            if later:
                _rename(batch, later)
            topic = w.topic_prefix + at.topic
            await (await producer.send_batch(batch, topic, partition=at.partition))
    finally:
        await producer.stop()


def _rename(batch: object, later: dict[bytes, bytes]) -> None:
    build = batch._build  # type: ignore[attr-defined]

    def renamed() -> bytearray:
        content = bytes(build())
        for stand_in, name in later.items():
            content = content.replace(stand_in, name)
        whole = bytearray(content)
        whole[CRC_AT] = calc_crc32c(bytes(whole[CRC_FROM:])).to_bytes(4, "big")
        return whole

    batch._build = renamed  # type: ignore[attr-defined]


async def _into_embedded(w: World, at: TopicPartition, records: Sequence[Raw]) -> None:
    connection = await asyncpg.connect(w.database("log"))
    try:
        for record in records:
            headers, later = record.named()
            encoded = msgspec.msgpack.encode(headers)
            for stand_in, name in later.items():
                encoded = encoded.replace(stand_in, name)
            await connection.execute(INSERT, *at, record.key or b"", record.value, encoded)
    finally:
        await connection.close()


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
