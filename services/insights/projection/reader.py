"""Reader: a service as of any day, from memory where it is there and from the facts elsewhere.

Both ways run the same kernels over the same facts, so that nobody can tell which one answered.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain, takewhile
from threading import Event
from typing import TypeVar

from services.insights.facts.chunk import Chunk
from services.insights.facts.dictionary import Codebook
from services.insights.facts.fact import Fact, day_number
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.thresholds import WINDOW_DAYS
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.memory import FOR_EVER, Live, LiveService
from services.insights.projection.receipt import Moment, Standing
from services.insights.projection.store import SOURCE_TOPICS, FactStore
from services.insights.verdict.history import Held, held
from services.insights.verdict.lookback import ONE_DAY, Past, PastNeeded
from shared.log.port import TopicPartition
from shared.runtime.clock import Clock

T = TypeVar("T")
COMPUTING_MAX = 2  # threads that fold facts for a question; the streams need the processor too
TRIES = 3  # to look at a past that late facts keep changing


@dataclass(frozen=True, slots=True)
class Evidence:
    """All facts of one service up to its standing, each event's together."""

    events: Sequence[tuple[int, Sequence[Fact]]]
    positions: Mapping[TopicPartition, int]

    @property
    def facts(self) -> list[Fact]:
        return list(chain.from_iterable(facts for _, facts in self.events))

    def events_up_to(self, as_of: date) -> int:
        """Return how many events made a fact of a day up to ``as_of``."""
        day = day_number(as_of)
        return sum(any(fact.day <= day for fact in facts) for _, facts in self.events)


