"""Two members under one static name: Kafka fences neither, and both read the same partitions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from faststream.kafka import KafkaBroker

from shared.consumer.quarantine import Pool
from shared.contracts.topics import PROVISIONED, dead_letter
from shared.log.kafka.client import Clients
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.port import Log, TopicPartition
from tests.shared.consumer.conftest import CONSUMED, Readers
from tests.shared.consumer.conftest import pool as pool  # noqa: PLC0414 - a fixture
from tests.support.kafka_cluster import KafkaCluster
from tests.support.ledger import Ledger
from tests.support.log import Logs
from tests.support.polling import eventually
from tests.support.stream import AT, publish

pytestmark = [
    pytest.mark.faults,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
]
PLACES = [TopicPartition(AT.topic, number) for number in range(16)]
ROUNDS, EVENTS_A_ROUND = 25, 20
ROUND_SECONDS = 1.0
RECOVERY_SECONDS_MAX = 90


class _Twin(KafkaBroker):
    """Joins under a name that is not its own alone."""

    def subscriber(self, *topics: str, **settings: Any) -> Any:
        return super().subscriber(*topics, group_instance_id="twin", **settings)


@pytest.fixture
async def logs(cluster: KafkaCluster, topic_prefix: str) -> AsyncIterator[Logs]:
    dead = [PROVISIONED[dead_letter(topic.name)] for topic in CONSUMED]
    await create_topics(cluster.bootstrap, topic_prefix, 3, [*CONSUMED, *dead])

    async def connect() -> Log:
        return KafkaLog(cluster.bootstrap, topic_prefix, Clients(broker=_Twin))

    async with (logs := Logs(connect)).stack:
        yield logs


async def test_every_event_counts_once_whoever_reads_it(pool: Pool, logs: Logs) -> None:
    async with (readers := Readers(pool, await logs.open())).stack:
        handlers = [Ledger("one"), Ledger("other")]
        members = [await readers.start(each, await logs.open()) for each in handlers]

        for number in range(ROUNDS):
            first = number * EVENTS_A_ROUND + 1
            events = range(first, first + EVENTS_A_ROUND)
            await asyncio.gather(*(publish(readers.log, events, at) for at in PLACES))
            await asyncio.sleep(ROUND_SECONDS)

        last = ROUNDS * EVENTS_A_ROUND

        async def all_taken() -> bool:
            return sum((await members[0].positions()).values()) == last * len(PLACES)

        await eventually(all_taken, RECOVERY_SECONDS_MAX)
        for at in PLACES:
            assert await readers.applied(at) == list(range(1, last + 1))
        claims = [{(claim.topic, claim.partition) for claim in each.claims} for each in handlers]
        assert claims[0] & claims[1], "they never met, so nothing was tried"
        assert [member.failure() for member in members] == [None, None]
