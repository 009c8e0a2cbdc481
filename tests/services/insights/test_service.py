"""The running service: it opens in parts, and closes as many as it has opened."""

import asyncio

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.insights.service import Insights, Meters
from tests.services.insights.conftest import Replicas

pytestmark = pytest.mark.postgres


async def test_what_could_not_start_whole_is_closed_whole(replicas: Replicas) -> None:
    await replicas.pool.execute("ALTER TABLE projection_active RENAME TO away")
    insights = Insights(replicas.surroundings(), Meters(CollectorRegistry()), "half")

    with pytest.raises(asyncpg.UndefinedTableError):
        await insights.start()

    await insights.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
