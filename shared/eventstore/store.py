"""Append-only streams in PostgreSQL whose published events have dense, commit-ordered positions."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast

import asyncpg
import msgspec
import orjson

from shared.contracts import catalogue
from shared.contracts.envelope import Event
from shared.eventstore import appending
from shared.eventstore.appending import Append
from shared.eventstore.folding import Fold, Folded, StreamCache
from shared.eventstore.port import (
    Answer,
    Connection,
    Project,
    Recorded,
)
from shared.runtime import failpoint
from shared.runtime.clock import Clock

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
PAGE_BYTES = 8 * 1_048_576
POSITION_HEADER = "Coprod-Position"
EVENTS_PAGE = 1_000  # of one stream are read and folded at once; others get their turn in between
VERSION_MAX = 2**31
NOTHING: Mapping[str, int] = {}

# One statement, for one snapshot: a key that is unused was unused when its stream was read.
# Of some streams all events are read, of others those from a version on.
KNOWN = """
SELECT e.stream_id, e.version, e.event_id, e.type, e.time, e.recorded_at, e.topic, e.partition,
       e.position, e.data, NULL AS scope, NULL AS key, NULL::bytea AS request_hash,
       NULL::integer AS status, NULL::bytea AS body, NULL::bytea AS headers, NULL AS positions
FROM event AS e WHERE e.stream_id = ANY($1) AND e.version <= $6::bigint
UNION ALL
SELECT e.stream_id, e.version, e.event_id, e.type, e.time, e.recorded_at, e.topic, e.partition,
       e.position, e.data, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($4::text[], $5::bigint[]) AS asked (stream_id, version)
CROSS JOIN LATERAL (
    SELECT * FROM event AS e
    WHERE e.stream_id = asked.stream_id AND e.version >= asked.version
        AND e.version < asked.version + $6::bigint
) AS e
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       i.scope, i.key, i.request_hash, i.status, i.body, i.headers, placed.positions
FROM unnest($2::text[], $3::text[]) AS asked (scope, key)
JOIN idempotency AS i USING (scope, key)
LEFT JOIN LATERAL (
    SELECT string_agg(format('%s/%s:%s', e.topic, e.partition, e.position), ',' ORDER BY e.version)
        AS positions
    FROM event AS e
    WHERE e.stream_id = i.stream_id AND e.version > i.after_version
        AND e.version <= i.last_version AND e.topic IS NOT NULL
) AS placed ON true
ORDER BY stream_id, version
"""
TIMEOUTS = """
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = '2s'
"""
LOCK_STREAMS = """
SELECT FROM stream WHERE stream_id = ANY($1) ORDER BY stream_id FOR UPDATE
"""
HASH_KEY = "SELECT secret FROM idempotency_secret"
HEADS = "SELECT topic, partition, position FROM head"
# Bounded in bytes as well; the length of a value is known without reading it.
PAGES = """
SELECT next.event_id, next.source, next.type, next.subject, next.time, next.recorded_at,
       next.version, next.topic, next.partition, next.position, next.key, next.correlation_id,
       next.causation_id, next.data
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (topic, partition, after)
CROSS JOIN LATERAL (
    SELECT e.*, sum(octet_length(e.data)) OVER (ORDER BY e.position ROWS UNBOUNDED PRECEDING)
        - octet_length(e.data) AS bytes_before
    FROM event AS e
    WHERE e.topic = asked.topic AND e.partition = asked.partition AND e.position > asked.after
    ORDER BY e.position LIMIT $4
) AS next
WHERE next.bytes_before < $5 ORDER BY next.topic, next.partition, next.position
"""


class Conflict(Exception):
    """Another transaction moved a stream, or used an idempotency key, since they were read."""


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """A published event with exactly the bytes that the log gets."""

    event_id: str
    source: str
    type: str
    subject: str
    time: datetime
    recorded_at: datetime
    version: int
    topic: str
    partition: int
    position: int
    key: str
    correlation_id: str | None
    causation_id: str | None
    data: bytes

    def published(self, deployment: str) -> Event:
        return Event(
            id=self.event_id,
            source=self.source,
            type=self.type,
            subject=self.subject,
            time=self.time,
            recorded_at=self.recorded_at,
            sequence=self.version,
            topic=self.topic,
            partition=self.partition,
            position=self.position,
            key=self.key,
            deployment=deployment,
            data=self.data,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
        )


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer given before, with the hash of the request it was given to."""

    request_hash: bytes
    answer: Answer


