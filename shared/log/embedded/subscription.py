"""Membership in a group that reads the embedded log.

Who reads what is decided by session advisory locks, so a member that dies frees its share at once:
every member holds a shared lock of the group, and an exclusive one for each partition number it
reads. The same number of every topic goes to the same member, as Kafka's range assignor has it.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias, TypeVar

import asyncpg
import msgspec
import structlog

from shared.contracts.topics import PROVISIONED
from shared.log.port import LogReader, LogRecord, TopicPartition
from shared.runtime.retry import DATABASE_ERRORS, Backoff, Stopping, retry

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
CHANNEL = "coprod_log"
BALANCE_SECONDS = 0.5
POLL_SECONDS = 0.25  # the safety net under the notification
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.25, 1.0
CLOSE_SECONDS_MAX = 0.5
STOP_SECONDS_MAX = 15
FIRST_OFFSET = 0  # and the oldest: nothing is ever deleted here
BATCH_BYTES = 16 * 1_048_576  # of all partitions together; each gives at least one record

JOIN = "SELECT pg_advisory_lock_shared(hashtext('member of ' || $1), 0)"
MEMBERS = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND objid = 0
  AND classid = (hashtext('member of ' || $1)::bigint & 4294967295)::oid
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
TAKE = "SELECT pg_try_advisory_lock(hashtext('reader of ' || $1), $2)"
GIVE = "SELECT pg_advisory_unlock(hashtext('reader of ' || $1), $2)"
ENDS = "SELECT topic, partition, next_offset FROM log_end WHERE topic = ANY($1)"
FETCH = """
SELECT found.topic, found.partition, found."offset", found.key, found.value, found.headers
FROM unnest($1::text[], $2::integer[], $3::bigint[])
    AS wanted (topic, partition, start)
