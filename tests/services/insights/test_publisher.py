"""When a service's snapshot is rendered again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.insights.latest import Latest
from services.insights.publisher import (
    EFFORT_MAX,
    REST_SECONDS_MAX,
    RETRY_SECONDS,
    Publisher,
    PublisherMeters,
    Render,
)
from services.insights.snapshot import Snapshot, Version
from shared.contracts.topics import INSIGHTS_SERVICES
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually


class Scene:
    """A publisher of one service, whose renderings take as long as the test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes_seconds = 0.0
        self.rendered = 0
        self.away = False
        self.prepared: list[list[str]] = []
        self.latest = Latest("here")
        self.publisher = Publisher(
            MemoryLog([INSIGHTS_SERVICES]),
            self.latest,
            self.prepare,
            PublisherMeters(CollectorRegistry()),
            clock_seconds=lambda: self.now,
        )

    async def prepare(self, service_ids: Sequence[str]) -> Render:
        if self.away:
            raise ConnectionRefusedError
        self.prepared.append(list(service_ids))
        return self.render

    async def render(self, service_id: str) -> Snapshot:
        self.rendered += 1
        self.now += self.takes_seconds
        service = {"service_id": service_id, "local_id": None, "name": "S"}
        return Snapshot(service, Version(1, 1, self.rendered, 1, 0), "d", b"{}", b"{}")

    async def settled(self) -> None:
        """Let the publisher do what is due now."""
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def publishing() -> AsyncIterator[Scene]:
    scene = Scene()
    running = asyncio.create_task(scene.publisher.run())
    yield scene
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_took_long_is_not_rendered_again_for_a_multiple_of_that() -> None:
    async with publishing() as scene:
        scene.takes_seconds = 1.0
        scene.publisher.changed("s")
        await eventually(lambda: scene.rendered == 1)

        scene.now = EFFORT_MAX - 0.1
        scene.publisher.changed("s")
        await scene.settled()
        assert scene.rendered == 1
        scene.now = EFFORT_MAX + 0.1
        scene.publisher.changed("s")
        await eventually(lambda: scene.rendered == 2)


async def test_a_process_that_was_stopped_while_rendering_does_not_rest_for_hours() -> None:
    async with publishing() as scene:
        scene.takes_seconds = 3600.0
        scene.publisher.changed("s")
        await eventually(lambda: scene.rendered == 1)

        scene.now += REST_SECONDS_MAX + 0.1
        scene.publisher.changed("s")

        await eventually(lambda: scene.rendered == 2, within_seconds=5)


async def test_what_changes_together_is_looked_up_together() -> None:
    async with publishing() as scene:
        for name in ("a", "b", "c"):
            scene.publisher.changed(name)
        await eventually(lambda: scene.rendered == 3)

        assert scene.prepared == [["a", "b", "c"]]


async def test_what_could_not_be_looked_up_is_rendered_later() -> None:
    async with publishing() as scene:
        scene.away = True
        scene.publisher.changed("a")
        await scene.settled()
        scene.away = False
        assert scene.rendered == 0

        scene.now += RETRY_SECONDS + 0.1
        scene.publisher.changed("b")
        await eventually(lambda: scene.rendered == 2)
