"""Notices a Kafka consumer that is dead or stuck without saying so; informs lag tools."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError

from shared.log.kafka.client import UNREACHABLE
from shared.log.kafka.fetching import Fetching
from shared.log.kafka.private import inner_tasks

TICK_SECONDS = 1.0
TICKS_BETWEEN_COMMITS = 5
TICKS_BETWEEN_LOOKS = 10
STALLED_SECONDS_MAX = 60
PATIENCE_SECONDS = 10

log = structlog.get_logger(__name__)


class Watchdog:
    """``watch`` returns why the process must end. ``handled`` counts the batches so far.

    ``pass_over`` goes on after what is no record: it must not be taken for something to read.
    """

    def __init__(
        self,
        fetching: Fetching,
        ends: Callable[[], Awaitable[Mapping[KafkaPartition, int]]],
        handled: Callable[[], int],
        pass_over: Callable[[], Awaitable[None]],
    ) -> None:
        self._fetching, self._ends, self._handled = fetching, ends, handled
        self._pass_over = pass_over
        self._seen = (0, 0)
        self._stalled_seconds = 0.0

    async def watch(self) -> str:
        tick = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            tick += 1
            await self._pass_over()
            reason = self._dead()
            if reason is None and tick % TICKS_BETWEEN_LOOKS == 0:
                reason = await self._stuck(TICK_SECONDS * TICKS_BETWEEN_LOOKS)
            if reason is not None:
                return reason
            if tick % TICKS_BETWEEN_COMMITS == 0:
                await self._commit()

    def _dead(self) -> str | None:
        """Look at the tasks inside aiokafka; the consumer outlives them as if nothing were."""
        ended = [
            name
            for name, task in inner_tasks(self._fetching.consumer).items()
            if task is not None and task.done()
        ]
        return f"the client's {ended[0]} task has ended" if ended else None

    async def _stuck(self, seconds: float) -> str | None:
        """Add up the time in which there was something to read and nothing was read."""
        try:
            ends = await asyncio.wait_for(self._ends(), PATIENCE_SECONDS)
        except UNREACHABLE:
            return None  # nothing can be read while Kafka is away, and a restart would not help
        paused = self._fetching.consumer.paused()
        lag = sum(
            max(0, ends.get(at, 0) - offset)
            for at, offset in self._fetching.next.items()
            if at not in paused
        )
        seen = (self._handled(), sum(self._fetching.next.values()))
        moving = lag == 0 or seen != self._seen
        self._seen = seen
        self._stalled_seconds = 0.0 if moving else self._stalled_seconds + seconds
        if self._stalled_seconds < STALLED_SECONDS_MAX:
            return None
        return f"{lag} records are waiting and none was read for {self._stalled_seconds:.0f} s"

    async def _commit(self) -> None:
        if not self._fetching.next:
            return
        try:
            commit = self._fetching.consumer.commit(dict(self._fetching.next))
            await asyncio.wait_for(commit, PATIENCE_SECONDS)
        except (*UNREACHABLE, IllegalStateError) as error:
            log.debug("offsets_for_lag_tools_not_committed", error=repr(error))
