"""The log as the services see it: publish to a partition, and be handed batches of what is there.

Two adapters keep these promises, ``shared.log.kafka`` and ``shared.log.embedded``; one contract
suite (``tests/shared/log/test_contract.py``) holds both to them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

OLDEST = -1
"""In place of an offset: the oldest record that there still is."""


class TopicPartition(NamedTuple):
    """``topic`` is a bare name of ``shared.contracts.topics``; adapters add a prefix."""

    topic: str
    partition: int


class OutgoingRecord(msgspec.Struct, frozen=True, gc=False):
    """``value`` None is a tombstone, for compacted topics only."""

    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """What a consumer is handed; ``offset`` is the log's own and means nothing outside it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class PublishFailed(Exception):
    """Some records may not be in the log; the caller starts again from its stored position."""


class LogReader(Protocol):
    """Who reads a subscription. During ``claim`` the partitions are paused."""

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take the partitions over; return the offset, or OLDEST, from which each is to be read."""
        ...

    async def release(self, partitions: Sequence[TopicPartition]) -> None:
        """The partitions are being taken away; nothing of them is delivered after this returns."""
        ...

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        """Take one batch, in offset order within each partition.

        It returns when the batch is durably dealt with, for better or worse. It does not raise for
        a broken record or a database that is away (it waits); what it raises ends the process.
        """
        ...

    async def passed(self, partition: TopicPartition, offset: int) -> None:
        """Go on at this offset: between what was handed over and here stands no record.

        A log may number more than records: the ends of somebody's transactions, what was compacted.
        """
        ...


class Subscription(Protocol):
    """A running membership in a group. ``failure()`` is why the process must end, if it must.

    Partitions of the same number go to the same member, whatever their topic: what belongs to one
    service is in one memory.
    """

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assigned(self) -> frozenset[TopicPartition]: ...

    async def pause(self, partition: TopicPartition) -> None:
        """Deliver nothing from this partition until it is claimed again or resumed."""
        ...

    async def resume(self, partition: TopicPartition, offset: int) -> None:
        """Deliver from this offset on, or from OLDEST; also what could not be read any more."""
        ...

    def stopped(self) -> Mapping[TopicPartition, str]:
        """Return the partitions that cannot be read any more and why; the others go on."""
        ...

    def failure(self) -> str | None: ...


class Log(Protocol):
    """Durable and ordered per partition; the members of a consumer group share the partitions."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        """Append the records in order; on return all are acknowledged and durable.

        Raises:
            PublishFailed: some may be missing; sending again can double them, never reorder them.
        """
        ...

    def subscribe(
        self, group: str, topics: Sequence[str], reader: LogReader, *, batch_records_max: int = 2000
    ) -> Subscription: ...

    async def read_all(self, partition: TopicPartition, start: int = 0) -> Sequence[LogRecord]:
        """Read from ``start`` to the present end, outside any group: for tools and snapshots."""
        ...

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        """Return, for each partition, the offset that its next record will get."""
        ...
