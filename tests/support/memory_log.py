"""A log in memory for tests of consumers; the contract suite holds it to its promises."""

import asyncio
from collections.abc import Mapping, Sequence

from shared.contracts.topics import MESSAGE_BYTES_MAX, Topic
from shared.log.port import LogReader, LogRecord, OutgoingRecord, PublishFailed, TopicPartition


class MemoryLog:
    """All clients share this one object, so ``stop`` does nothing."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self.partitions: dict[TopicPartition, list[LogRecord]] = {
            TopicPartition(topic.name, number): []
            for topic in topics
            for number in range(topic.partitions)
        }
        self.groups: dict[str, list[MemorySubscription]] = {}
        self.rebalancing = asyncio.Lock()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        there = self.partitions.get(TopicPartition(topic, partition))
        if there is None:
            raise PublishFailed(f"there is no partition {topic}/{partition}")
        if any(len(record.value or b"") > MESSAGE_BYTES_MAX for record in records):
            raise PublishFailed("a record is too large")
        for record in records:
            there.append(
                LogRecord(topic, partition, len(there), record.key, record.value, record.headers)
            )
        self.wake()

    def wake(self) -> None:
        for members in self.groups.values():
            for member in members:
                member.awake.set()

    def subscribe(
        self, group: str, topics: Sequence[str], reader: LogReader, *, batch_records_max: int = 2000
    ) -> "MemorySubscription":
        return MemorySubscription(self, group, topics, reader, batch_records_max)

    async def read_all(self, partition: TopicPartition, start: int = 0) -> Sequence[LogRecord]:
        return self.partitions[partition][start:]

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        return {at: len(log) for at, log in self.partitions.items() if at.topic in topics}

    async def rebalance(self, group: str) -> None:
        """Share the group's partitions among its members: first all is lost, then gained."""
        async with self.rebalancing:
            members = self.groups[group]
            wanted: dict[MemorySubscription, set[TopicPartition]] = {m: set() for m in members}
            for at in sorted(self.partitions):
                takers = [member for member in members if at.topic in member.topics]
                if takers:
                    wanted[takers[at.partition % len(takers)]].add(at)
            for member in members:
                await member.lose(member.assigned() - wanted[member])
            for member in members:
                await member.gain(wanted[member] - member.assigned())


class MemorySubscription:
    def __init__(
        self,
        log: MemoryLog,
        group: str,
        topics: Sequence[str],
        reader: LogReader,
        batch_records_max: int,
    ) -> None:
        self.log, self.group, self.topics, self.reader = log, group, topics, reader
        self.batch_records_max = batch_records_max
        self.next: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.awake = asyncio.Event()
        self.busy = asyncio.Lock()
        self.failed: str | None = None
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.log.groups.setdefault(self.group, []).append(self)
        self.task = asyncio.create_task(self._deliver())
        await self.log.rebalance(self.group)

    async def stop(self) -> None:
        if self.task is None:
            return
        self.log.groups[self.group].remove(self)
        await self.lose()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.task = None
        await self.log.rebalance(self.group)

    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset(self.next)

    async def pause(self, partition: TopicPartition) -> None:
        self.paused.add(partition)

    async def resume(self, partition: TopicPartition, offset: int) -> None:
        if partition in self.next:
            self.next[partition] = max(offset, 0)
            self.paused.discard(partition)
            self.awake.set()

    def failure(self) -> str | None:
        return self.failed

    def stopped(self) -> Mapping[TopicPartition, str]:
        return {}

    async def lose(self, partitions: frozenset[TopicPartition] | None = None) -> None:
        async with self.busy:  # and what is being claimed is lost with all the others
            partitions = self.assigned() if partitions is None else partitions
            for partition in partitions:
                del self.next[partition]
            if partitions:
                await self.reader.release(sorted(partitions))

    async def gain(self, partitions: set[TopicPartition]) -> None:
        if not partitions:
            return
        async with self.busy:
            try:
                starts = await self.reader.claim(sorted(partitions))
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the process
                self.failed = repr(error)
                return
            self.paused -= partitions
            self.next.update({at: max(start, 0) for at, start in starts.items()})
        self.awake.set()

    async def _deliver(self) -> None:
        while self.failed is None:
            await self.awake.wait()
            self.awake.clear()
            async with self.busy:
                while batch := self._batch():
                    await self._hand_over(batch)

    async def _hand_over(self, batch: dict[TopicPartition, list[LogRecord]]) -> None:
        for partition, records in batch.items():
            self.next[partition] = records[-1].offset + 1  # before: the reader may move it back
        try:
            await self.reader.handle(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the process
            self.failed = repr(error)
        await asyncio.sleep(0)

    def _batch(self) -> dict[TopicPartition, list[LogRecord]]:
        batch: dict[TopicPartition, list[LogRecord]] = {}
        room = self.batch_records_max
        for partition, start in self.next.items():
            records = self.log.partitions[partition][start : start + room]
            if records and partition not in self.paused and self.failed is None:
                batch[partition] = records
                room -= len(records)
            if room == 0:
                break
        return batch
