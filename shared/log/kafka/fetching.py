"""Where a consumer stands in each partition, and a guard: a bad partition stops only itself.

aiokafka's ``getmany`` raises for all partitions at once when one lost its offset or holds a header
name that is not UTF-8; FastStream would sleep or restart its task, for ever, and deliver nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import structlog
from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from shared.log.kafka.client import UNREACHABLE
from shared.log.kafka.private import read_records_with
from shared.log.kafka.tolerant_reader import salvage
from shared.log.port import OLDEST, LogRecord, TopicPartition

UNREADABLE = (
    UnicodeDecodeError,
    CorruptRecordException,
    RecordTooLargeError,
    UnsupportedCodecError,
)

log = structlog.get_logger(__name__)
Fetched: TypeAlias = "ConsumerRecord[bytes, bytes]"


def record(partition: TopicPartition, found: Fetched) -> LogRecord:
    """Return what was fetched under the partition's bare name."""
    return LogRecord(*partition, found.offset, found.key, found.value, found.headers)


class Run(NamedTuple):
    """Records of one partition in a row; to FastStream, which goes by ``topic``, one message."""

    topic: str
    partition: int
    records: list[LogRecord]


class Fetching:
    """Stands between FastStream and its consumer. ``next``: partition -> next offset wanted."""

    def __init__(self, consumer: Any, bare: Callable[[KafkaPartition], TopicPartition]) -> None:
        self.consumer = consumer
        self._bare = bare
        self.next: dict[KafkaPartition, int] = {}
        self.stopped: dict[KafkaPartition, str] = {}
        self._oldest: set[KafkaPartition] = set()  # to be read from wherever that is
        self._moves: dict[KafkaPartition, int] = {}
        self._moves_when_fetched: dict[KafkaPartition, int] = {}
        self._fetched: dict[KafkaPartition, int] = {}  # -> offset after what FastStream was given
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
        self._oldest.discard(at)
        if offset == OLDEST:
            self._oldest.add(at)
        # mostly the oldest is the first; where it isn't, the broker says so and it is looked up
        self.next[at] = max(offset, 0)
        self.stopped.pop(at, None)
        self._moved(at)
        self.consumer.seek(at, self.next[at])
        self.consumer.resume(at)

    def forget(self, partitions: Iterable[KafkaPartition]) -> None:
        for at in partitions:
            self.next.pop(at, None)
            self.stopped.pop(at, None)
            self._oldest.discard(at)
            self._moved(at)

    def accept(self, runs: Iterable[Run]) -> dict[KafkaPartition, list[LogRecord]]:
        """Return the records that are still wanted and note them as handed over."""
        batch = {KafkaPartition(run.topic, run.partition): run.records for run in runs}
        accepted = {at: listed for at, listed in batch.items() if self._unmoved(at)}
        for at, listed in accepted.items():
            self.next[at] = listed[-1].offset + 1  # before they are handled: the reader may move it
            self._oldest.discard(at)
        return accepted

    async def pass_over(self) -> dict[KafkaPartition, int]:
        """Go on after what is no record where all records were handed over; return where that is.

        aiokafka reads over the end of a transaction and gives us nothing by which to notice.
        """
        passed: dict[KafkaPartition, int] = {}
        for at in set(self.next) - self.consumer.paused():
            if self._fetched.get(at, 0) <= self.next[at] < (there := await self._position(at)):
                passed[at] = self.next[at] = there
        return passed

    async def _position(self, at: KafkaPartition) -> int:
        try:
            return int(await self.consumer.position(at))  # which was placed: it is known, at once
        except IllegalStateError:
            return 0  # taken away meanwhile

    async def getmany(
        self, *partitions: KafkaPartition, **limits: Any
    ) -> dict[KafkaPartition, list[Run]]:
        read_records_with(self.consumer, lambda at: _maker(self._bare(at)))
        try:
            found = self._noted(await self._getmany(*partitions, **limits))
        except OffsetOutOfRangeError as lost:
            await self._lost(lost.args[0])
            return {}
        except UNREADABLE:
            found = await self._one_by_one(limits)
        self._moves_when_fetched = dict(self._moves)
        return {
            at: [Run(at.topic, at.partition, self._ours(at, records))]
            for at, records in found.items()
        }

    def _noted(self, found: dict[KafkaPartition, list[Any]]) -> dict[KafkaPartition, list[Any]]:
        """Note what is on its way before anybody can see the position that it has moved."""
        self._fetched.update({at: records[-1].offset + 1 for at, records in found.items()})
        return found

    def _ours(self, at: KafkaPartition, records: list[Any]) -> list[LogRecord]:
        """Return the records, which all are ours already or all aiokafka's."""
        if isinstance(records[0], LogRecord):
            return records
        bare = self._bare(at)
        return [record(bare, one) for one in records]

    async def _lost(self, offsets: Mapping[KafkaPartition, int]) -> None:
        """Stop the partitions, for a jump would hide what is missing; OLDEST asked for the jump."""
        sought = self._oldest.intersection(offsets)
        for at in offsets.keys() - sought:
            self._stop(at, f"offset {offsets[at]} is not in the log any more, or not yet")
        if not sought:
            return
        moves = dict(self._moves)
        try:
            found = await self.consumer.beginning_offsets(sorted(sought))
        except UNREACHABLE as error:
            log.warning("oldest_offsets_unknown", error=repr(error))  # and lost again at once
            return
        for at, offset in found.items():
            if self._moves.get(at) == moves.get(at):  # neither moved nor taken away meanwhile
                self.place(at, offset)
                self._oldest.add(at)  # it may move on before it is read

    async def _one_by_one(self, limits: dict[str, Any]) -> dict[KafkaPartition, list[Any]]:
        """Find the partition that can't be read, and save of it what can be saved."""
        found: dict[KafkaPartition, list[Any]] = {}
        suspects = [at for at in self.next if at not in self.consumer.paused()]
        for at in suspects:
            # some of what aiokafka counted as delivered went down with the exception
            self.consumer.seek(at, self.next[at])
        for at in suspects:
            try:
                records = self._noted(await self._getmany(at, **limits)).get(at, [])
            except UNREADABLE as unreadable:
                records = await self._saved(at, limits, unreadable)
            if records:
                found[at] = records
        return found

    async def _saved(
        self, at: KafkaPartition, limits: dict[str, Any], unreadable: Exception
    ) -> list[Fetched]:
        start = self.next[at]
        try:
            records = await salvage(self.consumer, at, start, limits["max_records"])
        except UNREADABLE as error:
            self._stop(at, f"at or after offset {start}: {error!r}")
            return []
        if not records:
            self._stop(at, f"at or after offset {start}: {unreadable!r}")
            return []
        log.warning("records_salvaged", topic=at.topic, partition=at.partition, offset=start)
        self.consumer.seek(at, records[-1].offset + 1)
        return self._noted({at: records})[at]

    def _stop(self, at: KafkaPartition, reason: str) -> None:
        try:
            self.consumer.pause(at)
        except IllegalStateError:
            return  # taken away meanwhile
        self._moved(at)
        if at not in self.stopped:
            log.error("partition_unreadable", topic=at.topic, partition=at.partition, reason=reason)
        self.stopped[at] = reason

    def _moved(self, at: KafkaPartition) -> None:
        self._fetched.pop(at, None)  # it is dropped when it arrives
        self._moves[at] = self._moves.get(at, 0) + 1

    def _unmoved(self, at: KafkaPartition) -> bool:
        return at in self.next and self._moves_when_fetched.get(at) == self._moves.get(at)


def _maker(partition: TopicPartition) -> Callable[[KafkaPartition, Any], LogRecord]:
    topic, number = partition

    def made(_: KafkaPartition, one: Any) -> LogRecord:
        return LogRecord(topic, number, one.offset, one.key, one.value, one.headers)

    return made
