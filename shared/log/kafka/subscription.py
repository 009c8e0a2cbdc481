"""A membership in a Kafka consumer group, through a FastStream batch subscriber.

Kafka's group says who should read; who may write is decided by the reader's claim. Kafka's own
offsets are committed too, seconds late, and only for tools that show lag.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaMessage

from shared.contracts.topics import PROVISIONED
from shared.log.kafka.client import (
    METADATA_AGE_MS_MAX,
    REQUEST_TIMEOUT_MS,
    UNREACHABLE,
    Clients,
    require_topics,
)
from shared.log.kafka.fetching import Fetching, Run
from shared.log.kafka.watchdog import Watchdog
from shared.log.port import LogReader, TopicPartition
from shared.runtime.retry import Backoff, retry

BATCH_TIMEOUT_MS = 15  # FastStream sleeps this long after an empty poll: it bounds latency
SESSION_TIMEOUT_MS = 6_000  # the least a broker allows; how long a killed member's partitions wait
HEARTBEAT_MS = 1_500
REBALANCE_TIMEOUT_MS = 30_000
STOPPING_SECONDS_MAX = 10
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.1, 5.0

log = structlog.get_logger(__name__)
Ends = Callable[[Sequence[str]], Awaitable[Mapping[TopicPartition, int]]]


@dataclass(frozen=True, slots=True)
class Group:
    """Where a subscription reads, and as whose member; ``topics`` are bare names."""

    bootstrap: Sequence[str]
    prefix: str
    name: str
    topics: Sequence[str]
    batch_records_max: int

    def real(self, partition: TopicPartition) -> KafkaPartition:
        return KafkaPartition(self.prefix + partition.topic, partition.partition)

    def bare(self, at: KafkaPartition) -> TopicPartition:
        return TopicPartition(at.topic[len(self.prefix) :], at.partition)


class KafkaSubscription:
    """See ``shared.log.port.Subscription``. ``start`` returns at once and joins later."""

    def __init__(self, group: Group, reader: LogReader, ends: Ends, clients: Clients) -> None:
        self._group, self._reader, self._ends = group, reader, ends
        self._clients = clients
        self._busy = (
            asyncio.Lock()
        )  # a rebalance waits for the batch in hand, and the other way round
        self._failure: str | None = None
        self._broker: Any = None
        self._fetching: Fetching | None = None
        self._running: asyncio.Task[None] | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._assignment = 0
        self._handled_batches = 0

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is None:
            return
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self._running = None
        await self._leave()

    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset(map(self._group.bare, self._fetching.next if self._fetching else ()))

    async def pause(self, partition: TopicPartition) -> None:
        if self._fetching is not None:
            self._fetching.pause(self._group.real(partition))

    async def resume(self, partition: TopicPartition, offset: int) -> None:
        if self._fetching is not None:
            self._fetching.place(self._group.real(partition), offset)

    def stopped(self) -> Mapping[TopicPartition, str]:
        stopped = self._fetching.stopped if self._fetching else {}
        return {self._group.bare(at): reason for at, reason in stopped.items()}

    def failure(self) -> str | None:
        return self._failure

    async def _run(self) -> None:
        fetching = await self._join()
        watchdog = Watchdog(
            fetching, self._ends_of_topics, lambda: self._handled_batches, self._pass_over
        )
        try:
            self._fail(await watchdog.watch())
        except Exception as error:  # noqa: BLE001 - an unwatched consumer must not go on
            self._fail(f"the watchdog ended: {error!r}")

    async def _join(self) -> Fetching:
        """Join the group, however long Kafka is away."""
        backoff = Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
        return await retry(self._try_to_join, backoff, on=UNREACHABLE, failed=self._unreachable)

    async def _try_to_join(self) -> Fetching:
        self._broker = self._build()
        try:
            await self._find_topics()
            await self._broker.start()
        except UNREACHABLE:
            await self._broker.stop()
            raise
        return self._installed()

    def _unreachable(self, error: Exception, _seconds: float) -> None:
        log.warning("kafka_unreachable", group=self._group.name, error=repr(error))

    async def _find_topics(self) -> None:
        client = self._clients.metadata(
            bootstrap_servers=list(self._group.bootstrap), request_timeout_ms=REQUEST_TIMEOUT_MS
        )
        try:
            await client.bootstrap()
            there = (await client.fetch_all_metadata()).topics()
            require_topics(there, (self._group.prefix + topic for topic in self._group.topics))
        finally:
            await client.close()

    def _build(self) -> Any:
        broker = self._clients.broker(
            list(self._group.bootstrap),
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=None,
            graceful_timeout=STOPPING_SECONDS_MAX,
            metadata_max_age_ms=METADATA_AGE_MS_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        self._subscriber = broker.subscriber(
            *(self._group.prefix + topic for topic in self._group.topics),
            group_id=self._group.prefix + self._group.name,
            batch=True,
            batch_timeout_ms=BATCH_TIMEOUT_MS,
            max_records=self._group.batch_records_max,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="none",
            # By number, so that a service's events of several topics come to one member; dealt out
            # one by one, as is the default, they would not.
            partition_assignment_strategy=(_assignor(self._group.prefix),),
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            listener=_Listener(self._claim, self._release),
            parser=_untouched,
            decoder=_raw,
            no_reply=True,
        )
        self._subscriber(self._deliver)
        self._fetching = None
        return broker

    def _installed(self) -> Fetching:
        """Return the guard around the consumer, put in place before anything can be fetched."""
        consumer = self._subscriber.consumer
        if self._fetching is None or self._fetching.consumer is not consumer:
            self._fetching = Fetching(consumer, self._group.bare)
        return self._fetching

    async def _claim(self, assigned: Iterable[KafkaPartition]) -> None:
        partitions = sorted(assigned)
        fetching = self._installed()
        fetching.hold(partitions)
        self._assignment += 1
        if partitions and self._failure is None:
            # Not awaited: no heartbeat goes out before this listener returns, and a claim may wait
            # for a database or restore much.
            self._claiming = asyncio.create_task(
                self._take_over(fetching, partitions, self._assignment)
            )

    async def _take_over(
        self, fetching: Fetching, partitions: Sequence[KafkaPartition], assignment: int
    ) -> None:
        """Claim, and go on from there; when it is done the consumer may have been stopped."""
        async with self._busy:
            if assignment != self._assignment:
                return  # taken away again: a claim now would fence whoever has them
            try:
                starts = await self._reader.claim([self._group.bare(at) for at in partitions])
            except Exception as error:  # noqa: BLE001 - aiokafka would only log it
                self._fail(f"claiming failed: {error!r}")
                return
            for partition, offset in starts.items():
                fetching.place(self._group.real(partition), offset)

    async def _release(self, revoked: Iterable[KafkaPartition]) -> None:
        self._assignment += 1
        async with self._busy:
            await self._give_up([at for at in revoked if at in self._installed().next])

    async def _give_up(self, partitions: Sequence[KafkaPartition]) -> None:
        if self._fetching is None or not partitions:
            return
        self._fetching.forget(partitions)
        try:
            await self._reader.release([self._group.bare(at) for at in sorted(partitions)])
        except Exception as error:  # noqa: BLE001 - aiokafka would only log it
            self._fail(f"releasing failed: {error!r}")

    async def _deliver(self, runs: list[Run]) -> None:
        async with self._busy:
            if self._failure is not None:
                return
            batch = self._installed().accept(runs)
            runs.clear()  # see ``_untouched``
            if not batch:
                return
            try:
                await self._reader.handle({self._group.bare(at): batch[at] for at in batch})
            except Exception as error:  # noqa: BLE001 - FastStream would go on with the next batch
                self._fail(f"handling failed: {error!r}")
            self._handled_batches += 1

    async def _pass_over(self) -> None:
        if self._busy.locked():
            return  # something is in hand, which may take long; there is no hurry
        async with self._busy:
            for at, offset in (await self._installed().pass_over()).items():
                await self._reader.passed(self._group.bare(at), offset)

    async def _leave(self) -> None:
        if self._broker is not None:
            await self._broker.stop()
        self._assignment += 1
        if self._claiming is not None:
            await self._claiming
        if self._fetching is not None:
            await self._give_up(list(self._fetching.next))
        self._broker = self._fetching = None

    async def _ends_of_topics(self) -> Mapping[KafkaPartition, int]:
        ends = await self._ends(self._group.topics)
        return {self._group.real(partition): end for partition, end in ends.items()}

    def _fail(self, reason: str) -> None:
        if self._failure is None:
            log.error("subscription_failed", group=self._group.name, reason=reason)
            self._failure = reason
        if self._fetching is not None:
            for at in list(self._fetching.next):
                self._fetching.pause(at)


def _assignor(prefix: str) -> type[RangePartitionAssignor]:
    """Return the assignor that deals out our partitions alone.

    Where somebody has added partitions to a topic, what has one number would come to two members,
    and nothing of ours is in those.
    """

    class OurPartitions(RangePartitionAssignor):
        @classmethod
        def assign(cls, cluster: Any, members: Any) -> Any:
            ours = {prefix + name: range(topic.partitions) for name, topic in PROVISIONED.items()}

            def partitions_for_topic(topic: str) -> set[int] | None:
                there: set[int] | None = cluster.partitions_for_topic(topic)
                return there and there.intersection(ours.get(topic, there))

            known: Any = SimpleNamespace(partitions_for_topic=partitions_for_topic)
            return super().assign(known, members)

    return OurPartitions


class _Listener(ConsumerRebalanceListener):
    def __init__(
        self,
        claim: Callable[[Iterable[KafkaPartition]], Awaitable[None]],
        release: Callable[[Iterable[KafkaPartition]], Awaitable[None]],
    ) -> None:
        self._claim, self._release = claim, release

    async def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        await self._claim(assigned)

    async def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        await self._release(revoked)


async def _untouched(runs: tuple[Run, ...]) -> KafkaMessage:
    """Parse nothing: a header that FastStream can't decode would lose the whole batch.

    FastStream keeps the message in the context of its task. A timer that is set meanwhile, as the
    pool of connections sets one a batch, keeps that context, and a cancelled timer stays until a
    hundred have gathered. So the runs are in a list, to be taken out when they are delivered.
    """
    consumer: Any = None
    raw: Any = list(runs)
    return KafkaMessage(raw_message=raw, body=b"", consumer=consumer)


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message
