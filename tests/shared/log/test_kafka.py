"""What only a real Kafka can do: poisoned headers, lost offsets, refused batches, absence."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.record.util import calc_crc32c

from shared.contracts import topics
from shared.log.kafka import producer as kafka_producer
from shared.log.kafka.fetching import Run
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.producer import SILENT_SECONDS_MAX
from shared.log.kafka.provisioning import TopicMismatch, create_topics, delete_topics, verify_topics
from shared.log.port import (
    OLDEST,
    LogRecord,
    OutgoingRecord,
    PublishFailed,
    TopicPartition,
)
from tests.support.log import Logs, Notes, numbered
from tests.support.polling import eventually
from tools.deployment.kafka.local_kafka import LocalKafka, free_port

pytestmark = pytest.mark.kafka
TOPIC = topics.EXCHANGE_ACTIVITY
HERE, THERE = TopicPartition(TOPIC.name, 3), TopicPartition(TOPIC.name, 4)
DAY_MS = 86_400_000
CRC_AT, CRC_FROM = slice(17, 21), 21


class Delaying(Notes):
    """Sets a timer with each batch that outlives it, as a pool of connections does."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[asyncio.TimerHandle] = []

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        await super().handle(batch)
        self.timers.append(asyncio.get_running_loop().call_later(300, print))
        self.timers[-1].cancel()


