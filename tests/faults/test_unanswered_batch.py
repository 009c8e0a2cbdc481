"""A batch that has its number and no answer: it may be written, or never, or late."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.producer import SILENT_SECONDS_MAX
from shared.log.kafka.provisioning import create_topics
from shared.log.port import PublishFailed, TopicPartition
from tests.support.kafka_cluster import KafkaCluster
from tests.support.log import numbered
from tests.support.proxy import Way

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(300)]
HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
GIVEN_UP_SECONDS_MAX = SILENT_SECONDS_MAX + 20
EVERY = [str(number).encode() for number in range(9)]


@pytest.fixture
async def log(cluster: KafkaCluster, topic_prefix: str) -> AsyncIterator[KafkaLog]:
    await create_topics(cluster.bootstrap, topic_prefix, 3, [EXCHANGE_ACTIVITY])
    log = KafkaLog(cluster.proxied, topic_prefix)
    await log.start()
    yield log
    await log.stop()


@pytest.mark.parametrize("lost", [[Way.UP], [Way.DOWN], [Way.UP, Way.DOWN]])
async def test_it_is_given_up_and_what_is_published_again_comes_whole_and_in_order(
    log: KafkaLog, cluster: KafkaCluster, lost: list[Way]
) -> None:
    await log.publish(*HERE, numbered(3))
    for link in cluster.proxies.values():
        link.drop(*lost)
    begun = time.monotonic()
    async with asyncio.timeout(2 * GIVEN_UP_SECONDS_MAX):  # or else it hangs for ever
        with pytest.raises(PublishFailed):
            await log.publish(*HERE, numbered(3, 3))
    assert time.monotonic() - begun < GIVEN_UP_SECONDS_MAX

    for link in cluster.proxies.values():
        link.clear()
    async with asyncio.timeout(GIVEN_UP_SECONDS_MAX):
        while not await _published(log, 3):
            pass
    await log.publish(*HERE, numbered(3, 6))

    values = [record.value for record in await log.read_all(HERE)]
    assert _without_repeats(values) == EVERY


async def _published(log: KafkaLog, start: int) -> bool:
    try:
        await log.publish(*HERE, numbered(3, start))
    except PublishFailed:
        return False
    return True


def _without_repeats(values: list[bytes | None]) -> list[bytes | None]:
    """Return what a consumer keeps that knows which comes next."""
    kept: list[bytes | None] = []
    for value in values:
        if len(kept) < len(EVERY) and value == EVERY[len(kept)]:
            kept.append(value)
    return kept
