"""The running service: the fold that serves, what it publishes, and what happens with time."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog
from prometheus_client import CollectorRegistry

from services.insights.gateway.queries import Answers
from services.insights.gateway.schemas import FoldedBody
from services.insights.gateway.snapshot_replica import SnapshotReplica
from services.insights.gateway.stream import EventStream, StreamGauges
from services.insights.projection.fold import Fold, Surroundings
from services.insights.projection.generation import Projections
from services.insights.projection.retrospect import Retrospect
from services.insights.projection.store import FOLDED
from services.insights.release.announcements import Announcements
from services.insights.release.hub import Latest
from services.insights.release.publisher import Publisher, PublisherMeters
from services.insights.release.rebuild import Rebuild, Rebuilding
from shared.consumer import ConsumerMetrics
from shared.contracts.topics import INSIGHTS_CHANGES, INSIGHTS_SERVICES
from shared.eventstore.store import PostgresEventStore
from shared.http import positions
from shared.log.readiness import Reach
from shared.outbox.relay import Relay, RelayMetrics
from shared.runtime.retry import DATABASE_ERRORS

BEAT_SECONDS = 0.5
EVALUATED_A_BEAT_MAX = 50
CLIENTS_MAX = 100  # of the stream, where nobody says
log = structlog.get_logger(__name__)


class Failed(Exception):
    """A part can't go on, and the process must end to begin again."""


class Meters:
    """What this service measures, once a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.consumer = ConsumerMetrics(registry)
        self.publisher = PublisherMeters(registry)
        self.stream = StreamGauges(registry)
        self.relay = RelayMetrics(registry)


class Insights:
    """``instance`` names this process among all there ever were."""

    def __init__(
        self, around: Surroundings, meters: Meters, instance: str, *, clients_max: int = CLIENTS_MAX
    ) -> None:
        self._around = around
        committed = asyncio.Event()
        store = PostgresEventStore(around.pool, clock=around.clock, on_commit=committed.set)
        self._relay = Relay(
            around.pool,
            around.log,
            deployment=around.deployment,
            owner=around.owner,
            wake=committed,
            metrics=meters.relay,
        )
        self.pool = around.pool
        self._projections = Projections(around.pool)
        self._announcements = Announcements(around.pool, store)
        self._evaluated: set[str] = set()
        self.latest = Latest(instance)
        self.answers = Answers(lambda: self.fold, self.latest, self._announcements)
        self._publisher = Publisher(
            around.log, self.latest, self.answers.snapshots, meters.publisher
        )
        self.stream = EventStream(
            self.latest, self._service_id, meters.stream, clients_max=clients_max
        )
        self.rebuild = Rebuild(
            Rebuilding(around.pool, self._projections, lambda: self.fold, self._beside)
        )
        self._replica = SnapshotReplica(self.latest, around.deployment)
        # a group of its own: every process reads all snapshots
        self._snapshots = around.log.subscribe(
            f"insights.snapshots.{instance}", [INSIGHTS_SERVICES.name], self._replica
        )
        self._reach = Reach(around.log, (*FOLDED, INSIGHTS_SERVICES, INSIGHTS_CHANGES))
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = AsyncExitStack()
        self.fold: Fold

    async def start(self) -> None:
        self._closing.push_async_callback(self._snapshots.stop)
        await self._snapshots.start()
        await self._open(await self._projections.active())
        self._closing.push_async_callback(self._close_fold)
        retrospect = Retrospect(lambda: self.fold, self._publisher.changed)
        beside = [self._publisher.run(), self._beat(), retrospect.run(), self._reach.look()]
        *running, looking = (asyncio.create_task(one) for one in beside)
        relaying = asyncio.create_task(self._relay.run())
        self._tasks = [*running, relaying]
        self._closing.push_async_callback(_ended, [*running, looking], [relaying])

    async def close(self) -> None:
        """Close whatever ``start`` has opened, all of it or the first parts only."""
        await self.stream.close()
        await self.rebuild.close()
        self._relay.stop()
        await self._closing.aclose()

    async def watch(self) -> None:
        """Return or raise when a task that should run for ever has ended."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def failing(self) -> Sequence[str]:
        """Return what is not as it should be although the process goes on, or not yet."""
        folding = self.fold.live.folding()
        return [
            *self.fold.consumer.troubles(),
            *([f"its states of partitions {folding} to be folded"] if folding else []),
            *([f"its relay: {why}"] if (why := self._relay.failure()) else []),
            *self._reach.problem(),
        ]

    async def folded(self) -> FoldedBody:
        store = self.fold.store
        reached = await store.positions()
        return FoldedBody(
            deployment=self._around.deployment,
            projection=store.projection,
            folded={f"{at.topic}/{at.partition}": reached[at] for at in sorted(reached)},
            complete=not self.fold.incomplete(),
        )

    async def announced(self) -> positions.Positions:
        """Return how far this service's own events are."""
        return await positions.positions(self._around.pool, self._around.deployment)

    async def _service_id(self, name: str) -> str:
        return (await self.answers.service(name)).service_id

    async def _open(self, projection: int) -> None:
        self.fold = Fold(self._around, projection, self._publisher.changed)
        await self.fold.start()

    async def _close_fold(self) -> None:
        await self.fold.close()

    async def _beside(self, projection: int) -> Fold:
        fold = Fold(self._around, projection, None)
        await fold.start()
        return fold

    async def _beat(self) -> None:
        """Notice, twice a second, another projection, another day, a part that failed."""
        while True:
            failure = self.fold.consumer.failure() or self._snapshots.failure()
            if failure is not None:
                raise Failed(failure)
            await self._replica.begin_again(self._snapshots)
            try:
                await self._follow_projection()
                self._follow_day()
                await self._evaluate()
            except DATABASE_ERRORS as away:
                log.warning("database_away", failure=repr(away))
            await asyncio.sleep(BEAT_SECONDS)

    async def _follow_projection(self) -> None:
        active = await self._projections.active()
        if active != self.fold.store.projection:
            log.info("projection_switched", before=self.fold.store.projection, now=active)
            await self.fold.close()
            await self._open(active)

    def _follow_day(self) -> None:
        if self.fold.live.roll(self.fold.reader.today()):
            self._evaluated.clear()

    async def _evaluate(self) -> None:
        services = [
            live.info
            for live in self.fold.live.services()
            if live.info is not None and live.service_id not in self._evaluated
        ][:EVALUATED_A_BEAT_MAX]
        if not services:
            return
        reader = self.fold.reader
        for service_id in await self._announcements.evaluate(services, reader.today(), reader):
            self._publisher.changed(service_id)
        self._evaluated.update(service.service_id for service in services)


async def _ended(cut_off: Sequence[asyncio.Task[None]], told: Sequence[asyncio.Task[None]]) -> None:
    """Wait for tasks: the first ones are cancelled here, the others were told to end."""
    for task in cut_off:
        task.cancel()
    await asyncio.gather(*cut_off, *told, return_exceptions=True)