@pytest.fixture
async def log(kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[KafkaLog]:
    await create_topics(kafka.bootstrap, topic_prefix, topics=[TOPIC])
    log = KafkaLog(kafka.bootstrap, topic_prefix)
    await log.start()
    yield log
    await log.stop()


async def test_a_header_name_that_is_not_utf_8_stops_nothing(
    log: KafkaLog, kafka: LocalKafka, topic_prefix: str
) -> None:
    notes = Notes()
    await log.publish(*HERE, numbered(3))
    await _poison(kafka, topic_prefix + HERE.topic, HERE.partition)
    await log.publish(*HERE, numbered(3, 3))
    subscription = log.subscribe("g", [TOPIC.name], notes)
    await subscription.start()

    await eventually(lambda: len(notes.values(HERE)) == 7)
    await log.publish(*HERE, numbered(1, 6))
    await log.publish(*THERE, numbered(5))

    await eventually(lambda: len(notes.values(THERE)) == 5 and len(notes.values(HERE)) == 8)
    assert [r.offset for r in notes.records[HERE]] == list(range(8))
    assert list(notes.records[HERE][3].headers) == [("\\xff\\xfeISON", b"1")]
    assert subscription.stopped() == {}
    assert subscription.failure() is None
    await subscription.stop()


async def test_a_batch_that_is_done_with_is_not_kept_by_timers_set_meanwhile(log: KafkaLog) -> None:
    notes = Delaying()
    subscription = log.subscribe("g", [TOPIC.name], notes, batch_records_max=100)
    await log.publish(*HERE, numbered(1000))

    await subscription.start()

    await eventually(lambda: len(notes.values(HERE)) == 1000)
    await eventually(lambda: not _runs_in_memory())
    assert len(notes.timers) >= 10
    await subscription.stop()


async def test_what_is_delivered_is_what_aiokafka_reads(log: KafkaLog) -> None:
    headers = [("ce_id", b"1"), ("ce_id", b""), ("odd", "é".encode())]
    notes = Notes()
    subscription = log.subscribe("g", [TOPIC.name], notes, batch_records_max=100)
    await log.publish(*HERE, [OutgoingRecord(b"k", b"{}", headers), *numbered(999)])
    await log.publish(*THERE, [OutgoingRecord(b"k", None, headers)])
    await subscription.start()
    await eventually(lambda: len(notes.values(HERE)) == 1000)

    for number in range(5):  # one by one, so that some come while they are waited for
        await log.publish(*THERE, numbered(1, number))
        await eventually(lambda: len(notes.values(THERE)) == number + 2)  # noqa: B023

    for at in (HERE, THERE):
        assert list(map(_parts, notes.records[at])) == list(map(_parts, await log.read_all(at)))
    assert subscription.failure() is None
    await subscription.stop()


async def test_an_offset_that_is_not_there_stops_its_partition_only(log: KafkaLog) -> None:
    notes = Notes({HERE: 50})
    await log.publish(*HERE, numbered(3))
    await log.publish(*THERE, numbered(2))
    subscription = log.subscribe("g", [TOPIC.name], notes)

    await subscription.start()

    await eventually(lambda: HERE in subscription.stopped())
    await log.publish(*THERE, numbered(2, 2))
    await eventually(lambda: len(notes.values(THERE)) == 4)
    assert notes.values(HERE) == []
    assert subscription.failure() is None
    await subscription.resume(HERE, 2)  # somebody has looked, and decided where to go on
    await eventually(lambda: notes.values(HERE) == [b"2"])
    assert subscription.stopped() == {}
    await subscription.stop()


async def test_records_that_are_gone_are_passed_only_by_who_asks_for_the_oldest(
    log: KafkaLog, kafka: LocalKafka, topic_prefix: str
) -> None:
    notes, other = Notes({HERE: 1}), Notes({HERE: OLDEST})
    await log.publish(*HERE, numbered(6))
    await _forget(kafka, topic_prefix + HERE.topic, HERE.partition, before=4)
    subscription, another = (
        log.subscribe("g", [TOPIC.name], notes),
        log.subscribe("other", [TOPIC.name], other),
    )
    await subscription.start()
    await another.start()

    await eventually(lambda: HERE in subscription.stopped())
    await eventually(lambda: other.values(HERE) == [b"4", b"5"])
    assert notes.values(HERE) == []
    await subscription.resume(HERE, OLDEST)

    await eventually(lambda: notes.values(HERE) == [b"4", b"5"])
    assert subscription.stopped() == another.stopped() == {}
    await subscription.stop()
    await another.stop()


async def test_a_batch_that_the_broker_refuses_does_not_break_publishing(
    kafka: LocalKafka, topic_prefix: str
) -> None:
    small = replace(TOPIC, config={**topics.FOREVER, "max.message.bytes": "2000"})
    await create_topics(kafka.bootstrap, topic_prefix, topics=[small])
    log = KafkaLog(kafka.bootstrap, topic_prefix)
    await log.start()

    await log.publish(*HERE, numbered(1))
    with pytest.raises(PublishFailed):
        await log.publish(*HERE, [OutgoingRecord(b"k", b"x" * 3000, [])])
    await log.publish(*HERE, numbered(1, 1))

    assert [record.value for record in await log.read_all(HERE)] == [b"0", b"1"]
    await log.stop()


async def test_whoever_publishes_with_a_client_that_another_has_closed_does_not_hang(
    log: KafkaLog, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic is away; one that fails drops the client while others ask it for the topic."""
    monkeypatch.setattr(kafka_producer, "SILENT_SECONDS_MAX", 2)
    await log.publish(*HERE, numbered(1))
    assert log._producer is not None
    closed = log._producer._current
    await closed.stop()
    del closed.client.cluster._partitions[topic_prefix + HERE.topic]

    with pytest.raises(PublishFailed, match="TimeoutError"):
        await log.publish(*HERE, numbered(1, 1))
    await log.publish(*HERE, numbered(1, 1))

    assert [record.value for record in await log.read_all(HERE)] == [b"0", b"1"]


async def test_publishing_to_a_topic_that_was_deleted_fails_and_goes_on_once_it_is_there_again(
    log: KafkaLog, kafka: LocalKafka, topic_prefix: str
) -> None:
    await log.publish(*HERE, numbered(3))
    await delete_topics(kafka.bootstrap, topic_prefix)

    with pytest.raises(PublishFailed):
        await asyncio.wait_for(log.publish(*HERE, numbered(3, 3)), 2 * SILENT_SECONDS_MAX)
    await create_topics(kafka.bootstrap, topic_prefix, topics=[TOPIC])
    await log.publish(*HERE, numbered(3, 3))

    assert [record.value for record in await log.read_all(HERE)] == [b"3", b"4", b"5"]


async def test_a_kafka_that_is_away_is_waited_for(
    log: KafkaLog, kafka: LocalKafka, topic_prefix: str
) -> None:
    port, notes = free_port(), Notes()
    early = KafkaLog(f"127.0.0.1:{port}", topic_prefix)
    await early.start()
    subscription = early.subscribe("g", [TOPIC.name], notes)
    await subscription.start()

    with pytest.raises(PublishFailed):
        await early.publish(*HERE, numbered(1))
    async with _door(port, kafka.bootstrap):
        await early.publish(*HERE, numbered(2))
        await eventually(lambda: len(notes.values(HERE)) == 2)

    assert subscription.failure() is None
    await subscription.stop()
    await early.stop()


async def test_topics_that_are_not_provisioned_are_waited_for_and_never_created(
    kafka: LocalKafka, topic_prefix: str
) -> None:
    log, notes = KafkaLog(kafka.bootstrap, topic_prefix), Notes()
    await log.start()
    subscription = log.subscribe("g", [TOPIC.name], notes)
    await subscription.start()

    with pytest.raises(PublishFailed, match="not provisioned"):
        await log.publish(*HERE, numbered(1))
    with pytest.raises(UnknownTopicOrPartitionError):
        await log.ends([TOPIC.name])
    assert subscription.assigned() == frozenset()
    await create_topics(kafka.bootstrap, topic_prefix, topics=[TOPIC])
    await log.publish(*HERE, numbered(1))

    await eventually(lambda: notes.values(HERE) == [b"0"])
    await subscription.stop()
    await log.stop()


async def test_a_client_whose_inner_task_has_died_says_so(log: KafkaLog) -> None:
    subscription = log.subscribe("g", [TOPIC.name], Notes())
    await subscription.start()
    await eventually(subscription.assigned)

    assert subscription._fetching is not None
    subscription._fetching.consumer._fetcher._fetch_task.cancel()

    await eventually(subscription.failure)
    await subscription.stop()


async def test_offsets_are_committed_for_those_who_watch_lag(
    log: KafkaLog, kafka: LocalKafka, topic_prefix: str
) -> None:
    subscription = log.subscribe("g", [TOPIC.name], Notes())
    await subscription.start()
    await log.publish(*HERE, numbered(3))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()

    seen: dict[int, int] = {}
    async with asyncio.timeout(20):
        while seen.get(HERE.partition) != 3:
            offsets = await admin.list_consumer_group_offsets(f"{topic_prefix}g")
            seen = {at.partition: held.offset for at, held in offsets.items()}

    await admin.close()
    await subscription.stop()


async def test_topics_are_as_their_data_say(kafka: LocalKafka, topic_prefix: str) -> None:
    await create_topics(kafka.bootstrap, topic_prefix)
    await create_topics(kafka.bootstrap, topic_prefix)

    await verify_topics(kafka.bootstrap, topic_prefix)

    deleted = await delete_topics(kafka.bootstrap, topic_prefix)
    assert deleted == sorted(topic_prefix + name for name in topics.PROVISIONED)
    with pytest.raises(TopicMismatch, match="does not exist"):
        await verify_topics(kafka.bootstrap, topic_prefix)


async def test_a_topic_that_differs_is_named_with_its_difference(
    kafka: LocalKafka, topic_prefix: str
) -> None:
    others = [
        replace(topics.REGISTRY_PARTICIPANTS, partitions=8),
        replace(topics.REGISTRY_SERVICES, config={"cleanup.policy": "compact"}),
    ]
    await create_topics(kafka.bootstrap, topic_prefix, topics=others)

    with pytest.raises(TopicMismatch) as mismatch:
        await create_topics(kafka.bootstrap, topic_prefix)

    services, participants = (
        topic_prefix + topic.name
        for topic in (topics.REGISTRY_SERVICES, topics.REGISTRY_PARTICIPANTS)
    )
    told = str(mismatch.value)
    assert f"{participants} has 8 partitions, not 16: " in told
    assert f"kafka-topics --alter --topic {participants} --partitions 16" in told
    assert "cleanup.policy=compact, not delete: " in told
    assert f"--entity-name {services} --add-config cleanup.policy=delete" in told


async def test_partitions_that_somebody_added_are_left_alone(
    kafka: LocalKafka, topic_prefix: str
) -> None:
    more = [replace(topic, partitions=32) for topic in (TOPIC, topics.REGISTRY_SERVICES)]
    await create_topics(kafka.bootstrap, topic_prefix, topics=more)
    log = KafkaLog(kafka.bootstrap, topic_prefix)
    await log.start()
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as stranger:
        await stranger.send_and_wait(topic_prefix + TOPIC.name, b"strange", partition=20)

    notes = await create_topics(kafka.bootstrap, topic_prefix)
    members = [log.subscribe("g", [t.name for t in more], Notes()) for _ in range(2)]
    for member in members:
        await member.start()

    of_ours = "has 32 partitions, of which 16 are used"
    assert sorted(notes) == [
        f"{topic_prefix}{TOPIC.name} {of_ours}; 1 records that are not ours stand in the others",
        f"{topic_prefix}{topics.REGISTRY_SERVICES.name} {of_ours}; nothing stands in the others",
    ]
    await eventually(lambda: sum(len(member.assigned()) for member in members) == 32)
    for member in members:
        assert {at.partition for at in member.assigned()} < set(range(16))
        assert len(member.assigned()) == 2 * len({at.partition for at in member.assigned()})
        await member.stop()
    await log.stop()


async def test_a_producer_whose_clock_is_wrong_publishes_at_the_broker_s_time(
    kafka: LocalKafka, topic_prefix: str
) -> None:
    name, now = topic_prefix + TOPIC.name, int(time.time() * 1000)

    await create_topics(kafka.bootstrap, topic_prefix, topics=[TOPIC])

    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        sent = [
            await producer.send_and_wait(name, b"", partition=0, timestamp_ms=now + days * DAY_MS)
            for days in (-365, 1)
        ]
    assert all(abs(one.timestamp - now) < DAY_MS / 24 for one in sent)


async def test_deleting_leaves_topics_of_others_alone(kafka: LocalKafka, topic_prefix: str) -> None:
    await create_topics(kafka.bootstrap, topic_prefix, topics=[topics.REGISTRY_AGENCIES])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(f"{topic_prefix}theirs", 1, 1)])

    assert await delete_topics(kafka.bootstrap, topic_prefix) == [
        f"{topic_prefix}{topics.REGISTRY_AGENCIES.name}"
    ]

    assert f"{topic_prefix}theirs" in await admin.list_topics()
    await admin.close()


async def test_prefixes_keep_deployments_apart(
    log: KafkaLog, logs_of_others: Logs, topic_prefix: str
) -> None:
    other, notes = await logs_of_others.open(), Notes()
    subscription = log.subscribe("g", [TOPIC.name], notes)
    await subscription.start()
    await other.publish(*HERE, numbered(3))
    await log.publish(*HERE, numbered(1, 9))

    await eventually(lambda: notes.values(HERE) == [b"9"])
    await subscription.stop()


@pytest.fixture
async def logs_of_others(kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[Logs]:
    async def connect() -> KafkaLog:
        await create_topics(kafka.bootstrap, f"o{topic_prefix}", topics=[TOPIC])
        return KafkaLog(kafka.bootstrap, f"o{topic_prefix}")

    async with (logs := Logs(connect)).stack:
        yield logs


async def _forget(kafka: LocalKafka, topic: str, partition: int, before: int) -> None:
    """Delete the first records, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({KafkaPartition(topic, partition): RecordsToDelete(before)})
    await admin.close()


async def _poison(kafka: LocalKafka, topic: str, partition: int, headers: int = 1) -> None:
    """Publish what a broker accepts and aiokafka's consumer can't decode."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    batch = producer.create_batch()
    batch.append(timestamp=None, key=b"k", value=b"v", headers=[("POISON", b"1")])
    built = batch._build

    def build() -> bytearray:
        content = bytearray(built().replace(b"POISON", b"\xff\xfeISON"))
        content[CRC_AT] = calc_crc32c(bytes(content[CRC_FROM:])).to_bytes(4, "big")
        return content

    batch._build = build
    await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()


@asynccontextmanager
async def _door(port: int, bootstrap: str) -> AsyncIterator[None]:
    """Open the port, and lead who comes to Kafka."""
    host, kafka_port = bootstrap.split(",", maxsplit=1)[0].split(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection(host, int(kafka_port))
        await asyncio.gather(pump(reader, outside), pump(inside, writer))

    server = await asyncio.start_server(lead, "127.0.0.1", port)
    yield
    server.close()


def _runs_in_memory() -> int:
    gc.collect()  # of earlier tests there may be some
    return sum(isinstance(one, Run) for one in gc.get_objects())


def _parts(record: LogRecord) -> tuple[object, ...]:
    place = (record.topic, record.partition, record.offset)
    return (*place, record.key, record.value, list(record.headers))
