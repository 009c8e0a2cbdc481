"""Watches the log hand records over: only what was claimed, from where it was claimed, in order.

The consumer survives most of what a log does wrong here, so at rest nothing would show.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.log.kafka.log import KafkaLog
from shared.log.port import LogReader, LogRecord, Subscription, TopicPartition


class Refereed(KafkaLog):
    """The production log; ``found`` gets every breach of the port's promises, in words."""

    def __init__(self, *args: Any, found: list[str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._found = found

    def subscribe(
        self, group: str, topics: Sequence[str], reader: LogReader, **settings: Any
    ) -> Subscription:
        referee = Referee(reader, self._found)
        subscription = super().subscribe(group, topics, referee, **settings)
        return _note_resumed(subscription, referee)


class Referee:
    """Stands before the reader. ``_next``: partition -> the offset that must come next."""

    def __init__(self, reader: LogReader, found: list[str]) -> None:
        self._reader, self._found = reader, found
        self._next: dict[TopicPartition, int] = {}

    def starts(self, at: TopicPartition, offset: int) -> None:
        self._next[at] = max(offset, 0)  # no simulated log begins later

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        starts = await self._reader.claim(partitions)
        for at, offset in starts.items():
            self.starts(at, offset)
        return starts

    async def release(self, partitions: Sequence[TopicPartition]) -> None:
        for at in partitions:
            self._next.pop(at, None)
        await self._reader.release(partitions)

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        for at, records in batch.items():
            offsets = [record.offset for record in records]
            wanted = self._next.get(at)
            if wanted is None:
                self._found.append(f"{at}: {offsets} were handed over before they were claimed")
            elif offsets != list(range(wanted, wanted + len(offsets))):
                self._found.append(f"{at}: {offsets} were handed over, {wanted} was to come")
            self._next[at] = offsets[-1] + 1
        await self._reader.handle(batch)

    async def passed(self, at: TopicPartition, offset: int) -> None:
        self._found.append(f"{at}: {offset} was passed over, and every offset is a record's here")


def _note_resumed(subscription: Subscription, referee: Referee) -> Subscription:
    resume = subscription.resume

    async def resumed(partition: TopicPartition, offset: int) -> None:
        referee.starts(partition, offset)
        await resume(partition, offset)

    subscription.resume = resumed  # type: ignore[method-assign]
    return subscription
