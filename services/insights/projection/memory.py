"""Live: today's state of every service of the owned partitions, in memory.

It is a step behind the database and decides nothing: it can be dropped at any moment, and is folded
again from the facts.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import chain
from typing import TypeVar

import msgspec
import structlog

from services.insights.facts.chunk import Chunk
from services.insights.facts.dictionary import Codebook
from services.insights.facts.fact import Fact, ProviderFact, WaitingFact
from services.insights.metrics.engine.state import ServiceState
from services.insights.projection.columns import folded
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.store import SOURCE_TOPICS, FactStore
from services.insights.verdict.history import Held
from services.insights.verdict.lookback import Past
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from shared.runtime.retry import DATABASE_ERRORS, Backoff, retry

T = TypeVar("T")
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.2, 5.0
NEVER, FOR_EVER = -(1 << 40), 1 << 40  # days before and after all days
UNCLASSED = (WaitingFact, ProviderFact)  # what no class depends on
INLINE_FACTS_MAX = (
    2_000  # what is read from more facts is read in a thread, so that streams flow on
)
log = structlog.get_logger(__name__)


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one event did to one service."""

    service_id: str
    position: int
    facts: Sequence[Fact]


@dataclass(slots=True)
class LiveService:
    """``info`` is None while facts are known of a service that registry has not told of yet.

    ``events``: how many events up to the as-of day the state was folded from. ``late``: how many
    facts of earlier days have come; ``past`` holds the first ``past_late`` of them, and takes more
    as the state does, unless it missed some.

    ``held``: by window the class of the day before yesterday, and since when; found from the events
    up to ``held_from``, empty until it was. It is true of days before ``held_to``, and before the
    day ``came`` of the first fact that has come since it was looked for.
    """

    service_id: str
    partition: int
    info: ServiceInfo | None
    state: ServiceState
    events: int = 0
    facts: int = 0
    late: int = 0
    past: Past | None = None
    past_late: int = 0
    held: Mapping[str, Held] = field(default_factory=dict)
    held_from: int = 0
    held_to: int = NEVER
    came: int = FOR_EVER
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: list[Sequence[Fact]] | None = None

    def take(self, events: Sequence[Sequence[Fact]]) -> None:
        """Fold the facts of some events, now or as soon as nobody reads the state."""
        today = self.state.day
        for facts in events:
            for fact in facts:
                if fact.day < today:
                    self.late += 1
                    if fact.day < today - 1 and not isinstance(fact, UNCLASSED):
                        self.came = min(self.came, fact.day)
        if self._waiting is None:
            self._fold(events)
        else:
            self._waiting.extend(events)

    def _fold(self, events: Sequence[Sequence[Fact]]) -> None:
        every = list(chain.from_iterable(events))
        self.state.apply(every)
        self.facts += len(every)
        day = self.state.day
        for facts in events:
            self.events += facts[0].day <= day or any(fact.day <= day for fact in facts)
        if self.past is not None:
            # nothing waits any more: of all that are late these are the last
            late = [fact for fact in every if fact.day < day]
            if late and self.past_late == self.late - len(late):
                self.past.take(late)
                self.past_late = self.late

    @property
    def looked_back(self) -> bool:
        """Whether ``held`` is what all facts say that have come."""
        return self.held_to == self.came == FOR_EVER

    def take_over(self, before: "LiveService") -> None:
        """Know what was found of the same service before it was folded again, or a day ago."""
        days, past = self.state.day - before.state.day, before.past
        if days == 0:  # something was written out of order, and may have changed it
            self.held, self.held_from = before.held, before.held_from
        elif days == 1 and past is not None and before.past_late == before.late:
            self.held = {one: held.then(past.yesterday(one)) for one, held in before.held.items()}
            self.held_from, self.held_to = before.held_from, min(before.held_to, before.came)

    def hold(self) -> None:
        self._waiting = []

    def go_on(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        self._fold(waiting)


@dataclass(slots=True)
class Shard:
    """One partition. ``applied``: owned source -> position up to which its events are in memory.

    ``services`` is None until they are folded, which they were up to ``folded_to``; ``since`` holds
    what came while that goes on.
    """

    applied: dict[TopicPartition, int] = field(default_factory=dict)
    services: dict[str, LiveService] | None = None
    folded_to: Mapping[TopicPartition, int] = field(default_factory=dict)
    as_of: date | None = None
    since: list[tuple[TopicPartition, Change]] | None = None
    infos: dict[str, ServiceInfo] = field(default_factory=dict)
    folding: asyncio.Task[None] | None = None


class Live:
    """``changed`` is called with the id of each service whose figures may be others than before."""

    def __init__(
        self, store: FactStore, codebook: Codebook, changed: Callable[[str], None], today: date
    ) -> None:
        self._store = store
        self._codebook = codebook
        self._changed = changed
        self._today = today
        self._shards: dict[int, Shard] = {}

    def claim(self, positions: Mapping[TopicPartition, int]) -> None:
        """Own these partitions from their positions on; their services are folded beside it."""
        for source, position in positions.items():
            shard = self._shards.setdefault(source.partition, Shard())
            shard.applied[source] = position
        for number in {source.partition for source in positions}:
            if any(self._shards[number].applied.values()):
                self._fold_again(number)
            else:
                self._begin(number)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is in memory of these partitions, and of their sisters in the other topics."""
        for source in partitions:
            shard = self._shards.get(source.partition)
            if shard is None:
                continue
            shard.applied.pop(source, None)
            shard.services, shard.since = None, None
            if shard.folding is not None:
                shard.folding.cancel()
            if not shard.applied:
                del self._shards[source.partition]

    def apply(
        self,
        source: TopicPartition,
        position: int,
        changes: Sequence[Change],
        infos: Mapping[str, ServiceInfo],
    ) -> None:
        """Take what a committed batch did to one partition, up to ``position``.

        Its commit may be heard of late: what was folded from the facts meanwhile holds it already.
        """
        shard = self._shards[source.partition]
        shard.applied[source] = max(position, shard.applied.get(source, 0))
        shard.infos.update(infos)
        if shard.since is not None:
            shard.since.extend((source, change) for change in changes)
        if shard.services is not None:
            folded_to = shard.folded_to.get(source, 0)
            news = [change for change in changes if change.position > folded_to]
            self._take(source.partition, shard.services, news, infos)

    def fold_again(self, partition: int) -> None:
        """Take what was written out of the order of positions, as a replay from quarantine is.

        No position tells that it came: until it is in memory, nothing is answered from memory.
        """
        if partition in self._shards:
            self._shards[partition].as_of = None
            self._fold_again(partition)

    def roll(self, today: date) -> bool:
        """Return whether a new day has begun; then every service is folded again as of it."""
        if today == self._today:
            return False
        self._today = today
        for number in self._shards:
            self._fold_again(number)
        return True

    def service(self, service_id: str, partition: int) -> LiveService | None:
        """Return today's state of the service, or None where this process does not have it."""
        shard = self._shards.get(partition)
        if shard is None or not self._complete(shard) or shard.services is None:
            return None
        return shard.services.get(service_id)

    def owned(self, service_id: str) -> LiveService | None:
        return self.service(service_id, partition_of(service_id, EXCHANGE_ACTIVITY.partitions))

    def positions(self, partition: int) -> dict[TopicPartition, int]:
        """Return how far the memory of the partition reaches; empty where there is none."""
        shard = self._shards.get(partition)
        return dict(shard.applied) if shard is not None and self._complete(shard) else {}

    def partitions(self) -> list[int]:
        """Return the partitions whose services are in memory as of today."""
        return [number for number, shard in self._shards.items() if self._complete(shard)]

    def folding(self) -> list[int]:
        """Return the owned partitions whose services are not in memory yet."""
        return [number for number, shard in self._shards.items() if shard.services is None]

    def services(self) -> list[LiveService]:
        return [
            service
            for shard in self._shards.values()
            if self._complete(shard)
            for service in (shard.services or {}).values()
        ]

    async def read(
        self, service: LiveService, read: Callable[[Mapping[TopicPartition, int]], T]
    ) -> T:
        """Return ``read(positions of the state)``; what comes meanwhile waits: it stands still."""
        async with service.lock:
            positions = self.positions(service.partition)
            if service.facts <= INLINE_FACTS_MAX:
                return read(positions)
            service.hold()
            try:
                return await asyncio.to_thread(read, positions)
            finally:
                service.go_on()

    def close(self) -> None:
        for number in list(self._shards):
            self.forget(list(self._shards[number].applied))

    def _complete(self, shard: Shard) -> bool:
        return (
            shard.services is not None
            and shard.as_of == self._today
            and {source.topic for source in shard.applied} >= set(SOURCE_TOPICS)
        )

    def _take(
        self,
        number: int,
        services: dict[str, LiveService],
        changes: Sequence[Change],
        infos: Mapping[str, ServiceInfo],
    ) -> None:
        for service_id, info in infos.items():
            _of(services, service_id, number, self._today).info = info
        told = by_service(changes)
        for service_id, events in told.items():
            _of(services, service_id, number, self._today).take(events)
        for service_id in {*infos, *told}:
            self._changed(service_id)

    def _begin(self, number: int) -> None:
        """Nothing was ever folded there: there are no facts to read."""
        shard = self._shards[number]
        if shard.folding is not None:
            shard.folding.cancel()
        shard.services, shard.as_of, shard.folded_to = {}, self._today, {}
        shard.since, shard.infos = None, {}

    def _fold_again(self, number: int) -> None:
        shard = self._shards[number]
        if shard.folding is not None:
            shard.folding.cancel()
        shard.since, shard.infos = [], {}
        shard.folding = asyncio.create_task(self._fold(number, shard, self._today))

    async def _fold(self, number: int, shard: Shard, today: date) -> None:
        await retry(
            partial(self._fold_once, number, shard, today),
            Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX),
            on=DATABASE_ERRORS,
            failed=lambda error, _: log.warning(
                "partition_not_folded", partition=number, failure=repr(error)
            ),
        )

    async def _fold_once(self, number: int, shard: Shard, today: date) -> None:
        reading = await self._store.read(number)
        infos = await self._store.services(number)
        names = await self._codebook.values({c for chunk in reading.chunks for c in chunk.services})
        services = await asyncio.to_thread(_folded, reading.chunks, names, number, today)
        if self._shards.get(number) is not shard or shard.since is None:
            return
        since, shard.since = shard.since, None
        news = [
            change for source, change in since if change.position > reading.positions.get(source, 0)
        ]
        for service_id, events in by_service(news).items():
            _of(services, service_id, number, today).take(events)
        for service_id, info in {**infos, **shard.infos}.items():
            _of(services, service_id, number, today).info = info
        for service_id, before in (shard.services or {}).items():
            if service_id in services:
                services[service_id].take_over(before)
        shard.services, shard.as_of, shard.folded_to = services, today, reading.positions
        for source, position in shard.applied.items():
            shard.applied[source] = max(position, reading.positions.get(source, 0))
        log.debug("partition_folded", partition=number, services=len(services), as_of=str(today))
        for service_id in services:
            self._changed(service_id)


def by_service(changes: Iterable[Change]) -> dict[str, list[Sequence[Fact]]]:
    found: dict[str, list[Sequence[Fact]]] = {}
    for change in changes:
        found.setdefault(change.service_id, []).append(change.facts)
    return found


def _of(services: dict[str, LiveService], service_id: str, number: int, day: date) -> LiveService:
    service = services.get(service_id)
    if service is None:
        service = services[service_id] = LiveService(service_id, number, None, ServiceState(day))
    return service


def _folded(
    chunks: Sequence[Chunk], names: Mapping[int, str], number: int, today: date
) -> dict[str, LiveService]:
    return {
        names[code]: LiveService(
            names[code], number, None, found.state, found.events, found.facts, found.late
        )
        for code, found in folded(chunks, today).items()
    }
