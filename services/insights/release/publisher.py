"""Publisher: renders changed services and sends their snapshots to the compacted topic."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from heapq import nsmallest
from typing import Protocol, TypeAlias

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from services.insights.release.hub import Latest
from services.insights.release.snapshot import Snapshot
from shared.contracts.topics import INSIGHTS_SERVICES
from shared.log.partitioner import partition_of
from shared.log.port import Log, OutgoingRecord, PublishFailed
from shared.runtime.retry import DATABASE_ERRORS

INTERVAL_SECONDS = 0.1  # between two snapshots of one service; the first after quiet does not wait
AT_ONCE_MAX = 50  # services, whose lookups are one
AT_ONCE_SECONDS = 0.05  # then what is rendered is published, and what is left is looked up again
SHARE_MAX = 0.5  # of the event loop's time is rendering, while anything else waits for the loop
IDLE_SECONDS = 0.0002  # a turn of the loop that took less had nothing to do
EFFORT_MAX = 4  # a snapshot that took t to render is not rendered again for EFFORT_MAX times t
REST_SECONDS_MAX = 5.0  # however long it took: the process may have been stopped meanwhile
RETRY_SECONDS = 1.0
JSON = [("content-type", b"application/json")]
log = structlog.get_logger(__name__)


class Render(Protocol):
    async def __call__(self, service_id: str) -> Snapshot | None:
        """Return the service's snapshot now, or None where this process can't render it."""
        ...


Prepare: TypeAlias = Callable[[Sequence[str]], Awaitable[Render]]
"""Looks up, for some services at once, what each of their renderings needs from the database."""


class PublisherMeters:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.snapshots = Counter("coprod_snapshots", "Snapshots rendered", registry=registry)
        self.render_seconds = Histogram(
            "coprod_snapshot_render_seconds", "Time to render one snapshot", registry=registry
        )


class Publisher:
    """What is rendered is shown by this process at once, and published for all the others.

    Who is due for longest comes first, so that each is shown at last however many are due; then
    each is shown more seldom. A snapshot that could not be published is rendered again: the newest
    replaces it anyway.
    """

    def __init__(
        self,
        log_: Log,
        latest: Latest,
        prepare: Prepare,
        meters: PublisherMeters,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log_
        self._latest = latest
        self._prepare = prepare
        self._meters = meters
        self._now = clock_seconds
        self._dirty: dict[str, float] = {}  # since when, by service
        self._not_before: dict[str, float] = {}
        self._unsent: set[str] = set()
        self._woken = asyncio.Event()

    def changed(self, service_id: str) -> None:
        self._dirty.setdefault(service_id, self._now())
        self._woken.set()

    async def run(self) -> None:
        """Render and publish what changes, until cancelled."""
        while True:
            due, wait_seconds = self._due()
            if due:
                await self._publish(due)
                continue
            self._woken.clear()
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _due(self) -> tuple[list[str], float | None]:
        """Return the services whose time has come; with none, how long until the first one's."""
        now = self._now()
        by_time = {
            one: max(since, self._not_before.get(one, 0)) for one, since in self._dirty.items()
        }
        due = [one for one, at in by_time.items() if at <= now]
        if due or not by_time:
            return nsmallest(AT_ONCE_MAX, due, key=by_time.__getitem__), None
        return [], min(by_time.values()) - now

    async def _publish(self, due: list[str]) -> None:
        try:
            render = await self._prepare(due)
        except DATABASE_ERRORS as away:
            log.warning("snapshots_wait", services=len(due), failure=repr(away))
            for service_id in due:
                self._later(service_id)
            return
        rendered: list[Snapshot] = []
        began = self._now()
        for service_id in due:
            del self._dirty[service_id]
            started = self._now()
            snapshot = await self._rendered(service_id, render)
            if snapshot is not None and (
                self._latest.offer(snapshot) or service_id in self._unsent
            ):
                rendered.append(snapshot)
            await self._give_way(self._now() - started)
            if self._now() - began > AT_ONCE_SECONDS:
                break
        await self._send_all(rendered)

    async def _give_way(self, spent_seconds: float) -> None:
        """Leave the loop to others for as long as they have their share, or nothing to do.

        Most services are rendered without waiting for anything: without this, the fold and the
        streams would stand still for as long as one after another is due.
        """
        began = before = self._now()
        theirs_seconds = min(spent_seconds * (1 - SHARE_MAX) / SHARE_MAX, REST_SECONDS_MAX)
        while True:
            await asyncio.sleep(0)
            now = self._now()
            if now - before < IDLE_SECONDS or now - began >= theirs_seconds:
                return
            before = now

    async def _send_all(self, rendered: Sequence[Snapshot]) -> None:
        by_partition: dict[int, list[Snapshot]] = {}
        for snapshot in rendered:
            number = partition_of(snapshot.service_id, INSIGHTS_SERVICES.partitions)
            by_partition.setdefault(number, []).append(snapshot)
        await asyncio.gather(
            *(self._send(number, snapshots) for number, snapshots in by_partition.items())
        )

    async def _rendered(self, service_id: str, render: Render) -> Snapshot | None:
        started = self._now()
        try:
            snapshot = await render(service_id)
        except Exception as failure:
            # one service that can't be shown must not keep all others from being shown
            log.exception("snapshot_not_rendered", service_id=service_id, failure=repr(failure))
            self._later(service_id)
            return None
        ended = self._now()
        seconds = ended - started
        self._meters.snapshots.inc()
        self._meters.render_seconds.observe(seconds)
        earned = started + max(INTERVAL_SECONDS, EFFORT_MAX * seconds)
        self._not_before[service_id] = min(earned, ended + REST_SECONDS_MAX)
        return snapshot

    async def _send(self, number: int, snapshots: list[Snapshot]) -> None:
        records = [
            OutgoingRecord(snapshot.service_id.encode(), snapshot.body, JSON)
            for snapshot in snapshots
        ]
        try:
            await self._log.publish(INSIGHTS_SERVICES.name, number, records)
        except PublishFailed as failure:
            log.warning("snapshots_not_published", partition=number, failure=repr(failure))
            for snapshot in snapshots:
                self._unsent.add(snapshot.service_id)
                self._later(snapshot.service_id)
        else:
            self._unsent.difference_update(snapshot.service_id for snapshot in snapshots)

    def _later(self, service_id: str) -> None:
        self._not_before[service_id] = self._now() + RETRY_SECONDS
        self.changed(service_id)
