"""Every log that keeps the promises of ``shared.log.port``, and a reader that takes notes."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import pytest

from shared.contracts import topics
from shared.log.port import Log, LogRecord, OutgoingRecord, Subscription, TopicPartition
from tests.support.memory_log import MemoryLog
from tools.deployment.kafka.local_kafka import LocalKafka

LOG_TOPICS = (topics.REGISTRY_AGENCIES, topics.EXCHANGE_ACTIVITY, topics.INSIGHTS_SERVICES)
ADAPTERS = [
    "memory",
    "simulated",
    pytest.param("embedded", marks=pytest.mark.postgres),
    pytest.param("kafka", marks=pytest.mark.kafka),
]


Connect: TypeAlias = Callable[[], Awaitable[Log]]


@dataclass
class Logs:
    """Hands out clients of one and the same log; each is stopped at the end of the test."""

    connect: Connect
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self) -> Log:
        log = await self.connect()
        await log.start()
        self.stack.push_async_callback(log.stop)
        return log


@pytest.fixture
def memory_log() -> Connect:
    shared = MemoryLog(LOG_TOPICS)

    async def connect() -> Log:
        return shared

    return connect


@pytest.fixture
def simulated_log() -> Connect:
    """The production adapter on the simulation's Kafka, as that is when no bad luck strikes."""
    from shared.log.kafka.log import KafkaLog
    from tests.simulation.kafka import Broker
    from tests.simulation.kafka_clients import clients
    from tests.simulation.luck import Luck

    partitions = {topic.name: topic.partitions for topic in LOG_TOPICS}
    brokers: list[Broker] = []

    async def connect() -> Log:
        if not brokers:
            luck = Luck(random.Random(0))
            brokers.append(Broker(asyncio.get_running_loop(), luck, partitions))
        return KafkaLog("simulated", clients=clients(brokers[0]))

    return connect


@pytest.fixture
def embedded_log(fresh_database: Callable[[str], str]) -> Connect:
    dsn = fresh_database("log")

    async def connect() -> Log:
        from shared.log.embedded.log import EmbeddedLog

        return EmbeddedLog(dsn)

    return connect


@pytest.fixture
def kafka_log(kafka: LocalKafka, topic_prefix: str) -> Connect:
    async def connect() -> Log:
        from shared.log.kafka.log import KafkaLog
        from shared.log.kafka.provisioning import create_topics

        await create_topics(kafka.bootstrap, topic_prefix, topics=LOG_TOPICS)
        return KafkaLog(kafka.bootstrap, topic_prefix)

    return connect


@pytest.fixture(params=ADAPTERS)
def connect(request: pytest.FixtureRequest) -> Connect:
    return cast("Connect", request.getfixturevalue(f"{request.param}_log"))


@pytest.fixture
async def logs(connect: Connect) -> AsyncIterator[Logs]:
    async with (logs := Logs(connect)).stack:
        yield logs


class Notes:
    """A reader: claims at the offsets it was given, else at 0, and keeps what is delivered."""

    def __init__(self, starts: Mapping[TopicPartition, int] | None = None) -> None:
        self.starts = dict(starts or {})
        self.claimed: list[TopicPartition] = []
        self.released: list[TopicPartition] = []
        self.records: dict[TopicPartition, list[LogRecord]] = {}
        self.largest_batch = 0
        self.subscription: Subscription

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.claimed.extend(partitions)
        return {partition: self.starts.get(partition, 0) for partition in partitions}

    async def release(self, partitions: Sequence[TopicPartition]) -> None:
        self.released.extend(partitions)

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        self.largest_batch = max(self.largest_batch, sum(map(len, batch.values())))
        for partition, records in batch.items():
            self.records.setdefault(partition, []).extend(records)
            self.starts[partition] = records[-1].offset + 1

    async def passed(self, partition: TopicPartition, offset: int) -> None:
        self.starts[partition] = offset

    def values(self, partition: TopicPartition) -> list[bytes | None]:
        return [record.value for record in self.records.get(partition, [])]


def position_of(record: LogRecord) -> int:
    return int(dict(record.headers)["ce_position"] or b"")


def numbered(count: int, start: int = 0) -> list[OutgoingRecord]:
    """Return records whose values are their numbers."""
    return [OutgoingRecord(b"key", str(n).encode(), []) for n in range(start, start + count)]
