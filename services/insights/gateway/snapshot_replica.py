"""Replica: reads the compacted topic of snapshots, so that this process can serve any service."""

from collections.abc import Mapping, Sequence

import structlog

from services.insights.release.hub import Latest
from services.insights.release.snapshot import read
from shared.log.port import OLDEST, LogRecord, Subscription, TopicPartition

log = structlog.get_logger(__name__)


class SnapshotReplica:
    """A reader of ``insights.services.v1``: always from its beginning, keeping no position."""

    def __init__(self, latest: Latest, deployment: str) -> None:
        self._latest = latest
        self._deployment = deployment

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, OLDEST)

    async def release(self, partitions: Sequence[TopicPartition]) -> None:
        """Keep what is known: nobody else follows for this process."""

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        for records in batch.values():
            newest = {record.key: record for record in records}
            for record in newest.values():
                self._take(record)

    async def passed(self, partition: TopicPartition, offset: int) -> None:
        """Keep no position, so none moves."""

    async def begin_again(self, subscription: Subscription) -> None:
        """Read what can't be read on from the oldest record: of each service the newest counts."""
        for partition, why in subscription.stopped().items():
            log.warning("snapshots_read_again", partition=partition, why=why)
            await subscription.resume(partition, OLDEST)

    def _take(self, record: LogRecord) -> None:
        if record.value is None or self._has(record.key, record.value):
            return
        try:
            snapshot = read(record.value)
        except ValueError as broken:
            log.warning("snapshot_unreadable", offset=record.offset, failure=str(broken))
            return
        if snapshot.deployment == self._deployment:
            self._latest.offer(snapshot)

    def _has(self, key: bytes | None, body: bytes) -> bool:
        """Whether it is what is known already, as whatever this process published itself mostly is.

        To compare bytes takes a hundredth of what it takes to read them.
        """
        known = self._latest.get(key.decode(errors="replace")) if key is not None else None
        return known is not None and known.body == body
