"""Records that could not be taken: kept whole, mirrored to ``<topic>.dlq``, retried, discarded."""

import asyncio
import base64
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias, cast

import asyncpg
import orjson
import structlog

from shared.consumer.sequencing import Broken
from shared.contracts.topics import MESSAGE_BYTES_MAX, dead_letter
from shared.eventstore.port import Connection
from shared.log.port import Log, LogRecord, OutgoingRecord, PublishFailed
from shared.runtime.retry import Backoff, is_transient, retry

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
MIRRORED_AT_ONCE_MAX = 100
LETTER_BYTES_MAX = MESSAGE_BYTES_MAX * 8 // 10  # leaves room for what the log itself adds
LOOKING_SECONDS = 5.0
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.5, 5.0

ADD = """
INSERT INTO quarantine
    (consumer, topic, partition, log_offset, position, type, reason, detail, key, value, headers,
     value_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, sha256(coalesce($10, ''::bytea)))
ON CONFLICT DO NOTHING
"""
COLUMNS = """
id, consumer, topic, partition, log_offset, position, type, reason, detail, key, value, headers,
first_seen, mirrored_at, status, settled_at, settled_by, value_sha256
"""
LIST = f"""
SELECT {COLUMNS} FROM quarantine
WHERE id > $1 AND ($2::text IS NULL OR status = $2) ORDER BY id LIMIT $3
"""
SHOW = f"SELECT {COLUMNS} FROM quarantine WHERE id = $1"
LOCK = f"SELECT {COLUMNS} FROM quarantine WHERE id = $1 FOR UPDATE"
SETTLE = """
UPDATE quarantine SET status = $2, settled_at = clock_timestamp(), settled_by = $3,
    key = NULL, value = NULL, headers = '[]'
WHERE id = $1 AND status = 'held'
RETURNING id
"""
COUNT_HELD = "SELECT count(*) FROM quarantine WHERE status = 'held'"
# Another replica skips what this one is mirroring; a crash before the update mirrors once more.
UNMIRRORED = f"""
SELECT {COLUMNS} FROM quarantine
WHERE consumer = $1 AND mirrored_at IS NULL AND status = 'held'
ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
MIRRORED = "UPDATE quarantine SET mirrored_at = clock_timestamp() WHERE id = ANY($1)"
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """One row; ``record`` is what came, byte for byte, until it is settled."""

    id: int
    consumer: str
    record: LogRecord
    position: int | None
    type: str | None
    reason: str
    detail: str
    first_seen: datetime
    mirrored_at: datetime | None
    status: str
    settled_at: datetime | None
    settled_by: str | None
    value_sha256: bytes | None


class NotHeld(Exception):
    """No such record is in quarantine; ``status`` says how it was settled, None if never seen."""

    def __init__(self, number: int, status: str | None) -> None:
        super().__init__(f"record {number} is {status or 'not in quarantine'}")
        self.number, self.status = number, status


class RetryRefused(Exception):
    """A quarantined record can't be taken now; ``reason`` is a stable word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


async def add(conn: Connection, consumer: str, broken: Iterable[Broken]) -> None:
    rows = [
        (
            consumer,
            one.record.topic,
            one.record.partition,
            one.record.offset,
            one.position,
            one.type,
            one.reason,
            one.detail.replace("\0", "\\0"),
            one.record.key,
            one.record.value,
            _written(one.record),
        )
        for one in broken
    ]
    if rows:
        await conn.executemany(ADD, rows)


async def listed(pool: Pool, after: int, status: str | None, limit: int) -> list[QuarantinedRecord]:
    """Return the records with an id above ``after``, oldest first; ``status`` None for all."""
    return [_held(row) for row in await pool.fetch(LIST, after, status, limit)]


async def shown(pool: Pool, number: int) -> QuarantinedRecord | None:
    row = await pool.fetchrow(SHOW, number)
    return None if row is None else _held(row)


async def locked(conn: Connection, number: int) -> QuarantinedRecord:
    """Return the record, kept from others until the transaction ends.

    Raises:
        NotHeld: nothing to settle.
    """
    row = await conn.fetchrow(LOCK, number)
    if row is None or row["status"] != "held":
        raise NotHeld(number, None if row is None else row["status"])
    return _held(row)


