"""The running service: it opens in parts, and closes as many as it has opened."""

import asyncio

import asyncpg
import orjson
import pytest
from prometheus_client import CollectorRegistry

from services.insights.release.snapshot import Version
from services.insights.service import Insights, Meters
from shared.contracts.topics import INSIGHTS_SERVICES
from shared.log.partitioner import partition_of
from shared.log.port import OutgoingRecord
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.services.insights.snapshots import a_record
from tests.support.polling import eventually
from tests.support.postgres import DEPLOYMENT, AdminOf

pytestmark = pytest.mark.postgres


async def test_snapshots_of_a_database_that_was_lost_do_not_outrank_those_of_the_new_one(
    replicas: Replicas, feed: Feed
) -> None:
    """Insights owns no truth: its database may be made anew while the log keeps its snapshots."""
    version = Version(incarnation=1, projection=3, position=9999, day=999_999, announced=0)
    record = a_record("service-1", receipt={"deployment": DEPLOYMENT}, version=list(version))
    number = partition_of("service-1", INSIGHTS_SERVICES.partitions)
    old = OutgoingRecord(b"service-1", orjson.dumps(record), [])
    await replicas.log.publish(INSIGHTS_SERVICES.name, number, [old])

    insights, other = await replicas.start(), await replicas.start()
    await eventually(lambda: insights.latest.get("service-1"))
    await feed.tell([registered("service-1")])

    for replica in (insights, other):
        await eventually(lambda: _name(replica) == "The service-1")  # noqa: B023


def _name(insights: Insights) -> object:
    found = insights.latest.get("service-1")
    return found and found.service["name"]


async def test_what_could_not_start_whole_is_closed_whole(
    replicas: Replicas, as_admin_of: AdminOf
) -> None:
    async with as_admin_of(replicas.pool) as admin:
        await admin.execute("ALTER TABLE projection_active RENAME TO away")
    insights = Insights(replicas.surroundings(), Meters(CollectorRegistry()), "half")

    with pytest.raises(asyncpg.UndefinedTableError):
        await insights.start()

    await insights.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