class Reader:
    """Reads one projection. ``incomplete``: whether known types were skipped when they came."""

    def __init__(  # one is built, with keywords
        self,
        *,
        store: FactStore,
        codebook: Codebook,
        live: Live,
        clock: Clock,
        deployment: str,
        incomplete: Callable[[], bool],
    ) -> None:
        self._store = store
        self._codebook = codebook
        self._live = live
        self._clock = clock
        self._deployment = deployment
        self._incomplete = incomplete
        self._computing = asyncio.Semaphore(COMPUTING_MAX)

    def today(self) -> date:
        return self._clock.now().date()

    async def at(
        self,
        service: ServiceInfo,
        as_of: date,
        read: Callable[[Moment], T],
        *,
        sure: bool = False,
    ) -> T:
        """Return ``read(moment)``, called while the moment's state stands still.

        A question that comes after an event was committed sees that event, whoever folded it.
        ``sure``: since when a class holds is to be of those events too.
        """
        positions = await self.positions(service)
        live = self._live.service(service.service_id, service.partition)
        if live is not None and as_of == live.state.as_of and self._reaches(live, positions):
            return await self.now(service, live, read, sure=sure)
        return await self.folded(service, as_of, read)

    async def now(
        self,
        service: ServiceInfo,
        live: LiveService,
        read: Callable[[Moment], T],
        *,
        sure: bool = False,
    ) -> T:
        """Return ``read`` of the state in memory, or of the facts where its past won't stay."""
        for _ in range(TRIES):
            if sure and not live.looked_back:
                await self.look_back(service, live)
            with suppress(_Moved, PastNeeded):
                return await self._live.read(
                    live, partial(self._consistently, live, read, sure=sure)
                )
            late, as_of = live.late, live.state.as_of
            evidence = await self._evidence(service, self._live.positions(service.partition))
            live.past = await self._compute(partial(_past, evidence, as_of))
            live.past_late = late
        return await self.folded(service, live.state.as_of, read)

    async def positions(self, service: ServiceInfo) -> dict[TopicPartition, int]:
        """Return how far the fold has come with the partitions that the service's events are in."""
        return await self._store.positions(service.partition, SOURCE_TOPICS)

    async def folded(
        self,
        service: ServiceInfo,
        as_of: date,
        read: Callable[[Moment], T],
        up_to: Mapping[TopicPartition, int] | None = None,
    ) -> T:
        """Return ``read`` of a state that is folded from the facts for this question alone.

        ``up_to``: positions past which nothing is read; without it, all that is committed.
        """
        evidence = await self._evidence(service, up_to)

        def fold() -> T:
            timeline = Timeline(evidence.facts)
            standing = self._standing(evidence.events_up_to(as_of), evidence.positions)
            try:
                return read(Moment(timeline.at(as_of), Past(None, as_of), standing))
            except PastNeeded:
                past, held_before = Past(timeline, as_of).found(), partial(_held, timeline, as_of)
                return read(Moment(timeline.at(as_of), past, standing, held_before))

        return await self._compute(fold)

    async def days(
        self, service: ServiceInfo, days: Sequence[date], read: Callable[[Iterator[Moment]], T]
    ) -> T:
        """Return ``read`` of one moment a day; they share one state, which moves on with them."""
        evidence, unheard = await self._evidence(service), Event()

        def fold() -> T:
            timeline = Timeline(evidence.facts)
            standing = self._standing(evidence.events_up_to(days[-1]), evidence.positions)
            moments = (Moment(timeline.at(day), Past(None, day), standing) for day in days)
            return read(takewhile(lambda _: not unheard.is_set(), moments))

        return await self._compute(fold, unheard)

    async def _compute(self, work: Callable[[], T], unheard: Event | None = None) -> T:
        """Return what ``work`` returns in a thread; ``unheard`` is set if nobody waits any more.

        It takes up its place until it has ended, which no thread can be made to do from outside.
        """
        await self._computing.acquire()
        thread = asyncio.get_running_loop().run_in_executor(None, work)
        thread.add_done_callback(self._computed)
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            if unheard is not None:
                unheard.set()
            raise

    def _computed(self, thread: "asyncio.Future[T]") -> None:
        self._computing.release()
        if not thread.cancelled():
            thread.exception()  # whoever waits is told; where nobody does, nobody need be

    async def look_back(self, service: ServiceInfo, live: LiveService) -> bool:
        """Find since when the classes of the state in memory hold; return whether that is news."""
        async with live.looking:
            positions = self._live.positions(live.partition)
            if live.looked_back or not positions:
                return False
            live.held_to, live.came = min(live.held_to, live.came), FOR_EVER
            found = await self._held(service, live, positions)
            news = found != live.held
            live.held, live.held_from, live.held_to = found, sum(positions.values()), FOR_EVER
            return news

    async def _held(
        self,
        service: ServiceInfo,
        live: LiveService,
        positions: Mapping[TopicPartition, int],
    ) -> dict[str, Held]:
        evidence = await self._evidence(service, positions)
        before_yesterday = live.state.as_of - 2 * ONE_DAY

        def find() -> dict[str, Held]:
            timeline = Timeline(evidence.facts)
            return held(timeline, before_yesterday, WINDOW_DAYS, live.held, live.held_to)

        return await self._compute(find)

    def _consistently(
        self,
        live: LiveService,
        read: Callable[[Moment], T],
        positions: Mapping[TopicPartition, int],
        *,
        sure: bool,
    ) -> T:
        moved = self._live.service(live.service_id, live.partition) is not live
        if moved or (sure and not live.looked_back):
            raise _Moved
        past = live.past if live.past_late == live.late else None
        return read(
            Moment(
                live.state,
                past or Past(None, live.state.as_of),
                self._standing(live.events, positions),
                partial(_held_in_memory, live),
                live.held_from,
            )
        )

    def _reaches(self, live: LiveService, positions: Mapping[TopicPartition, int]) -> bool:
        """Whether the memory holds all that is committed, also by a process that took over."""
        held = self._live.positions(live.partition)
        return all(held.get(source, 0) >= position for source, position in positions.items())

    async def _evidence(
        self, service: ServiceInfo, up_to: Mapping[TopicPartition, int] | None = None
    ) -> Evidence:
        code = await self._codebook.code("service", service.service_id)
        reading = await self._store.read(service.partition, code)
        positions = reading.positions if up_to is None else up_to
        events = await self._compute(partial(_events, reading.chunks, code, positions))
        return Evidence(events, positions)

    def _standing(self, events: int, positions: Mapping[TopicPartition, int]) -> Standing:
        return Standing(self._deployment, events, positions, complete=not self._incomplete())


def _past(evidence: Evidence, as_of: date) -> Past:
    return Past(Timeline(evidence.facts), as_of).found()


def _held(timeline: Timeline, as_of: date, window: str) -> Held:
    """Return what held on the day before; the state is as of the day again afterwards."""
    found = held(timeline, as_of - ONE_DAY, [window])[window]
    timeline.at(as_of)
    return found


def _held_in_memory(live: LiveService, window: str) -> Held | None:
    found, past = live.held.get(window), live.past
    return found.then(past.yesterday(window)) if found and past else None


class _Moved(Exception):
    """The state moved, or was replaced, since what goes with it was made."""


def _events(
    chunks: Sequence[Chunk], code: int, positions: Mapping[TopicPartition, int]
) -> list[tuple[int, Sequence[Fact]]]:
    return [
        (position, facts)
        for chunk in chunks
        for position, facts in chunk.events()
        if facts[0].service == code and position <= positions.get(chunk.source, 0)
    ]