async def settle(conn: Connection, number: int, status: str, actor: str) -> None:
    """Write down what became of the record, when and through whom.

    The row stays, with the hash of the value; what came, which may name somebody, does not.

    Raises:
        NotHeld: nothing to settle.
    """
    if await conn.fetchval(SETTLE, number, status, actor) is None:
        row = await conn.fetchrow(SHOW, number)
        raise NotHeld(number, None if row is None else row["status"])


async def discard(pool: Pool, number: int, actor: str) -> None:
    """Give the record up for good.

    Raises:
        NotHeld: nothing to discard.
    """
    async with pool.acquire() as conn:
        await settle(cast("Connection", conn), number, "discarded", actor)


async def held_count(pool: Pool) -> int:
    return int(await pool.fetchval(COUNT_HELD))


async def mirroring(pool: Pool, log: Log, consumer: str, unmirrored: asyncio.Event) -> None:
    """Mirror whatever there is each time ``unmirrored`` is set, and now and then, for ever."""
    while True:
        with suppress(TimeoutError):  # looks by itself too: who quarantined some may be dead
            async with asyncio.timeout(LOOKING_SECONDS):
                await unmirrored.wait()
        unmirrored.clear()
        await retry(
            partial(_mirror_all, pool, log, consumer),
            Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX),
            on=lambda error: isinstance(error, PublishFailed) or is_transient(error),
            failed=lambda error, _: logger.warning(
                "dead_letters_wait", consumer=consumer, error=repr(error)
            ),
        )


async def _mirror_all(pool: Pool, log: Log, consumer: str) -> None:
    while await mirror(pool, log, consumer):
        pass


async def mirror(pool: Pool, log: Log, consumer: str) -> int:
    """Publish what is not in the dead letter topics yet; return how many. At least once.

    Raises:
        PublishFailed: the log is away; nothing is marked as mirrored.
    """
    async with pool.acquire() as conn, conn.transaction():
        rows = [_held(r) for r in await conn.fetch(UNMIRRORED, consumer, MIRRORED_AT_ONCE_MAX)]
        for topic in sorted({held.record.topic for held in rows}):
            letters = [_letter(held) for held in rows if held.record.topic == topic]
            await log.publish(dead_letter(topic), 0, letters)
        await conn.execute(MIRRORED, [held.id for held in rows])
    return len(rows)


def _letter(held: QuarantinedRecord) -> OutgoingRecord:
    """Return the record with why it lies here; one too large for the log without its content."""
    record = held.record
    about = {
        "coprod-consumer": held.consumer,
        "coprod-topic": record.topic,
        "coprod-partition": str(record.partition),
        "coprod-offset": str(record.offset),
        "coprod-reason": held.reason,
        "coprod-detail": held.detail,
    }
    why = [(name, text.encode()) for name, text in about.items()]
    headers = [(name, value or b"") for name, value in record.headers]
    parts = (record.key or b"", record.value or b"", *(value for _, value in headers))
    size = sum(map(len, parts)) + sum(len(name) for name, _ in headers)
    if size > LETTER_BYTES_MAX:
        left_out = f"{size} bytes, which are in quarantine under {held.id}"
        return OutgoingRecord(b"", b"", [*why, ("coprod-left-out", left_out.encode())])
    return OutgoingRecord(record.key or b"", record.value or b"", [*headers, *why])


def _held(row: asyncpg.Record) -> QuarantinedRecord:
    headers = [
        (name, None if value is None else base64.b64decode(value))
        for name, value in orjson.loads(row["headers"])
    ]
    place = (row["topic"], row["partition"], row["log_offset"])
    return QuarantinedRecord(
        row["id"],
        row["consumer"],
        LogRecord(*place, row["key"], row["value"], headers),
        *(row[name] for name in ("position", "type", "reason", "detail", "first_seen")),
        *(row[name] for name in ("mirrored_at", "status", "settled_at")),
        *(row[name] for name in ("settled_by", "value_sha256")),
    )


def _written(record: LogRecord) -> str:
    headers = [
        (
            name.replace("\0", "\\0"),  # which jsonb can't hold
            None if value is None else base64.b64encode(value).decode(),
        )
        for name, value in record.headers
    ]
    return orjson.dumps(headers).decode()
