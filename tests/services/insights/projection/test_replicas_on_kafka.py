"""Replicas of insights on a real Kafka: each service is whole in one of them, and shown by all."""

from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.insights.projection.store import Pool
from services.insights.service import Insights
from shared.contracts.topics import INSIGHTS_SERVICES
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered, renamed
from tests.support.archetypes import meals_on_wheels
from tests.support.polling import eventually
from tools.deployment.kafka.local_kafka import LocalKafka

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]
NAMES = [f"service-{number}" for number in range(12)]


@pytest.fixture
async def replicas(pool: Pool, kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[Replicas]:
    await create_topics(kafka.bootstrap, topic_prefix)
    log = KafkaLog(kafka.bootstrap, topic_prefix)
    await log.start()
    async with (replicas := Replicas(pool, log, Feed(log))).stack:
        yield replicas
    await log.stop()


async def test_every_service_is_in_one_memory_and_every_replica_shows_it(
    replicas: Replicas,
) -> None:
    running = [await replicas.start() for _ in range(3)]
    await eventually(lambda: all(one.fold.consumer.assigned() for one in running))

    for name in NAMES:
        await replicas.feed.tell([registered(name), *renamed(meals_on_wheels().events, name)])

    for name in NAMES:
        await eventually(lambda: _shown(running, name))  # noqa: B023
        await eventually(lambda: [_live(one, name) for one in running].count(True) == 1)  # noqa: B023


def _live(insights: Insights, name: str) -> bool:
    return insights.fold.live.owned(name) is not None


def _shown(running: list[Insights], name: str) -> bool:
    found = [one.latest.get(name) for one in running]
    versions = {one.version for one in found if one is not None}
    return None not in found and len(versions) == 1 and max(versions).events > 100


async def test_snapshots_go_on_being_shared_in_a_topic_that_was_made_anew(
    replicas: Replicas, kafka: LocalKafka, topic_prefix: str
) -> None:
    running = [await replicas.start() for _ in range(2)]
    first, *acts = meals_on_wheels().events
    name = NAMES[0]
    await replicas.feed.tell([registered(name), *renamed([first], name)])
    for act in renamed(acts[:4], name):
        await replicas.feed.tell([act])
        await eventually(lambda: _same(running, name, replicas.feed))

    await _make_anew(kafka, topic_prefix)
    await replicas.feed.tell(renamed(acts[4:5], name))
    await eventually(lambda: _same(running, name, replicas.feed))
    number = partition_of(name, INSIGHTS_SERVICES.partitions)
    for one in running:  # as it is where the group did not notice that the topic was away
        await one._snapshots.resume(TopicPartition(INSIGHTS_SERVICES.name, number), 1000)
    await replicas.feed.tell(renamed(acts[5:6], name))

    await eventually(lambda: _same(running, name, replicas.feed))


async def _make_anew(kafka: LocalKafka, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics([prefix + INSIGHTS_SERVICES.name])
    await admin.close()
    await create_topics(kafka.bootstrap, prefix, topics=[INSIGHTS_SERVICES])


def _same(running: list[Insights], name: str, feed: Feed) -> bool:
    """Tell whether all show the service as it is after everything that was told."""
    found = [one.latest.get(name) for one in running]
    told = sum(feed.positions.values())
    return all(one is not None and one.version.position == told for one in found)
