"""Stand-ins for aiokafka's and FastStream's clients, with the hazards that were met in the real.

A producer is broken for a partition once a batch was numbered and not written. A consumer fetches
from the moment it is assigned, unless it is paused. A listener's exception is only logged, a
handler's is swallowed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
    ProducerClosed,
)

from shared.log.kafka.client import Clients
from tests.simulation.kafka import Broker, Member
from tests.simulation.loop import later_outside

BATCH_RECORDS_MAX = 3  # so that a page is several batches
DELIVERY_SECONDS = 0.8
RETRY_SECONDS = 0.1
HEARTBEAT_SECONDS = 0.25
FETCH_WAIT_SECONDS = 0.5
KAFKA_ERROR_SECONDS = 1.0
Record = tuple[Any, Any, Any]


class Cluster:
    """What a client knows of the topics."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def bootstrap(self) -> None:
        await self._broker.request(lambda: None)

    async def close(self) -> None: ...

    async def fetch_all_metadata(self) -> Any:
        topics = await self._broker.request(lambda: set(self._broker.partitions))
        return SimpleNamespace(topics=lambda: topics)


class BatchBuilder:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, *, key: Any, value: Any, headers: Any, **_: Any) -> object | None:
        if len(self.records) == BATCH_RECORDS_MAX:
            return None
        self.records.append((key, value, headers))
        return self

    def record_count(self) -> int:
        return len(self.records)


