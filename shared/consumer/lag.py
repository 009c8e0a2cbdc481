"""How far a consumer is behind, over every partition of its topics, whoever has which.

A group deals partitions to whoever joins it. A process of somebody else that uses its name is given
its share, and what this deployment's processes hold is all read: only what is stored tells.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog

from shared.consumer.metrics import ConsumerMetrics
from shared.log.port import Log, TopicPartition

UNREAD_SECONDS_MAX = 60.0  # longer than a group takes to deal partitions out anew
Stored = Mapping[TopicPartition, tuple[int, int]]
"""Partition -> the offset that its reader has come to, and the epoch of its claim."""

logger = structlog.get_logger(__name__)


class Lag:
    """``records`` is how many are not dealt with yet, as of the last look."""

    def __init__(
        self,
        log: Log,
        consumer: str,
        topics: Sequence[str],
        stored: Callable[[], Awaitable[Stored]],
        unread_seconds: float = UNREAD_SECONDS_MAX,
    ) -> None:
        self._log, self._consumer, self._topics, self._stored = log, consumer, topics, stored
        self._unread_seconds = unread_seconds
        self._seen: dict[TopicPartition, tuple[int, int]] = {}
        self._since: dict[TopicPartition, float] = {}
        self._unread: dict[TopicPartition, int] = {}
        self.records = 0

    def troubles(self) -> list[str]:
        """Return in words which records no process of ours has taken for long; mostly nothing."""
        if not self._unread:
            return []
        waiting = (f"{n} of {at.topic}/{at.partition}" for at, n in sorted(self._unread.items()))
        told = ", ".join(waiting)
        return [f"records that no process of this deployment reads: {told}; {self._remedy()}"]

    async def measure(self, metrics: ConsumerMetrics, held: Collection[TopicPartition]) -> None:
        """Look, and tell the gauges; a log or a database that is away must not end them."""
        try:
            await self.look(held)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look is soon
            logger.debug("lag_unknown", consumer=self._consumer, error=repr(error))
            return
        metrics.lag.labels(self._consumer).set(self.records)
        metrics.unread.labels(self._consumer).set(len(self._unread))

    async def look(self, held: Collection[TopicPartition]) -> None:
        """Compare the log with what is stored; what is held here is read, or says itself why not.

        Raises:
            Exception: the log or the database is away; nothing is known anew.
        """
        ends = await self._log.ends(self._topics)
        stored = await self._stored()  # after the ends: what is read meanwhile is no lag
        waiting = {at: max(0, end - max(0, stored.get(at, (0, 0))[0])) for at, end in ends.items()}
        now = asyncio.get_running_loop().time()
        for at, records in waiting.items():
            untouched = at in self._since and stored.get(at) == self._seen.get(at)
            if not records or at in held or not untouched:
                self._since[at] = now
        self._seen = dict(stored)
        self.records = sum(waiting.values())
        long_since = now - self._unread_seconds
        unread = {at: n for at, n in waiting.items() if n and self._since[at] <= long_since}
        if unread.keys() - self._unread.keys():
            logger.error(
                "partitions_unread",
                consumer=self._consumer,
                partitions=[f"{at.topic}/{at.partition}" for at in sorted(unread)],
                remedy=self._remedy(),
            )
        self._unread = unread

    def _remedy(self) -> str:
        return (
            f"somebody else is a member of the group {self._consumer} (after the topics' prefix): "
            "kafka-consumer-groups --describe --members names it; stop it, or give it another group"
        )
