"""Exactly-once effect: positions and work in one transaction, by epoch, without gaps or repeats."""

import asyncio
from typing import cast

import asyncpg
import pytest
from msgspec.structs import replace

from shared.consumer import Batch
from shared.consumer.checkpoint import reset
from shared.contracts.topics import dead_letter
from shared.eventstore.port import Connection
from shared.log.port import LogRecord, OutgoingRecord, TopicPartition
from tests.shared.consumer.conftest import Readers
from tests.support.ledger import Ledger
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually
from tests.support.stream import AT, event, publish, record, renamed, spoilt

pytestmark = pytest.mark.postgres
ELSEWHERE = TopicPartition(AT.topic, 7)
JUNK = OutgoingRecord(b"k", b"not an event", [])


async def test_events_are_applied_in_order_and_remembered(readers: Readers, log: MemoryLog) -> None:
    handler = Ledger()
    await publish(log, [1, 2, 3])
    await readers.start(handler)
    await publish(log, [4, 5])
    await publish(log, [1], ELSEWHERE)

    await eventually(lambda: handler.reached == {AT: 5, ELSEWHERE: 1})

    assert await readers.applied() == [1, 2, 3, 4, 5]
    assert await readers.applied(ELSEWHERE) == [1]
    assert handler.memory[AT] == [1, 2, 3, 4, 5]


async def test_a_position_seen_before_is_dropped(readers: Readers, log: MemoryLog) -> None:
    handler = Ledger()
    await readers.start(handler)

    await publish(log, [1, 2, 3, 2, 3, 1, 4])  # as a relay does that starts again

    await eventually(lambda: handler.reached == {AT: 4})
    assert await readers.applied() == [1, 2, 3, 4]


async def test_nothing_is_taken_after_a_gap_until_the_missing_event_comes(
    readers: Readers, log: MemoryLog
) -> None:
    handler = Ledger()
    consumer = await readers.start(handler)

    await publish(log, [1, 2, 4, 5])
    await publish(log, [1], ELSEWHERE)
    await eventually(lambda: ELSEWHERE in handler.reached and consumer.gaps())
    assert consumer.gaps() == {AT: (3, 4)}
    assert await readers.applied() == [1, 2]
    await publish(log, [3, 4, 5, 6])

    await eventually(lambda: handler.reached[AT] == 6)
    assert await readers.applied() == [1, 2, 3, 4, 5, 6]
    assert consumer.gaps() == {}


async def test_a_gap_survives_a_restart(readers: Readers, log: MemoryLog) -> None:
    first, second = Ledger(), Ledger()
    consumer = await readers.start(first)
    await publish(log, [1, 3])
    await eventually(consumer.gaps)
    await consumer.stop()

    consumer = await readers.start(second)

    await eventually(lambda: consumer.gaps() == {AT: (2, 3)})
    await publish(log, [2, 3])
    await eventually(lambda: second.reached == {AT: 3})
    assert await readers.applied() == [1, 2, 3]


async def test_a_restart_goes_on_where_the_database_is(readers: Readers, log: MemoryLog) -> None:
    first, second = Ledger(), Ledger()
    consumer = await readers.start(first)
    await publish(log, [1, 2])
    await eventually(lambda: first.reached == {AT: 2})
    await consumer.stop()
    await publish(log, [3])

    await readers.start(second)

    await eventually(lambda: second.reached == {AT: 3})
    assert await readers.applied() == [1, 2, 3]
    (claim,) = [claim for claim in second.claims if claim.partition == AT.partition]
    assert (claim.position, claim.epoch) == (2, 2)
    assert AT in first.forgotten


async def test_a_reader_whose_epoch_has_passed_changes_nothing(
    readers: Readers, log: MemoryLog
) -> None:
    handler = Ledger()
    consumer = await readers.start(handler)
    await publish(log, [1])
    await eventually(lambda: handler.reached == {AT: 1})
    await readers.pool.execute("UPDATE consumer_position SET epoch = epoch + 1, owner = 'other'")

    await publish(log, [2])

    await eventually(lambda: AT in handler.forgotten)
    assert await readers.applied() == [1]
    assert await readers.position() == 1
    assert AT not in consumer.assigned()


async def test_a_fenced_partition_does_not_hold_up_the_others(
    readers: Readers, log: MemoryLog
) -> None:
    handler = Ledger()
    consumer = await readers.start(handler)
    await eventually(lambda: len(consumer.assigned()) == 16)
    await readers.pool.execute(
        "UPDATE consumer_position SET epoch = epoch + 1 WHERE partition = $1", AT.partition
    )
    batch = {at: [_delivered(record(event(1, at)), at)] for at in (AT, ELSEWHERE)}

    await consumer.handle(batch)

    assert handler.reached == {ELSEWHERE: 1}
    assert await readers.applied() == []
    assert await readers.applied(ELSEWHERE) == [1]
    assert handler.forgotten == [AT]