class Producer:
    def __init__(self, broker: Broker, **_settings: Any) -> None:
        self._broker = broker
        self.client = Cluster(broker)
        self._id = 0
        self._sequences: dict[KafkaPartition, int] = {}
        self._queues: dict[KafkaPartition, deque[tuple[list[Record], asyncio.Future[None]]]] = {}
        self._senders: dict[KafkaPartition, asyncio.Task[None]] = {}
        self._message_accumulator = SimpleNamespace(fail_all=self._fail_all)
        self._sender = SimpleNamespace(close=self._close)

    async def start(self) -> None:
        self._id = await self._broker.request(self._broker.number)

    async def stop(self) -> None:
        await asyncio.gather(*self._senders.values())

    async def partitions_for(self, topic: str) -> Collection[int]:
        return range(self._broker.partitions[topic])

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder()

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> "asyncio.Future[None]":
        at = KafkaPartition(topic, partition)
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(at, deque()).append((batch.records, acknowledged))
        if at not in self._senders or self._senders[at].done():
            self._senders[at] = asyncio.create_task(self._send(at))
        return acknowledged

    async def _send(self, at: KafkaPartition) -> None:
        while self._queues[at]:
            records, acknowledged = self._queues[at].popleft()
            first = self._sequences.get(at, 0)
            self._sequences[at] = first + len(records)
            try:
                await self._deliver(at, first, records)
            except KafkaError as error:
                if not acknowledged.done():
                    acknowledged.set_exception(error)
            else:
                if not acknowledged.done():
                    acknowledged.set_result(None)

    async def _deliver(self, at: KafkaPartition, first: int, records: list[Record]) -> None:
        """Send it again and again, under one number, until the broker answers or time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DELIVERY_SECONDS
        luck, write = self._broker.luck, partial(self._broker.append, self._id, at, first, records)
        while True:
            if luck.strikes("produced_late"):  # on a connection that the client gives up on
                later_outside(self._broker.loop, luck.chance.random() * 4, _quietly, write)
            elif not luck.strikes("produce_lost"):
                try:
                    return await self._broker.request(write)
                except KafkaConnectionError:
                    pass
            if loop.time() >= deadline:
                raise KafkaTimeoutError
            await asyncio.sleep(RETRY_SECONDS if luck.chance.random() < 0.7 else DELIVERY_SECONDS)

    def _fail_all(self, error: Exception) -> None:
        for queue in self._queues.values():
            while queue:
                _, acknowledged = queue.popleft()
                if not acknowledged.done():
                    acknowledged.set_exception(error)

    async def _close(self) -> None:
        for sender in self._senders.values():
            sender.cancel()
        self._fail_all(ProducerClosed())


def _quietly(write: Callable[[], None]) -> None:
    try:
        write()
    except KafkaError:
        return  # nobody waits for the answer


class Assignment:
    """What a consumer may fetch now. A new one ends whatever was being fetched for the old."""

    def __init__(self, partitions: Collection[KafkaPartition]) -> None:
        self.positions: dict[KafkaPartition, int | None] = dict.fromkeys(sorted(partitions))
        self.paused: set[KafkaPartition] = set()
        self.fetched: dict[KafkaPartition, list[ConsumerRecord[Any, Any]]] = {}
        self.lost: dict[KafkaPartition, int] = {}


class Consumer:
    """``group`` None: it is assigned by hand, as a tool's."""

    def __init__(
        self,
        broker: Broker,
        *,
        group: str | None = None,
        topics: Sequence[str] = (),
        listener: Any = None,
        **_settings: Any,
    ) -> None:
        self._broker, self._group, self._listener = broker, group, listener
        self._member = Member(broker.number(), topics, 0.0)
        self._assignment = Assignment(())
        self._arrived, self._moved = asyncio.Event(), asyncio.Event()
        self._client = Cluster(broker)
        self._client_sync: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._fetcher = SimpleNamespace(_fetch_task=None, _records={})
        self._coordinator = SimpleNamespace(_coordination_task=None)
        self._client._sync_task = None  # type: ignore[attr-defined]

    async def start(self) -> None:
        await self._broker.request(lambda: None)
        self._fetcher._fetch_task = asyncio.create_task(self._fetch())
        self._tasks = [self._fetcher._fetch_task]
        if self._group is not None:
            self._coordinator._coordination_task = asyncio.create_task(self._coordinate())
            self._tasks.append(self._coordinator._coordination_task)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._group is not None:
            try:
                await self._broker.request(partial(self._broker.leave, self._group, self._member))
            except KafkaError:
                return  # the group will notice

    # --- what production code calls

    def assignment(self) -> set[KafkaPartition]:
        return set(self._assignment.positions)

    def assign(self, partitions: Collection[KafkaPartition]) -> None:
        self._assignment = Assignment(partitions)
        self._moved.set()

    def paused(self) -> set[KafkaPartition]:
        return set(self._assignment.paused)

    def pause(self, *partitions: KafkaPartition) -> None:
        self._require(partitions)
        self._assignment.paused.update(partitions)

    def resume(self, *partitions: KafkaPartition) -> None:
        self._require(partitions)
        self._assignment.paused.difference_update(partitions)
        self._moved.set()

    def seek(self, at: KafkaPartition, offset: int) -> None:
        self._require([at])
        self._assignment.positions[at] = offset
        self._assignment.fetched.pop(at, None)
        self._assignment.lost.pop(at, None)
        self._moved.set()

    async def position(self, at: KafkaPartition) -> int:
        return self._assignment.positions[at] or 0

    async def commit(self, offsets: Mapping[KafkaPartition, int]) -> None:
        self._require(offsets)
        group = self._broker.groups[self._group or ""]
        await self._broker.request(partial(group.offsets.update, dict(offsets)))

    async def topics(self) -> Any:
        return (await self._client.fetch_all_metadata()).topics()

    async def end_offsets(self, partitions: Sequence[KafkaPartition]) -> dict[KafkaPartition, int]:
        logs = self._broker.logs
        return await self._broker.request(lambda: {at: len(logs[at]) for at in partitions})

    async def getmany(
        self, *partitions: KafkaPartition, timeout_ms: int, max_records: int | None = None
    ) -> dict[KafkaPartition, list[ConsumerRecord[Any, Any]]]:
        wanted = set(partitions) or None
        found = self._taken(wanted, max_records)
        if not found:
            self._arrived.clear()
            try:
                async with asyncio.timeout(max(timeout_ms / 1000, FETCH_WAIT_SECONDS)):
                    await self._arrived.wait()
            except TimeoutError:
                return {}
            found = self._taken(wanted, max_records)
        return found

    def _taken(
        self, wanted: Collection[KafkaPartition] | None, max_records: int | None
    ) -> dict[KafkaPartition, list[ConsumerRecord[Any, Any]]]:
        now, found = self._assignment, {}
        lost = {at: offset for at, offset in now.lost.items() if at not in now.paused}
        if lost:
            raise OffsetOutOfRangeError(lost)
        room = max_records or 1000
        for at in list(now.fetched):
            if at in now.paused or (wanted is not None and at not in wanted) or room == 0:
                continue
            records = now.fetched.pop(at)
            found[at], rest = records[:room], records[room:]
            room -= len(found[at])
            now.positions[at] = found[at][-1].offset + 1
            if rest:
                now.fetched[at] = rest
        self._moved.set()
        return found

    def _require(self, partitions: Collection[KafkaPartition]) -> None:
        for at in partitions:
            if at not in self._assignment.positions:
                raise IllegalStateError(f"{at} is not assigned")

    # --- what goes on inside

    async def _fetch(self) -> None:
        while True:
            now, grown = self._assignment, self._broker.grown
            starts = {
                at: position
                for at, position in now.positions.items()
                if at not in now.paused and at not in now.fetched and at not in now.lost
            }
            try:
                fetched = await self._broker.request(partial(self._read, starts))
            except KafkaError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if self._keep(now, starts, fetched):
                self._arrived.set()
            elif not self._moved.is_set():
                grown.add_done_callback(lambda _: self._moved.set())
                await self._moved.wait()
            self._moved.clear()

    def _read(
        self, starts: Mapping[KafkaPartition, int | None]
    ) -> dict[KafkaPartition, list[ConsumerRecord[Any, Any]] | int]:
        found: dict[KafkaPartition, list[ConsumerRecord[Any, Any]] | int] = {}
        committed = self._broker.groups[self._group or ""].offsets
        for at, position in starts.items():
            start = committed.get(at) if position is None else position
            log = self._broker.logs[at]
            if start is None or start > len(log):
                found[at] = -1 if start is None else start
            elif start < len(log):
                found[at] = log[start:]
        return found

    def _keep(
        self,
        now: Assignment,
        starts: Mapping[KafkaPartition, int | None],
        fetched: Mapping[KafkaPartition, list[ConsumerRecord[Any, Any]] | int],
    ) -> bool:
        """Keep what still is where the consumer stands."""
        kept = False
        for at, found in fetched.items():
            if self._assignment is not now or now.positions[at] != starts[at]:
                continue
            if isinstance(found, int):
                now.lost[at] = found
            else:
                now.positions[at] = found[0].offset
                now.fetched[at] = found
            kept = True
        return kept

    async def _coordinate(self) -> None:
        while True:
            await self._tell(self._listener.on_partitions_revoked, self.assignment())
            try:
                joined = await self._broker.request(
                    lambda: self._broker.join(self._group or "", self._member)
                )
                partitions = await joined
            except KafkaError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.assign(partitions)
            await self._tell(self._listener.on_partitions_assigned, partitions)
            while await self._still_a_member():  # noqa: ASYNC110 - as often as a heart beats
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _still_a_member(self) -> bool:
        beat = partial(self._broker.heartbeat, self._group or "", self._member)
        try:
            return await self._broker.request(beat)
        except KafkaError:
            return True  # not known otherwise

    async def _tell(
        self,
        listener: Callable[[Collection[KafkaPartition]], Awaitable[None]],
        partitions: Collection[KafkaPartition],
    ) -> None:
        try:
            await listener(partitions)
        except Exception as error:  # noqa: BLE001 - the real one only logs it, too
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a listener raised", "exception": error}
            )


