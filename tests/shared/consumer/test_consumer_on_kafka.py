"""Exactly-once effect on a real Kafka: rebalances under load, two owners of one partition."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from shared.consumer import Consumer
from shared.consumer.quarantine import Pool
from shared.contracts.topics import PROVISIONED, dead_letter
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.port import Log, LogReader, OutgoingRecord, Subscription, TopicPartition
from tests.shared.consumer.conftest import CONSUMED, Readers
from tests.support.ledger import Ledger
from tests.support.log import Logs
from tests.support.polling import eventually
from tests.support.stream import AT, publish, renamed, spoilt
from tools.deployment.kafka.local_kafka import LocalKafka

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]
PLACES = [TopicPartition(AT.topic, number) for number in range(16)]
ROUNDS, EVENTS_A_ROUND = 12, 40


@pytest.fixture
async def logs(kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[Logs]:
    dead = [PROVISIONED[dead_letter(topic.name)] for topic in CONSUMED]
    await create_topics(kafka.bootstrap, topic_prefix, topics=[*CONSUMED, *dead])

    async def connect() -> Log:
        return KafkaLog(kafka.bootstrap, topic_prefix)

    async with (logs := Logs(connect)).stack:
        yield logs


@pytest.fixture
async def log(logs: Logs) -> Log:
    return await logs.open()


@pytest.fixture
async def readers(pool: Pool, log: Log) -> AsyncIterator[Readers]:
    async with (readers := Readers(pool, log)).stack:
        yield readers


async def test_replicas_come_and_go_under_load_and_every_event_counts_once(
    readers: Readers, logs: Logs, log: Log
) -> None:
    stable = await readers.start(Ledger("stable"))
    guest: Consumer | None = None

    for number in range(ROUNDS):
        start = number * EVENTS_A_ROUND + 1
        again = max(1, start - 7)  # as a relay repeats itself that did not hear an answer
        positions = range(again, start + EVENTS_A_ROUND)
        await asyncio.gather(*(publish(log, positions, at) for at in PLACES))
        if number % 4 == 1:
            guest = await readers.start(Ledger(f"guest {number}"), await logs.open())
            await eventually(guest.assigned)
        if number % 4 == 3 and guest is not None:
            await guest.stop()

    last = ROUNDS * EVENTS_A_ROUND

    async def all_taken() -> bool:
        return sum((await stable.positions()).values()) == last * len(PLACES)

    await eventually(all_taken)
    for at in PLACES:
        assert await readers.applied(at) == list(range(1, last + 1))
    assert stable.failure() is None


class _OtherGroup:
    """A log whose groups are others to Kafka, so that members get what others hold already."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.publish, self.ends = log.publish, log.ends
        self.start, self.stop, self.read_all = log.start, log.stop, log.read_all

    def subscribe(
        self, group: str, topics: Sequence[str], reader: LogReader, *, batch_records_max: int = 2000
    ) -> Subscription:
        return self._log.subscribe(
            f"{group}-too", topics, reader, batch_records_max=batch_records_max
        )


async def test_of_two_that_read_the_same_partitions_only_the_last_to_claim_writes(
    readers: Readers, logs: Logs, log: Log
) -> None:
    old, new = Ledger("old"), Ledger("new")
    zombie = await readers.start(old)
    await asyncio.gather(*(publish(log, range(1, 11), at) for at in PLACES))
    await eventually(lambda: len(old.reached) == len(PLACES))

    owner = await readers.start(new, _OtherGroup(await logs.open()))
    await eventually(lambda: len(owner.assigned()) == len(PLACES))
    await asyncio.gather(*(publish(log, range(11, 101), at) for at in PLACES))

    await eventually(lambda: all(new.reached.get(at) == 100 for at in PLACES))
    await eventually(lambda: not zombie.assigned())
    for at in PLACES:
        assert await readers.applied(at) == list(range(1, 101))
    assert zombie.failure() is None


async def test_bad_records_and_gaps_of_one_partition_leave_the_others_alone(
    readers: Readers, log: Log
) -> None:
    handler, other = Ledger(), TopicPartition(AT.topic, 9)
    consumer = await readers.start(handler)
    junk = OutgoingRecord(b"", b"junk", [("ce_id", b"\xff"), ("ce_id", b"")])

    await log.publish(*AT, [spoilt(1), junk, renamed(2, "org.coprod.new.v1")])
    await publish(log, [3, 5, 6])
    await publish(log, [1, 2, 3], other)

    await eventually(lambda: handler.reached.get(other) == 3 and consumer.gaps() == {AT: (4, 5)})
    await publish(log, [4, 5, 6, 7])
    await eventually(lambda: handler.reached[AT] == 7)
    assert await readers.applied() == [3, 4, 5, 6, 7]
    rows = await readers.pool.fetch("SELECT reason FROM quarantine ORDER BY id")
    assert [row["reason"] for row in rows] == ["invalid_data", "broken_envelope"]
    letters = TopicPartition(dead_letter(AT.topic), 0)

    async def mirrored() -> bool:
        return len(await log.read_all(letters)) == len(rows)

    await eventually(mirrored)


async def test_a_stranger_in_the_group_is_noticed_and_its_share_counts_as_lag(
    readers: Readers, log: Log, kafka: LocalKafka, topic_prefix: str
) -> None:
    ours = await readers.start(Ledger(), unread_seconds=1.0)
    await eventually(lambda: len(ours.assigned()) == len(PLACES))
    stranger = AIOKafkaConsumer(
        topic_prefix + AT.topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=f"{topic_prefix}reader",
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    await stranger.start()
    await eventually(lambda: 0 < len(ours.assigned()) < len(PLACES))
    await asyncio.gather(*(publish(log, [1, 2], at) for at in PLACES))
    taken = len(PLACES) - len(ours.assigned())

    await eventually(lambda: ours.troubles() != [])

    assert await ours.lag() == 2 * taken
    (told,) = ours.troubles()
    assert told.count(f"2 of {AT.topic}/") == taken
    assert "group reader (after the topics' prefix)" in told
    await stranger.stop()
    await eventually(lambda: ours.troubles() == [])
    assert await ours.lag() == 0
    for at in PLACES:
        assert await readers.applied(at) == [1, 2]


async def test_the_end_of_a_transaction_is_no_lag(
    readers: Readers, log: Log, kafka: LocalKafka, topic_prefix: str
) -> None:
    ours = await readers.start(Ledger())
    await publish(log, [1, 2])
    async with (
        AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, transactional_id=secrets.token_hex(4)
        ) as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait(topic_prefix + AT.topic, b"", partition=AT.partition)

    async def nothing_waits() -> bool:
        return await ours.lag() == 0

    await eventually(nothing_waits)
    assert await readers.applied() == [1, 2]
