"""Three brokers that are what their scenarios take them for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeAlias

import pytest

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.port import TopicPartition
from tests.support.kafka_cluster import KafkaCluster
from tests.support.log import numbered
from tests.support.polling import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.faults]
HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
FAILOVER_SECONDS_MAX = 60
Clients: TypeAlias = Callable[[str], Awaitable[KafkaLog]]


@pytest.fixture
async def clients(cluster: KafkaCluster, topic_prefix: str) -> AsyncIterator[Clients]:
    """Bootstrap -> a client of the cluster, on topics of this test."""
    await create_topics(cluster.bootstrap, topic_prefix, 3, [EXCHANGE_ACTIVITY])
    async with AsyncExitStack() as stack:

        async def connect(bootstrap: str) -> KafkaLog:
            log = KafkaLog(bootstrap, topic_prefix)
            await log.start()
            stack.push_async_callback(log.stop)
            return log

        yield connect


async def test_another_broker_leads_after_the_leader_was_killed_and_nothing_is_lost(
    cluster: KafkaCluster, topic_prefix: str, clients: Clients
) -> None:
    topic, log = topic_prefix + HERE.topic, await clients(cluster.bootstrap)
    await log.publish(*HERE, numbered(3))

    leader = await cluster.leader_of(topic, HERE.partition)
    leader.kill()

    async def led_by_another() -> bool:
        now = (await cluster.described(topic))[HERE.partition]
        return now["leader"] not in (-1, leader.number) and leader.number not in now["isr"]

    await eventually(led_by_another, FAILOVER_SECONDS_MAX)
    assert [r.value for r in await log.read_all(HERE)] == [b"0", b"1", b"2"]
    await cluster.mend()
    assert len((await cluster.described(topic))[HERE.partition]["isr"]) == 3


async def test_a_client_that_came_through_a_proxy_stays_behind_proxies(
    cluster: KafkaCluster, clients: Clients
) -> None:
    log = await clients(cluster.proxied)

    for number in range(6):
        await log.publish(HERE.topic, number, numbered(1))

    assert all(each.traffic.connections for each in cluster.proxies.values())