class Subscriber:
    """FastStream's batch subscriber."""

    def __init__(self, broker: Broker, topics: Sequence[str], settings: Mapping[str, Any]) -> None:
        self._broker, self._topics, self._settings = broker, topics, settings
        self._handler: Callable[[Any], Awaitable[None]]
        self._handling = asyncio.Lock()
        self._running = False
        self._task: asyncio.Task[None] | None = None
        self.consumer: Consumer

    def __call__(self, handler: Callable[[Any], Awaitable[None]]) -> None:
        self._handler = handler

    async def start(self) -> None:
        self.consumer = Consumer(
            self._broker,
            group=self._settings["group_id"],
            topics=self._topics,
            listener=self._settings["listener"],
        )
        await self.consumer.start()
        self._running = True
        self._task = asyncio.create_task(self._consume())

    async def stop(self, graceful_seconds: float) -> None:
        self._running = False
        if self._task is None:
            return
        try:
            async with asyncio.timeout(graceful_seconds), self._handling:
                pass
        except TimeoutError:
            pass
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.consumer.stop()

    async def _consume(self) -> None:
        while self._running:
            try:
                found = await self.consumer.getmany(
                    timeout_ms=self._settings["batch_timeout_ms"],
                    max_records=self._settings["max_records"],
                )
            except KafkaError:
                await asyncio.sleep(KAFKA_ERROR_SECONDS)
                continue
            records = tuple(chain(*found.values()))
            if records and self._running:
                async with self._handling:
                    await self._handle(records)

    async def _handle(self, records: tuple[ConsumerRecord[Any, Any], ...]) -> None:
        parsed = await self._settings["parser"](records)
        try:
            await self._handler(await self._settings["decoder"](parsed))
        except Exception as error:  # noqa: BLE001 - the real one logs it and goes on
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a handler raised", "exception": error}
            )


class FastStreamBroker:
    def __init__(self, broker: Broker, *_addresses: Any, **settings: Any) -> None:
        self._broker, self._graceful_seconds = broker, settings["graceful_timeout"]
        self._subscribers: list[Subscriber] = []

    def subscriber(self, *topics: str, **settings: Any) -> Subscriber:
        self._subscribers.append(Subscriber(self._broker, topics, settings))
        return self._subscribers[-1]

    async def start(self) -> None:
        for subscriber in self._subscribers:
            await subscriber.start()

    async def stop(self) -> None:
        for subscriber in self._subscribers:
            await subscriber.stop(self._graceful_seconds)


def clients(broker: Broker) -> Clients:
    """Return what production code makes its clients with, of this Kafka."""
    return Clients(
        producer=partial(Producer, broker),
        consumer=partial(Consumer, broker),
        metadata=lambda **_: Cluster(broker),
        broker=partial(FastStreamBroker, broker),
    )