async def test_a_partition_that_stays_assigned_is_taken_back_from_an_owner_that_is_gone(
    readers: Readers, log: MemoryLog
) -> None:
    """A claim can arrive after its process has died: then nobody else will read the partition."""
    handler = Ledger()
    consumer = await readers.start(handler, taking_back_seconds=0.1)
    await publish(log, [1])
    await eventually(lambda: handler.reached == {AT: 1})
    await readers.pool.execute("UPDATE consumer_position SET epoch = epoch + 1, owner = 'dead'")

    await publish(log, [2])
    await eventually(lambda: AT in handler.forgotten)

    await eventually(lambda: handler.reached == {AT: 2})
    await publish(log, [3])
    await eventually(lambda: handler.reached == {AT: 3})
    assert await readers.applied() == [1, 2, 3]
    assert AT in consumer.assigned()


async def test_a_partition_that_was_set_back_is_read_again_and_nothing_is_taken_twice(
    readers: Readers, log: MemoryLog
) -> None:
    """Its topic was made anew and is shorter than what was read: nothing more would ever come."""
    handler = Ledger()
    consumer = await readers.start(handler, taking_back_seconds=0.1)
    await publish(log, [1, 2, 3])
    await eventually(lambda: handler.reached == {AT: 3})
    log.partitions[AT].clear()

    async with readers.pool.acquire() as conn:
        assert await reset(cast("Connection", conn), AT.topic, AT.partition) == [("reader", AT)]
    await publish(log, [2, 3, 4])

    await eventually(lambda: handler.reached == {AT: 4})
    assert await readers.applied() == [1, 2, 3, 4]
    assert consumer.gaps() == {}
    assert await consumer.lag() == 0


async def test_a_topic_is_set_back_as_a_whole_unless_a_partition_is_named(
    readers: Readers, log: MemoryLog
) -> None:
    consumer = await readers.start(Ledger())
    await eventually(lambda: len(consumer.assigned()) == 16)

    async with readers.pool.acquire() as conn:
        every = await reset(cast("Connection", conn), AT.topic, None)
        nobody = await reset(cast("Connection", conn), "exchange.activity.v1", None)

    assert {at for _, at in every} == {TopicPartition(AT.topic, number) for number in range(16)}
    assert nobody == []


async def test_a_failure_that_passes_is_waited_out(readers: Readers, log: MemoryLog) -> None:
    handler = Ledger()
    handler.failures = [asyncpg.DeadlockDetectedError("deadlock"), OSError("connection reset")]
    consumer = await readers.start(handler)

    await publish(log, [1, 2])

    await eventually(lambda: handler.reached == {AT: 2})
    assert await readers.applied() == [1, 2]
    assert consumer.failure() is None
    assert await _quarantined(readers) == []


async def test_a_commit_that_happened_unnoticed_is_not_repeated(
    readers: Readers, log: MemoryLog
) -> None:
    handler = _LosesTheAnswer()
    consumer = await readers.start(handler)
    await eventually(lambda: AT in consumer.assigned())

    await publish(log, [1])

    await eventually(lambda: handler.reached == {AT: 1})
    assert await readers.applied() == [1]
    assert AT in consumer.assigned()


class _LosesTheAnswer(Ledger):
    """Commits, once, and then reports what a connection that breaks just then reports."""

    lost = False

    async def apply(self, conn: Connection, batch: Batch) -> None:
        await super().apply(conn, batch)
        if not self.lost:
            self.lost = True
            await conn.execute("COMMIT")
            raise ConnectionResetError


async def test_a_bug_in_the_handler_ends_the_process_and_loses_nothing(
    readers: Readers, log: MemoryLog
) -> None:
    handler = Ledger()
    handler.failures = [ZeroDivisionError("a bug")]
    consumer = await readers.start(handler)

    await publish(log, [1])

    await eventually(consumer.failure)
    assert await readers.applied() == []
    assert await readers.position() == 0
    assert await _quarantined(readers) == []


async def test_broken_records_are_quarantined_whole_with_the_reason(
    readers: Readers, log: MemoryLog
) -> None:
    handler = Ledger()
    stranger = record(replace(event(2), deployment="another"))
    headless = replace(JUNK, headers=[("ce_id", b"\xff"), ("x", b"\0")])
    empty = replace(record(event(4)), value=b"")
    await readers.start(handler)

    await publish(log, [1])
    await log.publish(*AT, [JUNK, stranger, headless, spoilt(2)])
    await publish(log, [3])
    await log.publish(*AT, [empty])
    await publish(log, [5])

    await eventually(lambda: handler.reached == {AT: 5})
    assert await readers.applied() == [1, 3, 5]
    assert [(row["reason"], row["position"]) for row in await _quarantined(readers)] == [
        ("broken_envelope", None),
        ("other_deployment", None),
        ("broken_envelope", None),
        ("invalid_data", 2),
        ("invalid_data", 4),
    ]
    assert (await _quarantined(readers))[0]["value"] == JUNK.value


