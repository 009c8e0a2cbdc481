"""A service opens its parts in the background, and ends when one of them fails for good."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from fastapi import FastAPI

from shared.eventstore.store import Pool
from shared.http.problems import HttpRefusal
from shared.startup import NotProvisioned, Opening, deployment_of, open_pool
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres


@dataclass(frozen=True)
class Part:
    pool: Pool
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self) -> None:
        await self.broken.wait()

    def failing(self) -> list[str]:
        return []


def is_open(opening: Opening[Part]) -> bool:
    try:
        return opening.parts is not None
    except HttpRefusal:
        return False


@pytest.fixture
def terminations() -> Iterator[list[int]]:
    """Every request to end this process that came during the test; none is followed."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    yield received
    signal.signal(signal.SIGTERM, before)


async def test_parts_are_tried_until_they_open(fresh_database: Callable[[str], str]) -> None:
    failures = [ConnectionRefusedError("no"), NotProvisioned("no schema")]

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[Part]:
        if failures:
            raise failures.pop()
        async with open_pool(fresh_database("registry")) as pool:
            yield Part(pool)

    opening = Opening(open_parts)
    with pytest.raises(HttpRefusal) as refused:
        _ = opening.parts
    async with opening.lifespan(FastAPI()):
        await eventually(lambda: not failures)
        await eventually(lambda: is_open(opening))
        deployment = await deployment_of(opening.parts.pool, "registry")

    assert refused.value.problem.status == 503
    assert deployment == "deployment-of-the-tests"


async def test_a_part_that_fails_later_ends_the_process(
    fresh_database: Callable[[str], str], terminations: list[int]
) -> None:
    @asynccontextmanager
    async def open_parts() -> AsyncIterator[Part]:
        async with open_pool(fresh_database("registry")) as pool:
            yield Part(pool)

    opening = Opening(open_parts)
    async with opening.lifespan(FastAPI()):
        await eventually(lambda: is_open(opening))
        opening.parts.broken.set()

        await eventually(lambda: terminations)

        assert await opening.waiting() == ["a restart: a part failed"]


async def test_a_database_behind_this_build_is_not_provisioned(
    fresh_database: Callable[[str], str], as_admin: Callable[[str], str]
) -> None:
    dsn = fresh_database("registry")
    connection = await asyncpg.connect(as_admin(dsn))
    await connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = 'registry-0001'")
    await connection.close()

    async with open_pool(dsn) as pool:
        with pytest.raises(NotProvisioned, match="lacks registry-0001"):
            await deployment_of(pool, "registry")


async def test_who_is_stopped_in_a_transaction_does_not_keep_its_locks(
    fresh_database: Callable[[str], str],
) -> None:
    async with open_pool(fresh_database("registry")) as pool:
        limit = await pool.fetchval("SHOW idle_in_transaction_session_timeout")

    assert limit == "15s"
