"""The whole verification, in the order that makes it meaningful while the deployment is at work.

Whatever claims something is read before what it is held against: relay positions before the log,
the log and the receipts before the stores, which only grow.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from shared.contracts.topics import EVENT_TOPICS
from shared.log.port import TopicPartition
from tools.commands.rebuild import SWITCHED, rebuilt
from tools.deployment.client import Services
from tools.deployment.record import SERVICES, Deployment
from tools.verification import consumption, folding, publication, replication, store, stream
from tools.verification.figures import Histories, check_metrics, check_verdict
from tools.verification.log import Records, records_of
from tools.verification.report import Report
from tools.verification.service import Said, asked, by_partition, events_of, listed
from tools.verification.store import Pool

Advance = Callable[[int], None]
Bar = Callable[[str, int], AbstractContextManager[Advance]]
WRITERS = ("registry", "exchange")
REBUILD_SECONDS_MAX = 600.0


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is looked at. ``as_of`` None asks for today's figures.

    ``deep``: also every fact, directory and frame of the stream; ``rebuild``: a fold of all from
    the start has to equal what is served.
    """

    as_of: str | None = None
    deep: bool = False
    rebuild: bool = False


@dataclass(slots=True)
class Verification:
    services: Services
    pools: Mapping[str, Pool]
    records: Records
    depth: Depth
    bar: Bar
    report: Report = field(default_factory=Report)

    async def run(self) -> Report:
        if self.depth.rebuild:
            self._rebuild()
        said = self._ask()
        if self.depth.deep and self.depth.as_of is None:
            stream.listen(self.services.url("insights"), said, self.report)
        folded = await consumption.positions(self.pools)
        readings = await self._check_log()
        heads = await self._check_stores()
        consumption.check_positions(folded, heads, self.report)
        consumers = sorted({consumer for consumer, _ in folded})
        await consumption.check_records(self.pools, set(consumers), self.report)
        left = {one: await folding.left_by(self.pools[_home(one)], one) for one in consumers}
        if self.depth.deep:
            await self._check_folding(folded, left, readings)
        (serving,) = (one for one in consumers if _home(one) == "insights")
        await self._check_figures(said, left[serving])
        return self.report

    def _rebuild(self) -> None:
        build = rebuilt(self.services, REBUILD_SECONDS_MAX)
        report = build["report"] or {}
        self.report.compared["figures of a rebuild"] += report.get("figures", 0)
        if build["state"] != SWITCHED or not report.get("equal"):
            told = report.get("failure") or f"{report.get('differences_count')} figures differ"
            self.report.problem(
                "a rebuild equals what is served",
                f"{build['state']}: {told}, for instance {report.get('differences', [])[:3]}",
            )

    async def _check_folding(
        self,
        folded: Mapping[tuple[str, TopicPartition], int],
        left: Mapping[str, Mapping[TopicPartition, folding.Left]],
        readings: Mapping[TopicPartition, publication.LogReading],
    ) -> None:
        """Look event by event at what each consumer made of what it took."""
        with self.bar("following events", len(left)) as advance:
            for consumer, left_here in left.items():
                name = _home(consumer)
                taken = {at: upto for (who, at), upto in sorted(folded.items()) if who == consumer}
                read_to = await consumption.offsets(self.pools[name], consumer)
                for at, upto in taken.items():
                    here = left_here.get(at, folding.Left())
                    folding.check_accounts(consumer, at, upto, here, self.report)
                    strangers = [s for s in readings[at].strangers if s < read_to.get(at, 0)]
                    folding.check_strangers(consumer, at, strangers, here, self.report)
                if name == "insights":
                    await folding.check_facts(self.pools, taken, left_here, self.report)
                await replication.check_directory(consumer, self.pools, left_here, self.report)
                advance(1)

    def _ask(self) -> list[Said]:
        names = list(listed(self.services))
        with self.bar("asking for figures", len(names)) as advance:
            said = []
            for name in names:
                said.append(asked(self.services, name, self.depth.as_of))
                advance(1)
        self.report.compared["services"] += len(said)
        return said

    async def _check_log(self) -> dict[TopicPartition, publication.LogReading]:
        """Compare log and stores; return what was read of each partition."""
        relayed: dict[TopicPartition, int] = {}
        readings: dict[TopicPartition, publication.LogReading] = {}
        ids = {name: await store.deployment(self.pools[name]) for name in SERVICES}
        if len(set(ids.values())) > 1:
            self.report.problem("one deployment", f"the databases belong to {ids}")
        for name in WRITERS:
            relayed |= await store.relayed(self.pools[name])
        partitions = [
            (TopicPartition(topic.name, number), topic.producer)
            for topic in EVENT_TOPICS
            for number in range(topic.partitions)
        ]
        with self.bar("comparing the log", len(partitions)) as advance:
            for partition, producer in partitions:
                origin = publication.EventOrigin(partition, ids[producer])
                readings[partition] = await self._check_partition(origin, producer, relayed)
                advance(1)
        return readings

    async def _check_partition(
        self, origin: publication.EventOrigin, producer: str, relayed: Mapping[TopicPartition, int]
    ) -> publication.LogReading:
        partition = origin.partition
        async with (
            aclosing(store.events(self.pools[producer], partition, origin.deployment)) as stored,
            aclosing(self.records.of(partition)) as published,
        ):
            found = await publication.check_partition(origin, stored, published, self.report)
        if found.last < relayed.get(partition, 0):
            self.report.problem(
                publication.CHECK,
                f"{origin.name} ends at position {found.last}, the relay says it published "
                f"{relayed[partition]}",
            )
        return found

    async def _check_stores(self) -> dict[TopicPartition, int]:
        heads: dict[TopicPartition, int] = {}
        for name in WRITERS:
            heads |= await store.check_density(name, self.pools[name], self.report)
        return heads

    async def _check_figures(
        self, said: list[Said], left: Mapping[TopicPartition, folding.Left]
    ) -> None:
        with self.bar("recomputing", len(said)) as advance:
            for partition, services in by_partition(said).items():
                events = await events_of(self.pools, partition, services, left)
                for one in services:
                    histories = Histories(events[one.service_id])
                    for answer in one.metrics:
                        check_metrics(answer, histories, self.report)
                    for answer in one.verdicts:
                        check_verdict(answer, histories, self.report)
                    self.report.compared["events recomputed"] += len(events[one.service_id])
                    advance(1)


def _home(consumer: str) -> str:
    """Return the service that a consumer is part of."""
    return "exchange" if consumer.startswith("exchange") else "insights"


@asynccontextmanager
async def opened(deployment: Deployment, depth: Depth, bar: Bar) -> AsyncIterator[Verification]:
    """Connect to everything that is compared, with the right to read alone."""
    async with AsyncExitStack() as stack:
        pools = {
            name: await stack.enter_async_context(
                asyncpg.create_pool(deployment.readonly_database(name), min_size=1, max_size=2)
            )
            for name in SERVICES
        }
        records = await stack.enter_async_context(records_of(deployment))
        yield Verification(Services(deployment), pools, records, depth, bar)
