"""Where a consumer stands in each partition, and a guard: a bad partition stops only itself.

aiokafka's ``getmany`` raises for all partitions at once when one lost its offset or holds a header
name that is not UTF-8; FastStream would sleep or restart its task, for ever, and deliver nothing.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

import structlog
from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError

from shared.log.port import LogRecord, TopicPartition

ONE_BY_ONE_RECORDS_MAX = 500
ONE_BY_ONE_TIMEOUT_MS = 100

log = structlog.get_logger(__name__)
Fetched: TypeAlias = "ConsumerRecord[bytes, bytes]"


def record(partition: TopicPartition, found: Fetched) -> LogRecord:
    """Return what was fetched under the partition's bare name."""
    return LogRecord(*partition, found.offset, found.key, found.value, found.headers)


class Fetching:
    """Stands between FastStream and its consumer. ``next``: partition -> next offset wanted."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.next: dict[KafkaPartition, int] = {}
        self.stopped: dict[KafkaPartition, str] = {}
        self._moves: dict[KafkaPartition, int] = {}
        self._moves_when_fetched: dict[KafkaPartition, int] = {}
        self._getmany = consumer.getmany
        consumer.getmany = self.getmany

    def hold(self, partitions: Iterable[KafkaPartition]) -> None:
        """Fetch nothing of these; the first thing to do with partitions just assigned."""
        held = list(partitions)
        self.consumer.pause(*held)
        for at in held:
            # A placeholder: without a position aiokafka asks for a committed offset, which there
            # need not be, and with auto_offset_reset="none" that ends all fetching.
            self.consumer.seek(at, 0)
        self.forget(held)

    def pause(self, at: KafkaPartition) -> None:
        if at in self.consumer.assignment():
            self.consumer.pause(at)
        self._moved(at)

    def place(self, at: KafkaPartition, offset: int) -> None:
        """Go on at this offset; nothing that was fetched before is handed over any more."""
        if at not in self.consumer.assignment():
            return  # taken away meanwhile; who has it now has claimed it
        self.next[at] = offset
        self.stopped.pop(at, None)
        self._moved(at)
        self.consumer.seek(at, offset)
        self.consumer.resume(at)

    def forget(self, partitions: Iterable[KafkaPartition]) -> None:
        for at in partitions:
            self.next.pop(at, None)
            self.stopped.pop(at, None)
            self._moved(at)

    def accept(self, records: Iterable[Fetched]) -> dict[KafkaPartition, list[Fetched]]:
        """Return the records that are still wanted and note them as handed over."""
        batch: dict[KafkaPartition, list[Fetched]] = {}
        for found in records:
            batch.setdefault(KafkaPartition(found.topic, found.partition), []).append(found)
        accepted = {at: listed for at, listed in batch.items() if self._unmoved(at)}
        for at, listed in accepted.items():
            self.next[at] = listed[-1].offset + 1  # before they are handled: the reader may move it
        return accepted

    async def getmany(
        self, *partitions: KafkaPartition, **limits: Any
    ) -> dict[KafkaPartition, list[Fetched]]:
        try:
            found = await self._getmany(*partitions, **limits)
        except OffsetOutOfRangeError as lost:
            for at, offset in lost.args[0].items():
                self._stop(at, f"offset {offset} is not in the log any more, or not yet")
            return {}
        except UnicodeDecodeError:
            found = await self._one_by_one()
        self._moves_when_fetched = dict(self._moves)
        return dict(found)

    async def _one_by_one(self) -> dict[KafkaPartition, list[Fetched]]:
        """Find the partition that can't be read and stop it; return what can be read."""
        found: dict[KafkaPartition, list[Fetched]] = {}
        suspects = [at for at in self.next if at not in self.consumer.paused()]
        for at in suspects:
            # some of what aiokafka counted as delivered went down with the exception
            self.consumer.seek(at, self.next[at])
        for at in suspects:
            records = await self._up_to_poison(at)
            if records:
                found[at] = records
        return found

    async def _up_to_poison(self, at: KafkaPartition) -> list[Fetched]:
        records: list[Fetched] = []
        limits = {"timeout_ms": ONE_BY_ONE_TIMEOUT_MS, "max_records": 1}
        try:
            while len(records) < ONE_BY_ONE_RECORDS_MAX:
                one = (await self._getmany(at, **limits)).get(at)
                if not one:
                    break
                records += one
        except UnicodeDecodeError:
            offset = records[-1].offset + 1 if records else self.next.get(at)
            self._stop(at, f"a header name at or after offset {offset} is not UTF-8", moved=False)
        return records

    def _stop(self, at: KafkaPartition, reason: str, *, moved: bool = True) -> None:
        try:
            self.consumer.pause(at)
        except IllegalStateError:
            return  # taken away meanwhile
        if moved:
            self._moved(at)
        if at not in self.stopped:
            log.error("partition_unreadable", topic=at.topic, partition=at.partition, reason=reason)
        self.stopped[at] = reason

    def _moved(self, at: KafkaPartition) -> None:
        self._moves[at] = self._moves.get(at, 0) + 1

    def _unmoved(self, at: KafkaPartition) -> bool:
        return at in self.next and self._moves_when_fetched.get(at) == self._moves.get(at)
