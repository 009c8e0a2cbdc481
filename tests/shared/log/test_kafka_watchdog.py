"""A consumer that lives and reads nothing is noticed; one with nothing to read is left alone."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.kafka.fetching import Fetching
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.kafka.watchdog import STALLED_SECONDS_MAX, Watchdog
from shared.log.port import TopicPartition
from tests.support.log import Notes, numbered
from tests.support.polling import eventually
from tools.deployment.kafka.local_kafka import LocalKafka

pytestmark = pytest.mark.kafka
HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
LOOK_SECONDS = STALLED_SECONDS_MAX / 4
LOOKS_MAX = 4


class Watched:
    """A consumer that nobody polls, and how much its process says it has handled."""

    def __init__(self, log: KafkaLog, consumer: AIOKafkaConsumer, prefix: str) -> None:
        self.log, self.handled = log, 0
        self.at = KafkaPartition(prefix + HERE.topic, HERE.partition)
        self.fetching = Fetching(consumer, lambda at: TopicPartition(*at))
        self.watchdog = Watchdog(self.fetching, self.ends, lambda: self.handled, self.pass_over)

    async def pass_over(self) -> None:
        await self.fetching.pass_over()

    async def ends(self) -> Mapping[KafkaPartition, int]:
        return {self.at: (await self.log.ends([HERE.topic]))[HERE]}

    async def look(self) -> str | None:
        return await self.watchdog._stuck(LOOK_SECONDS)


@pytest.fixture
async def watched(kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[Watched]:
    await create_topics(kafka.bootstrap, topic_prefix, topics=[EXCHANGE_ACTIVITY])
    log = KafkaLog(kafka.bootstrap, topic_prefix)
    await log.start()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        group_id=f"{topic_prefix}g",
        enable_auto_commit=False,
        auto_offset_reset="none",
    )
    await consumer.start()
    watched = Watched(log, consumer, topic_prefix)
    consumer.assign([watched.at])
    watched.fetching.place(watched.at, 0)
    yield watched
    await consumer.stop()
    await log.stop()


async def test_a_lag_that_does_not_shrink_ends_the_process(watched: Watched) -> None:
    await watched.log.publish(*HERE, numbered(3))

    looks = [await watched.look() for _ in range(LOOKS_MAX)]

    assert looks[:-1] == [None] * (LOOKS_MAX - 1)
    assert looks[-1] == "3 records are waiting and none was read for 60 s"


async def test_a_lag_that_grows_while_much_is_handled_is_none_of_its_business(
    watched: Watched,
) -> None:
    for _ in range(2 * LOOKS_MAX):
        await watched.log.publish(*HERE, numbered(3))
        watched.handled += 1
        assert await watched.look() is None


async def test_nothing_to_read_is_no_reason(watched: Watched) -> None:
    assert [await watched.look() for _ in range(2 * LOOKS_MAX)] == [None] * 2 * LOOKS_MAX


async def test_a_partition_that_was_stopped_for_a_reason_is_not_counted(watched: Watched) -> None:
    await watched.log.publish(*HERE, numbered(3))
    watched.fetching.consumer.pause(watched.at)

    assert [await watched.look() for _ in range(2 * LOOKS_MAX)] == [None] * 2 * LOOKS_MAX


async def test_a_stuck_consumer_ends_the_watch(watched: Watched) -> None:
    """The whole of it, with one short look in place of a minute of them."""
    await watched.log.publish(*HERE, numbered(3))
    watched.watchdog._stalled_seconds = STALLED_SECONDS_MAX

    reason = await asyncio.wait_for(watched.watchdog.watch(), 30)

    assert "records are waiting" in reason


@asynccontextmanager
async def transacting(kafka: LocalKafka) -> AsyncIterator[AIOKafkaProducer]:
    """Somebody else's producer, whose transactions end with a record that is none."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=secrets.token_hex(4)
    ) as producer:
        yield producer


@pytest.mark.parametrize("ending", ["commit", "abort"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_the_end_of_a_transaction_is_passed_and_not_waited_for(
    kafka: LocalKafka, watched: Watched, ending: str, restarted: bool
) -> None:
    """``restarted``: where the process goes on stands nothing but that."""
    await watched.log.publish(*HERE, numbered(2))
    async with transacting(kafka) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(watched.at.topic, b"foreign", partition=watched.at.partition)
        await (producer.commit_transaction if ending == "commit" else producer.abort_transaction)()
    end = (await watched.ends())[watched.at]
    notes = Notes({HERE: 3 if restarted else 0})
    subscription = watched.log.subscribe("transactions", [HERE.topic], notes)

    await subscription.start()

    await eventually(lambda: notes.starts[HERE] == end == 4)
    fetching = subscription._fetching
    assert fetching is not None
    watchdog = Watchdog(fetching, watched.ends, lambda: 0, watched.pass_over)
    looks = [await watchdog._stuck(LOOK_SECONDS) for _ in range(2 * LOOKS_MAX)]
    assert looks == [None] * 2 * LOOKS_MAX
    await watched.log.publish(*HERE, numbered(1, 2))
    await eventually(lambda: notes.values(HERE)[-1:] == [b"2"])
    assert len(notes.values(HERE)) == (1 if restarted else 4)
    await subscription.stop()
