"""What every log promises (``shared.log.port``), held against each adapter and the stand-in."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from shared.contracts import topics
from shared.log.port import OLDEST, LogRecord, OutgoingRecord, PublishFailed, TopicPartition
from tests.support.log import Logs, Notes, numbered
from tests.support.polling import eventually

ACTIVITY = topics.EXCHANGE_ACTIVITY.name
AGENCIES = topics.REGISTRY_AGENCIES.name
SNAPSHOTS = topics.INSIGHTS_SERVICES.name
HERE, THERE = TopicPartition(ACTIVITY, 3), TopicPartition(ACTIVITY, 4)
STOPPED_SECONDS = 3.0  # then everything is closed that does not wait for a claim
ALL = {TopicPartition(ACTIVITY, number) for number in range(topics.PARTITIONS)}


async def test_what_is_published_is_read_as_it_was_in_order(logs: Logs) -> None:
    log = await logs.open()
    headers = [("ce_id", b"1"), ("ce_id", b"2"), ("odd", "é".encode())]

    await log.publish(ACTIVITY, 3, [OutgoingRecord(b"k", b"{}", headers), *numbered(2)])
    read = await log.read_all(HERE)

    assert [record.value for record in read] == [b"{}", b"0", b"1"]
    assert [(r.topic, r.partition, r.offset) for r in read] == [(ACTIVITY, 3, n) for n in range(3)]
    assert read[0].key == b"k"
    assert list(read[0].headers) == headers


async def test_partitions_do_not_mix(logs: Logs) -> None:
    log = await logs.open()

    await asyncio.gather(log.publish(*HERE, numbered(5)), log.publish(*THERE, numbered(7)))
    ends = await log.ends([ACTIVITY, AGENCIES])

    assert len(ends) == topics.PARTITIONS + 1
    assert {at: end for at, end in ends.items() if end} == {HERE: 5, THERE: 7}
    assert len(await log.read_all(HERE)) == 5


async def test_a_later_publish_comes_after_an_earlier_one(logs: Logs) -> None:
    log, other = await logs.open(), await logs.open()

    for number in range(0, 30, 3):
        await (log if number % 2 else other).publish(*HERE, numbered(3, number))

    assert [int(r.value or b"") for r in await log.read_all(HERE)] == list(range(30))


async def test_large_publishes_arrive_whole(logs: Logs) -> None:
    log = await logs.open()
    value = b"x" * 1000

    await log.publish(*HERE, [OutgoingRecord(b"k", value, [])] * 3000)

    read = await log.read_all(HERE)
    assert [record.offset for record in read] == list(range(3000))
    assert {record.value for record in read} == {value}


async def test_reading_starts_where_it_is_told(logs: Logs) -> None:
    log = await logs.open()
    await log.publish(*HERE, numbered(5))

    assert [record.value for record in await log.read_all(HERE, start=3)] == [b"3", b"4"]
    assert list(await log.read_all(HERE, start=5)) == []
    assert list(await log.read_all(THERE)) == []


async def test_a_tombstone_is_a_record_without_a_value(logs: Logs) -> None:
    log = await logs.open()

    await log.publish(
        SNAPSHOTS, 0, [OutgoingRecord(b"s", b"{}", []), OutgoingRecord(b"s", None, [])]
    )

    assert (await log.read_all(TopicPartition(SNAPSHOTS, 0)))[-1].value is None


async def test_a_record_that_is_too_large_is_refused_and_the_log_goes_on(logs: Logs) -> None:
    log = await logs.open()
    large = OutgoingRecord(b"k", b"x" * (topics.MESSAGE_BYTES_MAX + 1), [])

    with pytest.raises(PublishFailed):
        await log.publish(*HERE, [*numbered(1), large])
    await log.publish(*HERE, numbered(1, 7))

    assert (await log.read_all(HERE))[-1].value == b"7"


async def test_publishing_where_there_is_no_partition_fails(logs: Logs) -> None:
    log = await logs.open()

    with pytest.raises(PublishFailed):
        await log.publish(AGENCIES, 5, numbered(1))
    await log.publish(AGENCIES, 0, numbered(1))

    assert len(await log.read_all(TopicPartition(AGENCIES, 0))) == 1


async def test_a_reader_gets_what_was_there_and_what_comes(logs: Logs) -> None:
    log, notes = await logs.open(), Notes()
    await log.publish(*HERE, numbered(3))
    subscription = log.subscribe("g", [ACTIVITY], notes)

    await subscription.start()
    await eventually(lambda: len(notes.values(HERE)) == 3)
    await log.publish(*HERE, numbered(2, 3))

    await eventually(lambda: notes.values(HERE) == [b"0", b"1", b"2", b"3", b"4"])
    assert subscription.assigned() == ALL
    await subscription.stop()


async def test_delivery_starts_at_the_claimed_offset(logs: Logs) -> None:
    log, notes = await logs.open(), Notes({HERE: 3})
    await log.publish(*HERE, numbered(5))
    await log.publish(*THERE, numbered(2))
    subscription = log.subscribe("g", [ACTIVITY], notes)

    await subscription.start()

    await eventually(lambda: len(notes.values(HERE)) == 2 and len(notes.values(THERE)) == 2)
    assert [(r.offset, r.value) for r in notes.records[HERE]] == [(3, b"3"), (4, b"4")]
    await subscription.stop()


async def test_the_oldest_record_can_be_asked_for_without_knowing_its_offset(logs: Logs) -> None:
    log, notes = await logs.open(), Notes({HERE: OLDEST})
    await log.publish(*HERE, numbered(2))
    subscription = log.subscribe("g", [ACTIVITY], notes)

    await subscription.start()
    await eventually(lambda: notes.values(HERE) == [b"0", b"1"])
    await subscription.resume(HERE, OLDEST)

    await eventually(lambda: notes.values(HERE) == [b"0", b"1", b"0", b"1"])
    await subscription.stop()


async def test_a_batch_is_never_larger_than_asked(logs: Logs) -> None:
    log, notes = await logs.open(), Notes()
    await log.publish(*HERE, numbered(100))
    await log.publish(*THERE, numbered(100))
    subscription = log.subscribe("g", [ACTIVITY], notes, batch_records_max=30)

    await subscription.start()

    await eventually(lambda: len(notes.values(HERE)) == len(notes.values(THERE)) == 100)
    assert notes.largest_batch <= 30
    await subscription.stop()


async def test_two_groups_read_the_same_records(logs: Logs) -> None:
    log, one, two = await logs.open(), Notes(), Notes()
    subscriptions = [log.subscribe("one", [ACTIVITY], one), log.subscribe("two", [ACTIVITY], two)]
    for subscription in subscriptions:
        await subscription.start()

    await log.publish(*HERE, numbered(3))

    await eventually(lambda: one.values(HERE) == two.values(HERE) == [b"0", b"1", b"2"])
    await asyncio.gather(*(subscription.stop() for subscription in subscriptions))


async def test_members_of_a_group_share_its_partitions(logs: Logs) -> None:
    one, two = Notes(), Notes()
    first = (await logs.open()).subscribe("g", [ACTIVITY], one)
    second = (await logs.open()).subscribe("g", [ACTIVITY], two)
    await first.start()
    await eventually(lambda: first.assigned() == ALL)

    await second.start()

    await eventually(lambda: first.assigned() and second.assigned())
    await eventually(lambda: first.assigned() | second.assigned() == ALL)
    assert not first.assigned() & second.assigned()
    await asyncio.gather(first.stop(), second.stop())


async def test_partitions_of_one_number_go_to_one_member_whatever_their_topic(logs: Logs) -> None:
    topics_read = [ACTIVITY, AGENCIES, SNAPSHOTS]
    members = [(await logs.open()).subscribe("g", topics_read, Notes()) for _ in range(3)]
    for member in members:
        await member.start()

    def shared() -> bool:
        held = [at for member in members for at in member.assigned()]
        return all(member.assigned() for member in members) and len(held) == len(set(held)) == 33

    await eventually(shared)

    for member in members:
        numbers = {
            topic: {at.partition for at in member.assigned() if at.topic == topic}
            for topic in (ACTIVITY, SNAPSHOTS)
        }
        assert numbers[ACTIVITY] == numbers[SNAPSHOTS]
    await asyncio.gather(*(member.stop() for member in members))


async def test_a_member_that_leaves_is_replaced_without_loss_or_repeat(logs: Logs) -> None:
    positions: dict[TopicPartition, int] = {}
    one, two = Notes(), Notes()
    one.starts = two.starts = positions  # as two replicas share one database
    log, other = await logs.open(), await logs.open()
    first, second = log.subscribe("g", [ACTIVITY], one), other.subscribe("g", [ACTIVITY], two)
    await first.start()
    await second.start()
    await log.publish(*HERE, numbered(3))
    await eventually(lambda: len(one.values(HERE)) + len(two.values(HERE)) == 3)

    await first.stop()
    await log.publish(*HERE, numbered(3, 3))

    await eventually(lambda: second.assigned() == ALL)
    await eventually(lambda: len(one.values(HERE)) + len(two.values(HERE)) == 6)
    assert [*one.values(HERE), *two.values(HERE)] == [str(n).encode() for n in range(6)]
    assert set(one.claimed) == set(one.released)
    await second.stop()


async def test_nothing_comes_from_a_paused_partition_until_it_is_resumed(logs: Logs) -> None:
    log, notes = await logs.open(), Notes()
    subscription = log.subscribe("g", [ACTIVITY], notes)
    await subscription.start()
    await log.publish(*HERE, numbered(2))
    await eventually(lambda: len(notes.values(HERE)) == 2)

    await subscription.pause(HERE)
    await log.publish(*HERE, numbered(2, 2))
    await log.publish(*THERE, numbered(1))
    await eventually(lambda: len(notes.values(THERE)) == 1)
    assert len(notes.values(HERE)) == 2
    await subscription.resume(HERE, 1)

    await eventually(lambda: notes.values(HERE) == [b"0", b"1", b"1", b"2", b"3"])
    await subscription.stop()


class _StepsBack(Notes):
    """Asks, while it handles its first batch, for that batch once more."""

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        first = not self.records
        await super().handle(batch)
        if first:
            await self.subscription.pause(HERE)
            await self.subscription.resume(HERE, 0)


async def test_a_reader_may_move_itself_while_it_handles(logs: Logs) -> None:
    log, notes = await logs.open(), _StepsBack()
    await log.publish(*HERE, numbered(2))
    notes.subscription = log.subscribe("g", [ACTIVITY], notes)

    await notes.subscription.start()

    await eventually(lambda: notes.values(HERE) == [b"0", b"1", b"0", b"1"])
    await notes.subscription.stop()


class _Fails(Notes):
    def __init__(self, *, at: str) -> None:
        super().__init__()
        self.at = at

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        if self.at == "claim":
            raise RuntimeError("no claim")
        return await super().claim(partitions)

    async def handle(self, _batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        raise RuntimeError("no handling")


@pytest.mark.parametrize("at", ["claim", "handle"])
async def test_what_a_reader_raises_is_why_the_process_must_end(logs: Logs, at: str) -> None:
    log, notes = await logs.open(), _Fails(at=at)
    await log.publish(*HERE, numbered(2))
    subscription = log.subscribe("g", [ACTIVITY], notes)

    await subscription.start()

    await eventually(subscription.failure)
    assert not notes.records
    await subscription.stop()


class _ClaimsSlowly(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.asked.set()
        await self.go.wait()
        return await super().claim(partitions)


async def test_who_is_stopped_while_claiming_leaves_nothing_claimed(logs: Logs) -> None:
    log, notes, next_one = await logs.open(), _ClaimsSlowly(), Notes()
    await log.publish(*HERE, numbered(2))
    subscription = log.subscribe("g", [ACTIVITY], notes)
    starting = asyncio.create_task(subscription.start())
    await notes.asked.wait()

    stopping = asyncio.create_task(subscription.stop())
    await asyncio.wait({stopping}, timeout=STOPPED_SECONDS)
    notes.go.set()
    await asyncio.gather(starting, stopping)

    assert subscription.failure() is None
    assert set(notes.released) == set(notes.claimed)
    assert not subscription.assigned()
    follower = log.subscribe("g", [ACTIVITY], next_one)
    await follower.start()
    await eventually(lambda: next_one.values(HERE) == [b"0", b"1"])
    await follower.stop()


async def test_a_subscription_to_several_topics_gets_them_all(logs: Logs) -> None:
    log, notes = await logs.open(), Notes()
    only = TopicPartition(AGENCIES, 0)
    subscription = log.subscribe("g", [ACTIVITY, AGENCIES], notes)
    await subscription.start()

    await log.publish(*HERE, numbered(1))
    await log.publish(*only, numbered(1, 5))

    await eventually(lambda: notes.values(HERE) == [b"0"] and notes.values(only) == [b"5"])
    assert subscription.assigned() == {*ALL, only}
    await subscription.stop()


async def test_stopping_twice_or_unstarted_is_harmless(logs: Logs) -> None:
    log = await logs.open()
    subscription = log.subscribe("g", [ACTIVITY], Notes())

    await subscription.stop()
    await subscription.start()
    await subscription.stop()
    await subscription.stop()

    assert subscription.failure() is None
