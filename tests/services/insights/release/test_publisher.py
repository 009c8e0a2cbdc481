"""When a service's snapshot is rendered again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from services.insights.release.hub import Latest
from services.insights.release.publisher import (
    EFFORT_MAX,
    REST_SECONDS_MAX,
    RETRY_SECONDS,
    SHARE_MAX,
    Publisher,
    PublisherMeters,
    Render,
)
from services.insights.release.snapshot import Snapshot, Version
from shared.contracts.topics import INSIGHTS_SERVICES
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually


class Scene:
    """A publisher of one service, whose renderings take as long as the test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes_seconds = 0.0
        self.rendered = 0
        self.order: list[str] = []
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
        self.order.append(service_id)
        self.now += self.takes_seconds
        service = {"service_id": service_id, "local_id": None, "name": "S"}
        return Snapshot(service, Version(1, 1, self.rendered, 1, 0), "d", b"{}", b"{}")

    async def settled(self) -> None:
        """Let the publisher do what is due now."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def fold(self, seconds: float, *, stepping_seconds: float = 0.001) -> None:
        """Do work that never waits for anything but the loop, until that much time is over."""
        until = self.now + seconds
        while self.now < until:
            self.now += stepping_seconds
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


async def test_rendering_leaves_the_fold_its_share_however_much_is_due() -> None:
    async with publishing() as scene:
        scene.takes_seconds = 0.004
        for number in range(1000):
            scene.publisher.changed(f"s{number}")

        await scene.fold(1.0)

        assert scene.rendered * scene.takes_seconds <= SHARE_MAX + 0.01
        assert scene.rendered * scene.takes_seconds > 0.8 * SHARE_MAX


async def test_rendering_does_not_wait_for_a_fold_that_has_nothing_to_do() -> None:
    async with publishing() as scene:
        scene.takes_seconds = 0.004
        for number in range(100):
            scene.publisher.changed(f"s{number}")

        await eventually(lambda: scene.rendered == 100)

        assert scene.now == pytest.approx(100 * scene.takes_seconds)


async def test_who_is_due_for_longest_comes_first() -> None:
    async with publishing() as scene:
        scene.publisher.changed("just shown")
        await eventually(lambda: scene.rendered == 1)
        scene.now = 0.01
        scene.publisher.changed("just shown")  # first to change, but due after its interval only
        scene.now = 0.2
        scene.publisher.changed("later")
        scene.now = 0.05
        scene.publisher.changed("sooner")

        scene.now = 0.3
        await eventually(lambda: scene.rendered == 4)

        assert scene.order[1:] == ["sooner", "just shown", "later"]


async def test_every_change_is_shown_at_last_also_when_more_is_due_than_can_be_rendered() -> None:
    async with publishing() as scene:
        scene.takes_seconds = 0.02
        names = [f"s{number}" for number in range(30)]
        for _ in range(100):
            for name in names:
                scene.publisher.changed(name)
            await scene.fold(0.05)
        shown = [scene.order.count(name) for name in names]
        for name in names:
            scene.publisher.changed(name)
        before = scene.rendered

        await scene.fold(2.0)

        assert max(shown) - min(shown) <= 1
        assert set(scene.order[before:]) == set(names)


async def test_what_is_rendered_is_published_before_many_others_are() -> None:
    async with publishing() as scene:
        scene.takes_seconds = 0.02
        for number in range(10):
            scene.publisher.changed(f"s{number}")

        await eventually(lambda: scene.rendered == 10)

        assert [len(one) for one in scene.prepared] == [10, 7, 4, 1]
