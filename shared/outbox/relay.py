"""Publishes what the event store holds: every event, in order, at least once.

The event table is the outbox. For each (topic, partition) one process at a time holds a lease (a
session advisory lock: a process that dies frees it at once), reads on from the stored position,
publishes, and moves the position only while its epoch holds. A crash or a zombie can repeat events;
neither can lose or reorder them, and consumers drop what they have seen by its position.

A process that was stopped, and not ended, keeps its session: the kernel answers for it. Who waits
for its partitions has PostgreSQL end a session that has said nothing for long.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, cast

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter

from shared.contracts.envelope import headers
from shared.eventstore.store import Pool, StoredEvent, page, pages
from shared.log.port import Log, OutgoingRecord, PublishFailed, TopicPartition
from shared.runtime import failpoint
from shared.runtime.micro_batch import Gathering
from shared.runtime.retry import DATABASE_ERRORS, Backoff, Stopping, retry

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
POLL_SECONDS = 0.05  # the safety net under the wake-up after a commit
PAGE_EVENTS_MAX = 1000
FEW_EVENTS, FEW_BYTES = 100, 1_048_576  # of a first page, which is read with those of others
TOGETHER_MAX = 50  # partitions
RETRY_SECONDS_MAX = 5.0
RECONNECT_SECONDS_MIN, RECONNECT_SECONDS_MAX = 0.25, 1.0
TAKEOVER_SECONDS_MAX = 0.5  # how long a partition may lie idle after its holder died
SILENT_SECONDS_MAX = 15.0  # a holder that lives asks what to do many times a second
LOOKING_SECONDS = 3.0  # between two looks for holders that are silent
NONE = -1  # an epoch that never stands in the table

BEHIND = """
SELECT h.topic, h.partition, coalesce(r.epoch, 0) AS epoch
FROM head AS h LEFT JOIN relay AS r USING (topic, partition)
WHERE h.position > coalesce(r.position, 0)
"""
TAKE = "SELECT pg_try_advisory_lock(hashtext('relay of ' || $1), $2)"
END_SILENT = """
SELECT a.pid, pg_terminate_backend(a.pid)
FROM pg_stat_activity AS a WHERE a.datname = current_database()
    AND a.state_change < clock_timestamp() - $2 * interval '1 second'
    AND a.pid IN (
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
            AND classid = (hashtext('relay of ' || $1)::bigint & 4294967295)::oid
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""
CLAIM = """
INSERT INTO relay AS r (topic, partition, epoch, owner) VALUES ($1, $2, 1, $3)
ON CONFLICT (topic, partition) DO UPDATE SET epoch = r.epoch + 1, owner = excluded.owner
RETURNING position, epoch
"""
ADVANCE = """
UPDATE relay AS r SET position = a.position
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS a (topic, partition, epoch, base, position)
WHERE r.topic = a.topic AND r.partition = a.partition
    AND r.epoch = a.epoch AND r.position = a.base
RETURNING r.topic, r.partition
"""
# A new epoch fences the running relay, which claims again and starts from the position set here.
REWIND = """
UPDATE relay SET position = $3, epoch = epoch + 1
WHERE topic = $1 AND partition = $2 AND position >= $3
RETURNING true
"""
POSITIONS = """
SELECT h.topic, h.partition, h.position AS head, coalesce(r.position, 0) AS relayed
FROM head AS h LEFT JOIN relay AS r USING (topic, partition)
"""
logger = structlog.get_logger()


class RewindRefused(Exception):
    """The position to go back to was never relayed."""

    def __init__(self, partition: TopicPartition, to_position: int) -> None:
        super().__init__(
            f"{partition.topic}/{partition.partition} was not relayed as far as {to_position}"
        )
        self.partition, self.to_position = partition, to_position


@dataclass(slots=True)
class Lease:
    """A partition that this process publishes: how far it came, and under which epoch."""

    position: int
    epoch: int


Advance: TypeAlias = tuple[str, int, int, int, int]  # topic, partition, epoch, from, to


class RelayMetrics:
    """Made once in the life of a process, which may open its relay more than once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.fenced = Counter(
            "coprod_relay_fenced",
            "Pages published under an epoch that had passed",
            registry=registry,
        )


class Relay:
    """Runs beside the service's HTTP server; any number of processes may run one on the same store.

    ``wake`` is set after each commit. ``owner`` names this process to those who look at the table.
    """

    def __init__(  # noqa: PLR0913 - all keywords, and each app builds one
        self,
        pool: Pool,
        log: Log,
        *,
        deployment: str,
        owner: str,
        wake: asyncio.Event,
        metrics: RelayMetrics | None = None,
        silent_seconds: float = SILENT_SECONDS_MAX,
    ) -> None:
        self._pool, self._log = pool, log
        self._deployment, self._owner, self._wake = deployment, owner, wake
        self._leases: dict[TopicPartition, Lease] = {}
        self._draining: dict[TopicPartition, asyncio.Task[None]] = {}
        self._overlooked: set[TopicPartition] = set()  # had more to publish while being drained
        self._first_pages: Gathering[tuple[str, int, int], list[StoredEvent]] = Gathering(
            self._read, TOGETHER_MAX, whole=lambda _: True
        )
        self._advances: Gathering[Advance, bool] = Gathering(
            self._advance, TOGETHER_MAX, whole=lambda _: True
        )
        self._backoffs: dict[TopicPartition, Backoff] = {}
        self._not_before: dict[TopicPartition, float] = {}  # in the time of the loop
        self._broken: dict[TopicPartition, str] = {}
        self._look_at = 0.0
        self._metrics = metrics or RelayMetrics(CollectorRegistry())
        self._silent_seconds = silent_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Publish until ``stop`` is called; a database or a log that is away is waited for."""
        with suppress(Stopping):
            while not self._stopping.is_set():
                await retry(
                    self._lead,
                    Backoff(RECONNECT_SECONDS_MIN, RECONNECT_SECONDS_MAX),
                    on=DATABASE_ERRORS,
                    failed=lambda error, _: logger.warning(
                        "relay_database_away", error=repr(error)
                    ),
                    stopping=self._stopping,
                )

    def stop(self) -> None:
        """Let ``run`` return once what is being published is acknowledged."""
        self._stopping.set()
        self._wake.set()

    def failure(self) -> str | None:
        """Return which partitions cannot be published and why: the store broke its promise."""
        return "; ".join(self._broken.values()) or None

    async def lag(self) -> dict[TopicPartition, int]:
        """Return how many events of each partition are not yet known to be in the log."""
        return {at: head - relayed for at, (head, relayed) in (await progress(self._pool)).items()}

    async def _lead(self) -> None:
        # The locks are of this connection's session: kept for as long as it lives, freed with it.
        async with self._pool.acquire() as leasing:
            try:
                while not self._stopping.is_set() and not leasing.is_closed():
                    self._wake.clear()
                    held = cast("Connection", leasing)
                    for at, epoch in await self._behind(held):
                        if await self._lease(held, at, epoch):
                            self._overlooked.discard(at)
                            self._draining[at] = asyncio.create_task(self._drain(at))
                            self._draining[at].add_done_callback(partial(self._drained, at))
                    await self._await_work()
            finally:
                if not self._stopping.is_set():
                    for task in self._draining.values():
                        task.cancel()  # what it publishes now, another may be publishing too
                await asyncio.gather(*self._draining.values(), return_exceptions=True)
                self._draining.clear()
                self._leases.clear()
                leasing.terminate()  # the locks must not go back into the pool

    async def _await_work(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
        self._sweep()

    def _sweep(self) -> None:
        for at in [at for at, task in self._draining.items() if task.done()]:
            self._draining.pop(at).result()

    def _drained(self, at: TopicPartition, _: object) -> None:
        if at in self._overlooked:
            self._wake.set()

    async def _behind(self, leasing: Connection) -> list[tuple[TopicPartition, int]]:
        """Return the partitions to be taken up now, with the epoch that stands in the table.

        Asked in the session that holds the locks: so it is never silent for long.
        """
        now = asyncio.get_running_loop().time()
        behind = [(TopicPartition(row[0], row[1]), row[2]) for row in await leasing.fetch(BEHIND)]
        self._sweep()
        self._overlooked.update(at for at, _ in behind if at in self._draining)
        return [
            (at, epoch)
            for at, epoch in behind
            if at not in self._draining
            and at not in self._broken
            and self._not_before.get(at, 0) <= now
        ]

    async def _lease(self, leasing: Connection, at: TopicPartition, epoch: int) -> bool:
        """Return whether the partition is ours; a changed epoch means it was rewound."""
        lease = self._leases.get(at)
        if lease is not None and lease.epoch == epoch:
            return True
        if lease is None and not await leasing.fetchval(TAKE, *at):
            self._postpone(at, TAKEOVER_SECONDS_MAX)
            await self._end_silent(leasing, at.topic)
            return False
        row = await leasing.fetchrow(CLAIM, *at, self._owner)
        if row is None:
            raise AssertionError("an upsert returns its row")
        self._leases[at] = Lease(row["position"], row["epoch"])
        logger.info("partition_leased", topic=at.topic, partition=at.partition, **dict(row))
        return True

    async def _end_silent(self, leasing: Connection, topic: str) -> None:
        """End the sessions of processes that hold partitions of the topic and do nothing more."""
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return
        self._look_at = now + LOOKING_SECONDS
        for pid, _ in await leasing.fetch(END_SILENT, topic, self._silent_seconds):
            logger.warning("silent_relay_ended", topic=topic, session=pid)

    async def _drain(self, at: TopicPartition) -> None:
        """Publish page after page until nothing is left, or the lease is."""
        lease = self._leases[at]
        try:
            events = await self._first_pages.take((*at, lease.position))
            more = len(events) == FEW_EVENTS or sum(len(e.data) for e in events) >= FEW_BYTES
            while await self._publish(at, lease, events) and not self._stopping.is_set():
                self._backoffs.pop(at, None)
                self._not_before.pop(at, None)
                if not more:
                    break  # what came since has woken us
                events = await page(self._pool, *at, lease.position, PAGE_EVENTS_MAX)
        except (PublishFailed, *DATABASE_ERRORS) as error:
            # Some may be in the log and some not: begin again from what is known to be there.
            self._leases[at].epoch = NONE
            self._postpone(at, RETRY_SECONDS_MAX)
            logger.warning(
                "publishing_failed", topic=at.topic, partition=at.partition, why=str(error)
            )

    def _postpone(self, at: TopicPartition, seconds_max: float) -> None:
        """Leave alone for a while what could not be leased or published."""
        backoff = self._backoffs.setdefault(at, Backoff(POLL_SECONDS, seconds_max))
        backoff.longest = seconds_max
        self._not_before[at] = asyncio.get_running_loop().time() + backoff.next()

    async def _publish(
        self, at: TopicPartition, lease: Lease, events: Sequence[StoredEvent]
    ) -> bool:
        """Publish what comes next; return whether there was something, and the lease held."""
        if not events:
            return False
        expected = range(lease.position + 1, lease.position + 1 + len(events))
        if [event.position for event in events] != list(expected):
            self._broken[at] = f"{at.topic}/{at.partition} has a hole after {lease.position}"
            logger.error("positions_not_contiguous", topic=at.topic, partition=at.partition)
            return False
        await failpoint.reach("relay.publishing")
        await self._log.publish(*at, [self._outgoing(event) for event in events])
        await failpoint.reach("relay.acknowledged")
        before, lease.position = lease.position, expected[-1]
        advance = (*at, lease.epoch, before, lease.position)
        if await self._advances.take(advance):
            return True
        lease.epoch = NONE  # rewound, or taken over
        logger.warning("relay_fenced", topic=at.topic, partition=at.partition)
        self._metrics.fenced.inc()
        return False

    async def _read(self, asked: Sequence[tuple[str, int, int]]) -> list[list[StoredEvent]]:
        return await pages(self._pool, asked, FEW_EVENTS, FEW_BYTES)

    async def _advance(self, advances: Sequence[Advance]) -> list[bool]:
        rows = await self._pool.fetch(ADVANCE, *zip(*sorted(advances), strict=True))
        moved = {(row[0], row[1]) for row in rows}
        return [(topic, partition) in moved for topic, partition, *_ in advances]

    def _outgoing(self, event: StoredEvent) -> OutgoingRecord:
        published = event.published(self._deployment)
        return OutgoingRecord(event.key.encode(), event.data, headers(published))


async def progress(pool: Pool) -> dict[TopicPartition, tuple[int, int]]:
    """Return, for each partition, the last position stored and the last one relayed."""
    rows = await pool.fetch(POSITIONS)
    return {TopicPartition(row[0], row[1]): (row[2], row[3]) for row in rows}


async def rewind(pool: Pool, topic: str, partition: int, to_position: int) -> None:
    """Publish again everything after ``to_position``; a running relay begins at once.

    Raises:
        RewindRefused: that position is negative or was not relayed yet.
    """
    if to_position < 0 or not await pool.fetchval(REWIND, topic, partition, to_position):
        raise RewindRefused(TopicPartition(topic, partition), to_position)
