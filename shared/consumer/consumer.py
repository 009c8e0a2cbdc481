"""Reads topics with exactly-once effect: a transaction a batch moves positions and does the work.

The group decides who should read; the epoch in the position rows alone decides who may write.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar, cast

import structlog
from prometheus_client import CollectorRegistry

from shared.consumer import checkpoint as positions
from shared.consumer import quarantine
from shared.consumer.checkpoint import Fenced
from shared.consumer.handler import Batch, Handler, batch_of
from shared.consumer.key_replay import ReplaySource, replayed, retold
from shared.consumer.lag import UNREAD_SECONDS_MAX, Lag
from shared.consumer.metrics import ConsumerMetrics
from shared.consumer.quarantine import Pool, RetryRefused
from shared.consumer.sequencing import Checkpoint, Decode, Sequencer, refuse_bad_deployment, take
from shared.contracts import catalogue
from shared.contracts.topics import Topic
from shared.eventstore.port import Connection
from shared.log.port import Log, LogRecord, Subscription, TopicPartition
from shared.runtime import failpoint
from shared.runtime.retry import Backoff, Stopping, is_transient, retry

CHORE_SECONDS = 5.0
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.05, 5.0
TICK_SECONDS = 0.25
TAKING_BACK_SECONDS = 10.0  # after a group has had the time to give the partition to its new owner
Standings = Mapping[TopicPartition, Checkpoint]

logger = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConsumerIdentity:
    """``name`` is the group and the key of its rows; ``owner`` is this process, for people."""

    name: str
    owner: str
    deployment: str


class Consumer:
    """The reader of a subscription, and the subscription itself."""

    def __init__(  # noqa: PLR0913 - all keywords, and each app builds one
        self,
        pool: Pool,
        log: Log,
        *,
        name: str,
        topics: Sequence[Topic],
        handler: Handler,
        deployment: str,
        owner: str,
        metrics: ConsumerMetrics | None = None,
        decode: Decode = catalogue.decode_all,
        retelling: Sequence[Topic] = (),
        broken_run_max: int = 100,
        batch_records_max: int = 2000,
        taking_back_seconds: float = TAKING_BACK_SECONDS,
        unread_seconds: float = UNREAD_SECONDS_MAX,
    ) -> None:
        self._pool, self._log, self._handler = pool, log, handler
        self._identity = ConsumerIdentity(name, owner, deployment)
        self._decode = decode
        self._retelling = {topic.name for topic in retelling}
        names = [topic.name for topic in topics]
        self._lag = Lag(log, name, names, self._stored, unread_seconds)
        self._metrics = metrics or ConsumerMetrics(CollectorRegistry())
        self._broken_run_max = broken_run_max
        self._turn = asyncio.Lock()  # one at a time: a batch, a rebalance, a retry
        self._stopping = asyncio.Event()
        self._unmirrored = asyncio.Event()
        self._standings: dict[TopicPartition, Checkpoint] = {}
        self._lost_at: dict[TopicPartition, float] = {}
        self._taking_back_seconds = taking_back_seconds
        self._missed_types: tuple[str, ...] = ()
        self._chores: list[asyncio.Task[None]] = []
        self._subscription: Subscription = log.subscribe(
            name, names, self, batch_records_max=batch_records_max
        )

    async def start(self) -> None:
        self._stopping.clear()
        async with self._connected() as conn:
            self._missed_types = await positions.missed_types(conn, self._identity.name)
        self._unmirrored.set()  # a crash may have left some
        self._chores = [
            asyncio.create_task(
                quarantine.mirroring(self._pool, self._log, self._identity.name, self._unmirrored)
            ),
            asyncio.create_task(self._watch_lag()),
            asyncio.create_task(self._watch_epochs()),
            asyncio.create_task(self._take_back()),
        ]
        await self._subscription.start()

    async def stop(self) -> None:
        self._stopping.set()
        await self._subscription.stop()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        self._chores = []

    @property
    def name(self) -> str:
        return self._identity.name

    def failure(self) -> str | None:
        """Return why the process must end, if it must."""
        ended = [chore for chore in self._chores if chore.done() and not chore.cancelled()]
        why = repr(ended[0].exception()) if ended else None
        return self._subscription.failure() or why

    def incomplete(self) -> tuple[str, ...]:
        """Return the types that an older build skipped and this one knows: a rebuild is due."""
        return self._missed_types

    def gaps(self) -> dict[TopicPartition, tuple[int, int]]:
        """Partition -> (the position that is missing, the one that came instead)."""
        return {
            at: (standing.position + 1, standing.gap_until)
            for at, standing in self._standings.items()
            if standing.gap_until is not None
        }

    def unreadable(self) -> Mapping[TopicPartition, str]:
        """Partition -> why the log can't deliver it any more."""
        return self._subscription.stopped()

    def troubles(self) -> list[str]:
        """Return in words what is there and is not taken; nothing when all is well."""
        return [
            *(
                f"position {missing} of {at.topic}/{at.partition}, before {found}"
                for at, (missing, found) in self.gaps().items()
            ),
            *(f"{at.topic}/{at.partition}: {why}" for at, why in self.unreadable().items()),
            *self._lag.troubles(),
        ]

    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions that were claimed and restored, and are followed now."""
        return frozenset(self._standings)

    async def positions(self) -> dict[TopicPartition, int]:
        """Return the last position taken, by partition, whichever replica took it."""
        async with self._connected() as conn:
            return await positions.read(conn, self._identity.name)

    async def lag(self) -> int:
        """Return how many records no process has dealt with yet, over all partitions."""
        await self._lag.look(self._standings)
        return self._lag.records

    async def _stored(self) -> dict[TopicPartition, tuple[int, int]]:
        async with self._connected() as conn:
            return await positions.stored(conn, self.name)

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with self._turn:
            return await self._claimed(partitions)

    async def release(self, partitions: Sequence[TopicPartition]) -> None:
        async with self._turn:
            for at in partitions:
                self._lost_at.pop(at, None)
            held = [at for at in partitions if self._standings.pop(at, None) is not None]
            if held:
                await self._handler.forget(held)
            self._metrics.gaps.labels(self._identity.name).set(len(self.gaps()))

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        async with self._turn:
            if self._stopping.is_set():
                return
            before = {at: self._standings[at] for at in batch if at in self._standings}
            intakes = {
                at: take(standing, batch[at], self._identity.deployment, self._decode)
                for at, standing in before.items()
            }
            refuse_bad_deployment(intakes, self._broken_run_max)
            started = time.perf_counter()
            try:
                await self._take(before, intakes)
            except Stopping:
                return
            seconds = time.perf_counter() - started
            self._metrics.batch_seconds.labels(self._identity.name).observe(seconds)

    async def passed(self, partition: TopicPartition, offset: int) -> None:
        async with self._turn:
            held = self._standings.get(partition)
            if held is None or held.gap_until is not None or held.offset >= offset:
                return  # in a gap a restart reads again from where the order was last sound
            moved = Sequencer(offset, held.position, held.epoch, held.broken_run, None)
            with suppress(Stopping):
                await self._take({partition: held}, {partition: moved})

    async def retry(self, number: int, actor: str) -> None:
        """Take a quarantined record after all, if this build can.

        Raises:
            NotHeld: nothing to retry.
            RetryRefused: it still can't be taken, or not here.
        """
        async with self._turn:
            story = await self._story(number)  # before: a transaction must not wait for the log
            batch: Batch | None = None
            try:
                async with self._connected() as conn, conn.transaction():
                    held = await quarantine.locked(conn, number)
                    batch = self._replay(held, story)
                    await self._apply_late(conn, batch)
                    await quarantine.settle(conn, number, "retried", actor)
            except Exception as error:
                if batch is not None and is_transient(error):
                    # whether it was committed is not known, but to the tables
                    await self._lose(set(batch.events))
                raise
            await self._handler.committed(batch)

    async def _apply_late(self, conn: Connection, batch: Batch) -> None:
        (at,) = batch.events
        if not await positions.hold(conn, self._identity.name, at, self._standings[at].epoch):
            raise RetryRefused("held_elsewhere", f"another process has claimed {at}")
        try:
            async with conn.transaction():
                await self._handler.apply(conn, batch)
        except Exception as error:
            if is_transient(error):
                raise
            raise RetryRefused("not_applicable", f"{error!r}") from error

    async def _story(self, number: int) -> Sequence[object]:
        held = await quarantine.shown(self._pool, number)
        if held is None or held.status != "held" or held.record.topic not in self._retelling:
            return ()
        (at,) = self._replay(held, ()).events
        taken = ReplaySource(self._standings[at].position, self._identity.deployment, self._decode)
        try:
            return await retold(self._pool, self._log, held, taken)
        except Exception as error:
            raise RetryRefused("log_unreadable", f"what came after it: {error!r}") from error

    def _replay(self, held: quarantine.QuarantinedRecord, story: Sequence[object]) -> Batch:
        at = TopicPartition(held.record.topic, held.record.partition)
        if held.consumer != self.name or at not in self._standings:
            raise RetryRefused("held_elsewhere", f"{held.consumer} does not hold {at} here")
        return replayed(held, story, self._identity.deployment, self._decode)

    async def _claimed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Take the partitions over, their memory too; return where each goes on."""
        try:
            claimed = await self._retried(lambda: self._claim(partitions))
            await self._retried(lambda: self._handler.restore(positions.claims(claimed)))
        except Stopping:
            return {}
        self._standings.update(claimed)
        for at in claimed:
            self._lost_at.pop(at, None)
        return {at: standing.offset for at, standing in claimed.items()}

    async def _claim(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Checkpoint]:
        async with self._connected() as conn:
            return await positions.claim(conn, self.name, partitions, self._identity.owner)

    async def _take(self, before: Standings, intakes: dict[TopicPartition, Sequencer]) -> None:
        """Commit what was sorted; partitions that turn out to be somebody else's are left out."""
        while True:
            changed = {at: i for at, i in intakes.items() if i.standing != before[at] or i.broken}
            batch = batch_of(before, changed)
            try:
                await self._retried(lambda: self._commit(before, changed, batch))  # noqa: B023
            except Fenced as fenced:
                for at in fenced.lost:
                    del intakes[at]
                await self._lose(fenced.lost)
            else:
                break
        self._standings.update({at: intake.standing for at, intake in intakes.items()})
        if batch.positions:
            await self._handler.committed(batch)
        self._report(before, intakes)

    async def _commit(
        self, before: Standings, intakes: Mapping[TopicPartition, Sequencer], batch: Batch
    ) -> None:
        if not intakes:
            return
        await failpoint.reach("consumer.taking")
        name = self._identity.name
        async with self._connected() as conn:
            try:
                async with conn.transaction():
                    await self._advance(conn, before, intakes)
                    broken = [one for intake in intakes.values() for one in intake.broken]
                    await quarantine.add(conn, name, broken)
                    await positions.add_unknown(conn, name, intakes)
                    if batch.positions:
                        await self._handler.apply(conn, batch)
                    await failpoint.reach("consumer.committing")
                await failpoint.reach("consumer.committed")
            except Fenced as fenced:
                # or the connection broke in an earlier attempt, after its commit
                lost = fenced.lost - await positions.arrived(conn, name, intakes)
                if lost:
                    raise Fenced(lost) from None

    async def _advance(
        self, conn: Connection, before: Standings, intakes: Mapping[TopicPartition, Sequencer]
    ) -> None:
        lost = await positions.advance(conn, self._identity.name, before, intakes)
        if lost:
            raise Fenced(lost)

    async def _lose(self, lost: set[TopicPartition]) -> None:
        for at in sorted(lost):
            logger.warning("partition_fenced", consumer=self._identity.name, partition=at)
            self._standings.pop(at, None)
            self._lost_at[at] = asyncio.get_running_loop().time()
            await self._subscription.pause(at)
        self._metrics.fenced.labels(self._identity.name).inc(len(lost))
        await self._handler.forget(sorted(lost))

    def _report(self, before: Standings, intakes: Mapping[TopicPartition, Sequencer]) -> None:
        name = self._identity.name
        for at, intake in intakes.items():
            self._metrics.events.labels(name).inc(len(intake.events))
            self._metrics.duplicates.labels(name).inc(intake.duplicates)
            self._metrics.quarantined.labels(name).inc(len(intake.broken))
            self._metrics.unknown.labels(name).inc(len(intake.unknown))
            if intake.broken:
                self._unmirrored.set()
            gap = intake.standing.gap_until
            if gap is not None and before[at].gap_until is None:
                expected = intake.standing.position + 1
                logger.error("gap_found", consumer=name, partition=at, expected=expected, found=gap)
        self._metrics.gaps.labels(name).set(len(self.gaps()))

    async def _take_back(self) -> None:
        """Claim again what the group still assigns to this process long after it was lost.

        Whoever claimed it last is gone: a claim can arrive after its process has been replaced, or
        has died. Were it not taken back, nobody would read the partition any more.
        """
        while True:
            await asyncio.sleep(min(TICK_SECONDS, self._taking_back_seconds))
            async with self._turn:  # what is assigned stays so: to take it away needs the turn
                since = asyncio.get_running_loop().time() - self._taking_back_seconds
                assigned = self._subscription.assigned()
                due = [at for at, lost in self._lost_at.items() if lost <= since and at in assigned]
                starts = await self._claimed(sorted(due)) if due else {}
            for at, offset in starts.items():
                logger.warning("partition_taken_back", consumer=self.name, partition=at)
                await self._subscription.resume(at, offset)

    async def _watch_epochs(self) -> None:
        """Notice a claim by others, or a reset, also where nothing comes that would be refused."""
        while True:
            await asyncio.sleep(min(CHORE_SECONDS, self._taking_back_seconds))
            async with self._turn:
                with suppress(Stopping):
                    if overtaken := await self._retried(self._overtaken):
                        await self._lose(overtaken)

    async def _overtaken(self) -> set[TopicPartition]:
        async with self._connected() as conn:
            return await positions.overtaken(conn, self._identity.name, self._standings)

    async def _watch_lag(self) -> None:
        while True:
            self._metrics.unreadable.labels(self.name).set(len(self.unreadable()))
            await self._lag.measure(self._metrics, self._standings)
            await asyncio.sleep(CHORE_SECONDS)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as conn:
            yield cast("Connection", conn)

    async def _retried(self, work: Callable[[], Awaitable[T]]) -> T:
        backoff = Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
        return await retry(work, backoff, failed=self._retries, stopping=self._stopping)

    def _retries(self, error: Exception, seconds: float) -> None:
        logger.warning("consumer_waits", error=repr(error), seconds=seconds)
        self._metrics.retries.labels(self._identity.name).inc()
