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
from tools.client import Services
from tools.deployment import SERVICES, Deployment
from tools.verification import consumption, publication, store
from tools.verification.figures import Histories, check_metrics, check_verdict
from tools.verification.log import Records, records_of
from tools.verification.report import Report
from tools.verification.service import Said, asked, by_partition, events_of, listed
from tools.verification.store import Pool

Advance = Callable[[int], None]
Bar = Callable[[str, int], AbstractContextManager[Advance]]
WRITERS = ("registry", "exchange")


@dataclass(slots=True)
class Verification:
    """One run. ``as_of`` None asks for today's figures."""

    services: Services
    pools: Mapping[str, Pool]
    records: Records
    as_of: str | None
    bar: Bar
    report: Report = field(default_factory=Report)

    async def run(self) -> Report:
        said = self._ask()
        folded = await consumption.positions(self.pools)
        await self._check_log()
        heads = await self._check_stores()
        consumption.check_positions(folded, heads, self.report)
        await consumption.check_records(self.pools, {name for name, _ in folded}, self.report)
        await self._check_figures(said)
        return self.report

    def _ask(self) -> list[Said]:
        names = list(listed(self.services))
        with self.bar("asking for figures", len(names)) as advance:
            said = []
            for name in names:
                said.append(asked(self.services, name, self.as_of))
                advance(1)
        self.report.compared["services"] += len(said)
        return said

    async def _check_log(self) -> None:
        relayed: dict[TopicPartition, int] = {}
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
                await self._check_partition(partition, producer, ids, relayed)
                advance(1)

    async def _check_partition(
        self,
        partition: TopicPartition,
        producer: str,
        ids: Mapping[str, str],
        relayed: Mapping[TopicPartition, int],
    ) -> None:
        async with (
            aclosing(store.events(self.pools[producer], partition, ids[producer])) as stored,
            aclosing(self.records.of(partition)) as published,
        ):
            origin = publication.Origin(partition, ids[producer])
            found = await publication.check_partition(origin, stored, published, self.report)
        if found.last < relayed.get(partition, 0):
            self.report.problem(
                publication.CHECK,
                f"{origin.name} ends at position {found.last}, the relay says it published "
                f"{relayed[partition]}",
            )

    async def _check_stores(self) -> dict[TopicPartition, int]:
        heads: dict[TopicPartition, int] = {}
        for name in WRITERS:
            heads |= await store.check_density(name, self.pools[name], self.report)
        return heads

    async def _check_figures(self, said: list[Said]) -> None:
        with self.bar("recomputing", len(said)) as advance:
            for partition, services in by_partition(said).items():
                events = await events_of(self.pools, partition, services)
                for one in services:
                    histories = Histories(events[one.service_id])
                    for answer in one.metrics:
                        check_metrics(answer, histories, self.report)
                    for answer in one.verdicts:
                        check_verdict(answer, histories, self.report)
                    self.report.compared["events recomputed"] += len(events[one.service_id])
                    advance(1)


@asynccontextmanager
async def opened(
    deployment: Deployment, as_of: str | None, bar: Bar
) -> AsyncIterator[Verification]:
    """Connect to everything that is compared, with the right to read alone."""
    async with AsyncExitStack() as stack:
        pools = {
            name: await stack.enter_async_context(
                asyncpg.create_pool(deployment.readonly_database(name), min_size=1, max_size=2)
            )
            for name in SERVICES
        }
        records = await stack.enter_async_context(records_of(deployment))
        yield Verification(Services(deployment), pools, records, as_of, bar)
