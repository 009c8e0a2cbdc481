"""What only the embedded log promises: offsets without holes, shares by lock, compaction."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import asyncpg
import pytest

from shared.contracts.topics import (
    EXCHANGE_ACTIVITY,
    INSIGHTS_SERVICES,
    REGISTRY_SERVICES,
    dead_letter,
)
from shared.database.forgetting import DROP_LETTERS, forget
from shared.log.embedded.log import EmbeddedLog
from shared.log.port import OutgoingRecord, PublishFailed, TopicPartition
from tests.support.log import Notes, numbered
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres
AGE = """
UPDATE log_record SET appended_at = now() - $1::interval
WHERE appended_at > now() - interval '1 day'
"""
HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
LATEST = TopicPartition(INSIGHTS_SERVICES.name, 0)


@pytest.fixture
def dsn(fresh_database: Callable[[str], str]) -> str:
    return fresh_database("log")


@pytest.fixture
async def log(dsn: str) -> AsyncIterator[EmbeddedLog]:
    opened = EmbeddedLog(dsn)
    await opened.start()
    yield opened
    await opened.stop()


async def test_a_reader_skips_nothing_while_many_publish_at_once(log: EmbeddedLog) -> None:
    subscription = log.subscribe("g", [HERE.topic], notes := Notes())
    await subscription.start()

    await asyncio.gather(*(log.publish(*HERE, numbered(3)) for _ in range(60)))
    await eventually(lambda: len(notes.records.get(HERE, ())) == 180)

    assert [record.offset for record in notes.records[HERE]] == list(range(180))
    await subscription.stop()


async def test_what_is_published_at_once_is_dense_and_in_order_in_each_partition(
    log: EmbeddedLog,
) -> None:
    at = [TopicPartition(REGISTRY_SERVICES.name, 1), HERE, TopicPartition(HERE.topic, 4)]
    told: dict[TopicPartition, list[bytes]] = {one: [] for one in at}

    async def publish(number: int) -> None:
        place = at[number * number % 3]
        values = [f"{number}-{each}".encode() for each in range(1 + number % 4)]
        told[place] += values
        await log.publish(*place, [OutgoingRecord(b"k", value, []) for value in values])

    for _ in range(2):
        await asyncio.gather(*map(publish, range(70)))

    for place, values in told.items():
        found = await log.read_all(place)
        assert [record.value for record in found] == values
        assert [record.offset for record in found] == list(range(len(values)))


async def test_of_what_replaces_one_key_at_once_the_last_counts(log: EmbeddedLog) -> None:
    async def publish(number: int) -> None:
        place, key = TopicPartition(LATEST.topic, number % 2), str(number % 4).encode()
        await log.publish(*place, [OutgoingRecord(key, b"%d" % number, [])])

    await asyncio.gather(*map(publish, range(40)))

    for number in range(2):
        found = await log.read_all(TopicPartition(LATEST.topic, number))
        assert [record.value for record in found] == [b"%d" % (36 + number), b"%d" % (38 + number)]
        assert [record.offset for record in found] == [18, 19]


async def test_headers_that_nobody_can_read_stop_nothing(
    log: EmbeddedLog, dsn: str, as_admin: Callable[[str], str]
) -> None:
    await log.publish(*HERE, numbered(3))
    connection = await asyncpg.connect(as_admin(dsn))
    nameless = b"\x91\x92\xa2\xff\xfe\xc4\x011"
    change = 'UPDATE log_record SET headers = $2 WHERE "offset" = $1'
    await connection.execute(change, 1, nameless)
    await connection.execute(change, 2, b"\x91\x92\xa4name\xc0")
    await connection.close()
    subscription = log.subscribe("g", [HERE.topic], notes := Notes())

    await subscription.start()

    await eventually(lambda: len(notes.values(HERE)) == 3)
    headers = [list(record.headers) for record in notes.records[HERE]]
    assert headers == [[], [("coprod-unreadable-headers", nameless)], [("name", None)]]
    assert subscription.failure() is None
    await subscription.stop()


async def test_large_records_come_in_batches_that_fit_into_memory(log: EmbeddedLog) -> None:
    sent = [OutgoingRecord(b"k", bytes([n]) * 1_000_000, []) for n in range(40)]
    await asyncio.gather(
        *(log.publish(topic, 3, sent) for topic in (HERE.topic, REGISTRY_SERVICES.name))
    )
    subscription = log.subscribe("g", [HERE.topic, REGISTRY_SERVICES.name], notes := Notes())

    await subscription.start()

    await eventually(lambda: len(notes.values(HERE)) == 40)
    assert notes.values(HERE) == [one.value for one in sent]
    assert notes.largest_batch < 25
    await subscription.stop()


async def test_a_compacted_topic_keeps_the_last_record_of_each_key(log: EmbeddedLog) -> None:
    first = [OutgoingRecord(b"a", b"1", []), OutgoingRecord(b"a", b"2", [])]
    await log.publish(*LATEST, [*first, OutgoingRecord(b"b", b"3", [])])
    await log.publish(*LATEST, [OutgoingRecord(b"a", b"4", [("h", b"v")])])

    read = await log.read_all(LATEST)

    assert [(r.offset, r.key, r.value) for r in read] == [(2, b"b", b"3"), (3, b"a", b"4")]
    assert (await log.ends([LATEST.topic]))[LATEST] == 4


async def test_a_topic_that_nobody_provisions_cannot_be_published_to(log: EmbeddedLog) -> None:
    with pytest.raises(PublishFailed):
        await log.publish("exchange.activty.v1", 0, numbered(1))
    await log.publish(dead_letter(HERE.topic), 0, numbered(1))


async def test_the_same_number_of_every_topic_goes_to_the_same_member(log: EmbeddedLog) -> None:
    topics = [EXCHANGE_ACTIVITY.name, REGISTRY_SERVICES.name]
    members = [log.subscribe("g", topics, Notes()) for _ in range(3)]
    for member in members:
        await member.start()

    def shared_out() -> bool:  # who comes when decides who has six
        shares = [len(member.assigned()) // len(topics) for member in members]
        return sum(shares) == EXCHANGE_ACTIVITY.partitions and max(shares) <= 6

    await eventually(shared_out)

    for member in members:
        numbers = [{at.partition for at in member.assigned() if at.topic == t} for t in topics]
        assert numbers[0] == numbers[1]
        await member.stop()


async def test_a_member_whose_session_dies_loses_its_share_to_the_others(
    log: EmbeddedLog, dsn: str
) -> None:
    first, second = (log.subscribe("g", [HERE.topic], notes) for notes in (Notes(), Notes()))
    await first.start()
    await eventually(lambda: len(first.assigned()) == 16)

    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await connection.close()
    await second.start()

    await eventually(lambda: len(first.assigned()) == len(second.assigned()) == 8)
    assert first.failure() is None
    await asyncio.gather(first.stop(), second.stop())


async def test_a_reader_beyond_the_end_is_told_apart_from_one_that_waits(log: EmbeddedLog) -> None:
    await log.publish(*HERE, numbered(2))
    subscription = log.subscribe("g", [HERE.topic], Notes({HERE: 7}))
    await subscription.start()

    await eventually(subscription.stopped)

    assert list(subscription.stopped()) == [HERE]
    await subscription.stop()


async def test_dead_letters_are_dropped_after_thirty_days_and_nothing_else(
    log: EmbeddedLog, dsn: str, as_admin: Callable[[str], str]
) -> None:
    letters = TopicPartition(dead_letter(EXCHANGE_ACTIVITY.name), 0)
    for days in (31, 29):
        await log.publish(*letters, numbered(2))
        await log.publish(*HERE, numbered(2))
        admin = await asyncpg.connect(as_admin(dsn))
        await admin.execute(AGE, timedelta(days=days))
        await admin.close()

    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        assert await forget(pool, DROP_LETTERS) == ["dropped 2 dead letters"]

    assert [record.offset for record in await log.read_all(letters)] == [2, 3]
    assert len(await log.read_all(HERE)) == 4