async def test_a_record_without_a_value_uses_up_its_position(
    readers: Readers, log: MemoryLog
) -> None:
    handler = Ledger()
    await readers.start(handler)

    await log.publish(*AT, [replace(record(event(1)), value=None)])
    await publish(log, [2])

    await eventually(lambda: handler.reached == {AT: 2})
    assert [row["reason"] for row in await _quarantined(readers)] == ["no_value"]


async def test_quarantined_records_are_mirrored_to_the_dead_letter_topic(
    readers: Readers, log: MemoryLog
) -> None:
    await readers.start(Ledger())
    letters = log.partitions[TopicPartition(dead_letter(AT.topic), 0)]

    await log.publish(*AT, [spoilt(1), JUNK])

    await eventually(lambda: len(letters) == 2)
    assert letters[0].value == spoilt(1).value
    headers = dict(letters[0].headers)
    assert headers["ce_position"] == b"1"
    assert headers["coprod-reason"] == b"invalid_data"
    await eventually(lambda: len(letters) == 2)


async def test_too_many_broken_records_in_a_row_stop_the_consumer(
    readers: Readers, log: MemoryLog
) -> None:
    consumer = await readers.start(Ledger(), broken_run_max=5)

    await publish(log, [1])
    await eventually(consumer.assigned)
    await log.publish(*AT, [spoilt(position) for position in range(2, 12)])

    await eventually(consumer.failure)
    assert "broken records in a row" in (consumer.failure() or "")
    assert len(await _quarantined(readers)) <= 5


async def test_broken_records_are_counted_across_batches_and_restarts(
    readers: Readers, log: MemoryLog
) -> None:
    first = await readers.start(Ledger(), broken_run_max=5)
    await log.publish(*AT, [spoilt(position) for position in range(1, 5)])
    await eventually(lambda: first._standings[AT].broken_run == 4)
    await first.stop()

    second = await readers.start(Ledger(), broken_run_max=5)
    await log.publish(*AT, [spoilt(5), spoilt(6)])

    await eventually(second.failure)
    assert len(await _quarantined(readers)) == 4


async def test_unknown_types_are_noted_and_passed(readers: Readers, log: MemoryLog) -> None:
    handler = Ledger()
    consumer = await readers.start(handler)

    await log.publish(*AT, [renamed(1, "org.coprod.registry.service.painted.v1")])
    await publish(log, [2])

    await eventually(lambda: handler.reached == {AT: 2})
    rows = await readers.pool.fetch("SELECT position, type FROM unknown_event")
    assert [tuple(row) for row in rows] == [(1, "org.coprod.registry.service.painted.v1")]
    assert consumer.incomplete() == ()


async def test_a_build_that_knows_a_type_that_was_skipped_says_so(readers: Readers) -> None:
    known = event(1).type
    await readers.pool.execute(
        "INSERT INTO unknown_event VALUES ('reader', $1, 3, 1, $2)", AT.topic, known
    )

    consumer = await readers.start(Ledger())

    assert consumer.incomplete() == (known,)


async def test_two_replicas_share_the_work_and_nothing_is_done_twice(
    readers: Readers, log: MemoryLog
) -> None:
    one, two = Ledger("one"), Ledger("two")
    first = await readers.start(one)
    places = [TopicPartition(AT.topic, number) for number in range(16)]
    await asyncio.gather(*(publish(log, range(1, 50), at) for at in places))

    await readers.start(two)
    await asyncio.gather(*(publish(log, range(50, 100), at) for at in places))
    await eventually(lambda: sum(one.reached.values()) and two.reached)
    await first.stop()
    await asyncio.gather(*(publish(log, range(100, 120), at) for at in places))

    await eventually(lambda: all(two.reached.get(at) == 119 for at in places))
    for at in places:
        assert await readers.applied(at) == list(range(1, 120))


async def test_positions_are_those_of_all_replicas(readers: Readers, log: MemoryLog) -> None:
    handler = Ledger()
    consumer = await readers.start(handler)
    await publish(log, [1, 2])
    await eventually(lambda: handler.reached == {AT: 2})

    positions = await consumer.positions()

    assert {at: position for at, position in positions.items() if position} == {AT: 2}
    assert await consumer.lag() == 0


def _delivered(sent: OutgoingRecord, at: TopicPartition) -> LogRecord:
    return LogRecord(*at, 0, sent.key, sent.value, sent.headers)


async def _quarantined(readers: Readers) -> list[asyncpg.Record]:
    return await readers.pool.fetch("SELECT * FROM quarantine ORDER BY id")