CROSS JOIN LATERAL (
    SELECT next.*, sum(coalesce(octet_length(next.value), 0)) OVER (
        ORDER BY next."offset" ROWS UNBOUNDED PRECEDING
    ) - coalesce(octet_length(next.value), 0) AS bytes_before
    FROM (
        (SELECT r.topic, r.partition, r."offset", r.key, r.value, r.headers FROM log_record AS r
         WHERE r.topic = wanted.topic AND r.partition = wanted.partition
             AND r."offset" >= wanted.start
         ORDER BY r."offset" LIMIT $4)
        UNION ALL
        (SELECT l.topic, l.partition, l."offset", l.key, l.value, l.headers FROM log_latest AS l
         WHERE l.topic = wanted.topic AND l.partition = wanted.partition
             AND l."offset" >= wanted.start
         ORDER BY l."offset" LIMIT $4)
    ) AS next
) AS found
WHERE found.bytes_before < $5
ORDER BY found.topic, found.partition, found."offset"
"""
HEADERS = msgspec.msgpack.Decoder(list[tuple[str, bytes | None]])
UNREADABLE_HEADERS = "coprod-unreadable-headers"
log = structlog.get_logger()


class EmbeddedSubscription:
    def __init__(
        self, dsn: str, group: str, topics: Sequence[str], reader: LogReader, batch_records_max: int
    ) -> None:
        self._dsn, self._group, self._topics = dsn, group, list(topics)
        self._reader, self._batch_records_max = reader, batch_records_max
        self._shares = _shares(partitions_of(topics))
        self._held: set[int] = set()  # partition numbers whose lock is ours
        self._next: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._lost: dict[TopicPartition, str] = {}
        self._awake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._stopping.clear()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the batch in hand, give the partitions back and leave the group."""
        if self._task is None:
            return
        self._stopping.set()
        self._awake.set()
        await asyncio.wait([self._task], timeout=STOP_SECONDS_MAX)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset(self._next)

    async def pause(self, partition: TopicPartition) -> None:
        self._paused.add(partition)

    async def resume(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._next:
            self._next[partition] = max(offset, FIRST_OFFSET)
            self._paused.discard(partition)
            self._awake.set()

    def stopped(self) -> Mapping[TopicPartition, str]:
        return dict(self._lost)

    def failure(self) -> str | None:
        return self._failure

    async def _run(self) -> None:
        backoff = Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
        try:
            await retry(
                self._membership,
                backoff,
                on=DATABASE_ERRORS,
                failed=self._away,
                stopping=self._stopping,
            )
        except Stopping:
            return
        except Exception as error:  # a task that ends unheard would be a reader that hangs
            self._failure = repr(error)
            log.exception("reading_failed", group=self._group)

    def _away(self, error: Exception, _seconds: float) -> None:
        log.warning("log_database_away", group=self._group, error=repr(error))

    async def _membership(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.add_listener(CHANNEL, self._told)
            await connection.execute(JOIN, self._group)
            await self._read(connection)
        finally:
            try:
                await self._release(self._held)
            finally:
                # closing frees every lock, so that the others take over; nothing is ours any more
                with suppress(*DATABASE_ERRORS):
                    await connection.close(timeout=CLOSE_SECONDS_MAX)

    def _told(self, _connection: object, _pid: int, _channel: str, topic: object) -> None:
        if topic in self._topics:
            self._awake.set()

    async def _read(self, connection: Connection) -> None:
        balance_at = 0.0
        while not self._stopping.is_set():
            if asyncio.get_running_loop().time() >= balance_at:
                await self._balance(connection)
                balance_at = asyncio.get_running_loop().time() + BALANCE_SECONDS
            self._awake.clear()
            if not await self._deliver(connection) and not self._stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), POLL_SECONDS)

    async def _balance(self, connection: Connection) -> None:
        """Give back what is more than our share, take what is free up to it."""
        members = await connection.fetchval(MEMBERS, self._group)
        share = -(-len(self._shares) // max(1, members))
        surplus = set(sorted(self._held)[share:])
        if surplus:
            await self._release(surplus)
            for number in surplus:
                await connection.execute(GIVE, self._group, number)
        taken: list[int] = []
        for number in self._shares.keys() - self._held:
            if len(self._held) + len(taken) >= share:
                break
            if await connection.fetchval(TAKE, self._group, number):
                taken.append(number)
        if taken:
            await self._claim(taken)

    async def _claim(self, numbers: Sequence[int]) -> None:
        partitions = [at for number in sorted(numbers) for at in self._shares[number]]
        starts = await _by_reader(self._reader.claim(partitions))
        self._held.update(numbers)
        self._paused.difference_update(partitions)
        self._next.update({at: max(start, FIRST_OFFSET) for at, start in starts.items()})
        log.info("partitions_claimed", group=self._group, numbers=sorted(numbers))

    async def _release(self, numbers: Iterable[int]) -> None:
        leaving = set(numbers)
        partitions = [at for number in sorted(leaving) for at in self._shares[number]]
        self._held -= leaving
        for partition in partitions:
            self._next.pop(partition, None)
            self._lost.pop(partition, None)
        if partitions:
            await _by_reader(self._reader.release(partitions))
            log.info("partitions_released", group=self._group, numbers=sorted(leaving))

    async def _deliver(self, connection: Connection) -> bool:
        """Hand one batch to the reader; return whether there was one."""
        wanted = await self._behind(connection)
        if not wanted:
            return False
        # the same room for each, so that a backlog in one partition delays no other
        asked = sorted(wanted.items())[: self._batch_records_max]
        room = max(1, self._batch_records_max // len(asked))
        rows = await connection.fetch(
            FETCH,
            [at.topic for at, _ in asked],
            [at.partition for at, _ in asked],
            [start for _, start in asked],
            room,
            BATCH_BYTES // len(asked),
        )
        batch = self._still_wanted(wanted, rows)
        for partition, records in batch.items():
            self._next[partition] = records[-1].offset + 1  # before: the reader may move it back
        if batch:
            await _by_reader(self._reader.handle(batch))
        return bool(batch)

    async def _behind(self, connection: Connection) -> dict[TopicPartition, int]:
        """Return the partitions that have something to read, and from where."""
        if not self._next:
            return {}
        ends: dict[TopicPartition, int] = dict.fromkeys(self._next, 0)
        for topic, partition, end in await connection.fetch(ENDS, self._topics):
            ends[TopicPartition(topic, partition)] = end
        self._lost = {
            partition: f"next is {start}, but the log ends at {ends[partition]}"
            for partition, start in self._next.items()
            if start > ends[partition]
        }
        return {
            partition: start
            for partition, start in self._next.items()
            if start < ends[partition] and partition not in self._paused
        }

    def _still_wanted(
        self, wanted: Mapping[TopicPartition, int], rows: Sequence[asyncpg.Record]
    ) -> dict[TopicPartition, list[LogRecord]]:
        """Return the records by partition, without those paused or moved in the meantime."""
        batch: dict[TopicPartition, list[LogRecord]] = {}
        for row in rows:
            partition = TopicPartition(row["topic"], row["partition"])
            if partition in self._paused or self._next.get(partition) != wanted[partition]:
                continue
            batch.setdefault(partition, []).append(log_record(row))
        return batch


class _ReaderFailed(Exception):
    """What the reader raised, which ends the process; never to be taken for our own trouble."""


async def _by_reader(doing: Awaitable[T]) -> T:
    try:
        return await doing
    except Exception as error:
        raise _ReaderFailed(repr(error)) from error


def partitions_of(topics: Iterable[str]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in range(PROVISIONED[topic].partitions)
    ]


def log_record(row: asyncpg.Record) -> LogRecord:
    """Return the record behind a row of ``topic, partition, offset, key, value, headers``."""
    topic, partition, offset, key, value, headers = row
    return LogRecord(topic, partition, offset, key, value, _headers(headers))


def _headers(encoded: bytes) -> list[tuple[str, bytes | None]]:
    """Return the headers; those that nobody can read as one, for the quarantine to keep."""
    try:
        return HEADERS.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [(UNREADABLE_HEADERS, encoded)]


def _shares(partitions: Iterable[TopicPartition]) -> dict[int, list[TopicPartition]]:
    shares: dict[int, list[TopicPartition]] = {}
    for partition in partitions:
        shares.setdefault(partition.partition, []).append(partition)
    return shares