class PostgresEventStore:
    """Event store of one service. ``on_commit`` is called after each commit that added events."""

    def __init__(
        self, pool: Pool, *, clock: Clock, on_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._pool = pool
        self._on_commit = on_commit
        self._kept = StreamCache()
        self._secret: bytes | None = None
        self.clock = clock

    async def read(self, stream_id: str) -> list[Recorded]:
        """Return the stream's events in order; none when there is no such stream."""
        return (await self.read_many([stream_id]))[stream_id]

    async def read_many(self, stream_ids: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the events of each stream asked for, as one moment saw them."""
        async with self.session() as session:
            return (await session.events(stream_ids, limit=VERSION_MAX))[0]

    async def folded(self, folds: Mapping[str, Fold]) -> dict[str, Folded]:
        """Return each of the streams as a state, as one moment saw them."""
        async with self.session() as session:
            return (await session.known(folds)).streams

    async def remembered(
        self, asked: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Remembered]:
        """Return what was answered before to each (scope, key) of these that was used."""
        if not asked:
            return {}
        async with self.session() as session:
            return (await session.known({}, asked)).remembered

    async def secret(self) -> bytes:
        """Return what hashes of requests are keyed with."""
        if self._secret is None:
            self._secret = bytes(await self._pool.fetchval(HASH_KEY))
        return self._secret

    @asynccontextmanager
    async def session(self, locked: Collection[str] = ()) -> AsyncIterator["Session"]:
        """Keep one connection for all that a batch of commands needs.

        The streams in ``locked`` are nobody else's until the end, which is then also the commit.
        """
        async with self._pool.acquire() as connection, AsyncExitStack() as stack:
            if locked:
                await stack.enter_async_context(connection.transaction())
                await connection.execute(TIMEOUTS)
                await connection.execute(LOCK_STREAMS, list(locked))
            # the pool's proxy has the same methods
            yield (session := Session(cast("Connection", connection), self._kept))
        if session.appended:
            await failpoint.reach("command.committed")
            self._on_commit()

    async def heads(self) -> dict[tuple[str, int], int]:
        """Return (topic, partition) -> position of the last event there."""
        rows = await self._pool.fetch(HEADS)
        return {(row["topic"], row["partition"]): row["position"] for row in rows}

    async def page(self, topic: str, partition: int, after: int, limit: int) -> list[StoredEvent]:
        """Return the next events after ``after``, in order: up to ``limit``, fewer large ones."""
        return await page(self._pool, topic, partition, after, limit)


@dataclass(frozen=True, slots=True)
class BatchState:
    """What is there before a batch: stream id -> its state; (scope, key) -> its answer."""

    streams: dict[str, Folded]
    remembered: dict[tuple[str, str], Remembered]


@dataclass(slots=True)
class Session:
    connection: Connection
    kept: StreamCache
    appended: bool = False

    async def known(
        self, folds: Mapping[str, Fold], asked: Sequence[tuple[str, str]] = ()
    ) -> BatchState:
        """Return the streams' states and what was answered to (scope, key), as of one moment.

        A stream that was not kept is folded a page at a time, and all of the pages but its last one
        beforehand: the last statement sees the ends of all streams, and the answers.
        """
        streams = self.kept.of(folds)
        while True:
            found, remembered = await self.events(
                [stream_id for stream_id in folds if stream_id not in streams],
                {stream_id: folded.version for stream_id, folded in streams.items()},
                asked,
            )
            # not all(): each of them is to be taken
            if False not in [self._take(streams, folds, *one) for one in found.items()]:
                return BatchState(streams, remembered)

    def _take(
        self,
        streams: dict[str, Folded],
        folds: Mapping[str, Fold],
        stream_id: str,
        events: Sequence[Recorded],
    ) -> bool:
        """Fold what was read of a stream into its state; return whether nothing is left to read."""
        before = streams.get(stream_id)
        if before is None:
            before = Folded(folds[stream_id], folds[stream_id].initial)
        elif events and events[0].event_id == before.last:
            events = events[1:]
        else:  # the database is another than when it was kept, or was set back
            self.kept.drop(stream_id)
            del streams[stream_id]
            return False
        streams[stream_id] = before.after(events)
        self.kept.keep(stream_id, streams[stream_id])
        return len(events) < EVENTS_PAGE - 1

    async def events(
        self,
        whole: Sequence[str],
        from_: Mapping[str, int] = NOTHING,
        asked: Sequence[tuple[str, str]] = (),
        limit: int = EVENTS_PAGE,
    ) -> tuple[dict[str, list[Recorded]], dict[tuple[str, str], Remembered]]:
        """Return a page of the events of some streams, of others from a version on, and answers."""
        found: dict[str, list[Recorded]] = {stream_id: [] for stream_id in (*whole, *from_)}
        remembered = {}
        scopes, keys = zip(*asked, strict=True) if asked else ((), ())
        later = (list(from_), list(from_.values()), limit)
        for row in await self.connection.fetch(KNOWN, list(whole), scopes, keys, *later):
            if row["stream_id"] is None:
                remembered[row["scope"], row["key"]] = _remembered(row)
            else:
                found[row["stream_id"]].append(_recorded(row))
        return found, remembered

    async def append(self, append: Append, project: Project) -> list[int | None]:
        """Store all events and answers or none; return the events' positions, None of private ones.

        It is one statement, and unless streams are locked its own transaction: no lock is held
        while anything travels between here and the database.

        Raises:
            Conflict: a stream is not at the version it was read at, or a key was used meanwhile.
        """
        recorded = [pending.recorded for pending in append.events]
        changes = project(recorded) if recorded else ()
        await failpoint.reach("command.committing")
        try:
            positions = await appending.run(self.connection, append, changes)
        except asyncpg.SerializationError as lost:
            raise Conflict(str(lost)) from lost
        self.appended = bool(positions)
        return positions


async def page(pool: Pool, topic: str, partition: int, after: int, limit: int) -> list[StoredEvent]:
    """Return what comes next: at most ``limit`` events and, but for the first, ``PAGE_BYTES``."""
    (found,) = await pages(pool, [(topic, partition, after)], limit, PAGE_BYTES)
    return found


async def pages(
    pool: Pool, asked: Sequence[tuple[str, int, int]], limit: int, bytes_max: int
) -> list[list[StoredEvent]]:
    """Return what comes next in each of the partitions; the limits are of each.

    ``asked``: topic, partition, and the position after which to begin; no partition twice.
    """
    found: dict[tuple[str, int], list[StoredEvent]] = {(one[0], one[1]): [] for one in asked}
    for row in await pool.fetch(PAGES, *zip(*asked, strict=True), limit, bytes_max):
        event = StoredEvent(str(row[0]), *row[1:])
        found[event.topic, event.partition].append(event)
    return list(found.values())


def _recorded(row: asyncpg.Record) -> Recorded:
    return Recorded(
        event=catalogue.decode(row["type"], row["data"]),
        event_id=str(row["event_id"]),
        stream_id=row["stream_id"],
        version=row["version"],
        time=row["time"],
        recorded_at=row["recorded_at"],
        topic=row["topic"],
        partition=row["partition"],
        position=row["position"],
    )


def _remembered(row: asyncpg.Record) -> Remembered:
    headers = orjson.loads(row["headers"])
    if row["positions"] is not None:
        headers[POSITION_HEADER] = row["positions"]
    answer = Answer(row["status"], orjson.loads(row["body"]), headers)
    return Remembered(row["request_hash"], answer)
