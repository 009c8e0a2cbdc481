"""The relay: everything the store holds reaches the log in order, whatever crashes on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import pytest

from shared.contracts.topics import REGISTRY_SERVICES
from shared.eventstore.handling import handle
from shared.eventstore.store import Pool, PostgresEventStore
from shared.log.embedded.log import EmbeddedLog
from shared.log.partitioner import partition_of
from shared.log.port import Log, OutgoingRecord, PublishFailed, TopicPartition
from shared.outbox.relay import SILENT_SECONDS_MAX, TAKE, Relay, RewindRefused, progress, rewind
from shared.runtime.clock import FixedClock
from tests.shared.eventstore.provider import T0, link, project_nothing
from tests.support.log import Notes, position_of
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres
HERE = TopicPartition(REGISTRY_SERVICES.name, partition_of("s", REGISTRY_SERVICES.partitions))
SILENCE = """
SELECT extract(epoch FROM clock_timestamp() - a.state_change) FROM pg_stat_activity AS a
JOIN pg_locks AS l USING (pid) WHERE l.locktype = 'advisory' AND a.datname = current_database()
"""


class FragileLog(MemoryLog):
    """``failures`` publishes fail after they wrote; while ``gate`` is closed, publishes hang."""

    def __init__(self) -> None:
        super().__init__([REGISTRY_SERVICES])
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0

    async def publish(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        if self.failures:
            self.failures -= 1
            await super().publish(topic, partition, records[: len(records) // 2])
            raise PublishFailed("half of it was written")
        await super().publish(topic, partition, records)

    def reached(self, position: int) -> bool:
        return self.positions()[-1:] == [position]

    def positions(self, at: TopicPartition = HERE) -> list[int]:
        return [position_of(record) for record in self.partitions[at]]


@pytest.fixture
async def pool(fresh_database: Callable[[str], str]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(fresh_database("registry"), min_size=1, max_size=8) as opened:
        yield opened


@pytest.fixture
def wake() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def store(pool: Pool, wake: asyncio.Event) -> PostgresEventStore:
    return PostgresEventStore(pool, clock=FixedClock(T0), on_commit=wake.set)


@pytest.fixture
def log() -> FragileLog:
    return FragileLog()


async def append(store: PostgresEventStore, first: int, last: int, service: str = "s") -> None:
    commands = [link(service, f"o{number}") for number in range(first, last + 1)]
    await handle(store, commands, project_nothing)


@asynccontextmanager
async def relaying(
    pool: Pool,
    log: Log,
    wake: asyncio.Event | None = None,
    owner: str = "one",
    silent_seconds: float = SILENT_SECONDS_MAX,
) -> AsyncIterator[Relay]:
    relay = Relay(
        pool,
        log,
        deployment="d",
        owner=owner,
        wake=wake or asyncio.Event(),
        silent_seconds=silent_seconds,
    )
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        relay.stop()
        await asyncio.wait_for(task, 20)


def without_repeats(positions: Sequence[int]) -> list[int]:
    """Return what a consumer keeps: each position that is the next one."""
    kept: list[int] = []
    for position in positions:
        if position == len(kept) + 1:
            kept.append(position)
    return kept


async def test_what_was_stored_before_and_after_the_start_is_published_in_order(
    pool: Pool, store: PostgresEventStore, log: FragileLog, wake: asyncio.Event
) -> None:
    await append(store, 1, 3)

    async with relaying(pool, log, wake) as relay:
        await eventually(lambda: log.positions() == [1, 2, 3])
        await append(store, 4, 5)
        await eventually(lambda: log.positions() == [1, 2, 3, 4, 5])

    assert await relay.lag() == {HERE: 0}
    assert await progress(pool) == {HERE: (5, 5)}


async def test_a_backlog_of_many_pages_and_partitions_arrives_whole(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 2500)
    for number in range(40):
        await append(store, 1, 1, service=f"other-{number}")

    async with relaying(pool, log):
        heads = await store.heads()
        await eventually(lambda: sum(map(len, log.partitions.values())) == 2540)

    for (topic, partition), head in heads.items():
        assert log.positions(TopicPartition(topic, partition)) == list(range(1, head + 1))


async def test_the_log_gets_exactly_the_stored_bytes_and_key(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 1)

    async with relaying(pool, log):
        await eventually(lambda: log.positions() == [1])

    (record,) = log.partitions[HERE]
    assert record.value == await pool.fetchval("SELECT data FROM event")
    assert record.key == b"s"
    assert dict(record.headers)["ce_deployment"] == b"d"


async def test_after_a_failed_publish_the_relay_starts_again_from_the_stored_position(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 4)
    log.failures = 2

    async with relaying(pool, log):
        await eventually(lambda: log.positions()[-4:] == [1, 2, 3, 4])

    assert log.positions() == [1, 2, 1, 2, 1, 2, 3, 4]


async def test_a_relay_that_died_before_it_noted_what_it_published_repeats_it(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 3)
    async with relaying(pool, log):
        await eventually(lambda: log.positions() == [1, 2, 3])
    await pool.execute("UPDATE relay SET position = 1")  # as a crash before the last note leaves it

    await append(store, 4, 4)
    async with relaying(pool, log, owner="two"):
        await eventually(lambda: log.positions()[-1] == 4)

    assert log.positions() == [1, 2, 3, 2, 3, 4]


async def test_one_process_at_a_time_publishes_a_partition_and_another_takes_over(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    async with relaying(pool, log, owner="two"):
        async with relaying(pool, log, owner="one"):
            for number in range(1, 20):
                await append(store, number, number)
                await eventually(partial(log.reached, number))
        await append(store, 20, 20)
        await eventually(lambda: log.positions()[-1] == 20, within_seconds=3)

    assert log.positions() == list(range(1, 21))


async def test_a_process_that_was_stopped_and_keeps_its_session_is_relieved(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 3)
    async with pool.acquire() as stopped:
        assert await stopped.fetchval(TAKE, *HERE)

        async with relaying(pool, log, owner="heir", silent_seconds=0.2):
            await eventually(lambda: log.positions() == [1, 2, 3])

        with pytest.raises(asyncpg.InterfaceError):
            await stopped.fetchval("SELECT 1")


async def test_a_process_that_waits_for_the_log_is_never_silent(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    log.gate.clear()
    await append(store, 1, 3)
    async with relaying(pool, log):
        await eventually(lambda: log.waiting == 1)

        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert await pool.fetchval(SILENCE) < 1.5
            await asyncio.sleep(0.1)

        log.gate.set()


async def test_a_zombie_can_repeat_but_neither_lose_nor_move_the_position(
    pool: Pool, store: PostgresEventStore
) -> None:
    hanging, log = FragileLog(), FragileLog()
    hanging.partitions = log.partitions
    hanging.gate.clear()
    await append(store, 1, 3)
    async with relaying(pool, hanging, owner="zombie"):
        await eventually(lambda: hanging.waiting == 1)
        await _cut_the_leases_of("zombie", pool)  # its process hangs, its session is gone

        async with relaying(pool, log, owner="heir"):
            await eventually(lambda: log.positions() == [1, 2, 3], within_seconds=5)
            hanging.gate.set()
            await append(store, 4, 6)
            await eventually(lambda: without_repeats(log.positions()) == [1, 2, 3, 4, 5, 6])

    assert await progress(pool) == {HERE: (6, 6)}


async def test_a_process_that_was_replaced_without_knowing_it_cannot_move_the_position(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    log.gate.clear()
    await append(store, 1, 3)
    async with relaying(pool, log):
        await eventually(lambda: log.waiting == 1)
        await pool.execute("UPDATE relay SET epoch = epoch + 1, position = 0, owner = 'heir'")

        log.gate.set()

        await eventually(lambda: log.positions() == [1, 2, 3, 1, 2, 3])  # the first did not count


async def test_rewinding_publishes_again_from_there_to_the_head(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 4)
    async with relaying(pool, log):
        await eventually(lambda: log.positions() == [1, 2, 3, 4])

        await rewind(pool, *HERE, to_position=2)

        await eventually(lambda: log.positions() == [1, 2, 3, 4, 3, 4])
        await append(store, 5, 5)
        await eventually(lambda: log.positions()[-1] == 5)


@pytest.mark.parametrize("to_position", [-1, 3, 99])
async def test_rewinding_to_where_it_never_was_is_refused(
    pool: Pool, store: PostgresEventStore, log: FragileLog, to_position: int
) -> None:
    await append(store, 1, 2)
    async with relaying(pool, log):
        await eventually(lambda: log.positions() == [1, 2])

    with pytest.raises(RewindRefused):
        await rewind(pool, *HERE, to_position=to_position)


async def test_a_hole_stops_its_partition_and_raises_the_alarm(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    await append(store, 1, 1)
    await pool.execute("UPDATE head SET position = 2")  # as no transaction of ours can leave it
    await append(store, 2, 2)

    async with relaying(pool, log) as relay:
        await eventually(relay.failure)
        await append(store, 1, 1, service="another")
        await eventually(lambda: sum(map(len, log.partitions.values())) == 1)

    assert log.positions() == []


async def test_the_relay_waits_for_a_database_that_is_away(
    pool: Pool, store: PostgresEventStore, log: FragileLog
) -> None:
    async with relaying(pool, log):
        await append(store, 1, 2)
        await eventually(lambda: log.positions() == [1, 2])

        await pool.expire_connections()
        await _cut_the_leases_of("one", pool)
        await append(store, 3, 4)

        await eventually(lambda: without_repeats(log.positions()) == [1, 2, 3, 4])


async def test_the_embedded_log_gets_everything_once(
    pool: Pool, store: PostgresEventStore, wake: asyncio.Event, fresh_database: Callable[[str], str]
) -> None:
    log = EmbeddedLog(fresh_database("log"))
    await log.start()

    async with relaying(pool, log, wake):
        for number in range(1, 300, 30):
            await append(store, number, number + 29)
        subscription = log.subscribe("g", [HERE.topic], notes := Notes())
        await subscription.start()
        await eventually(lambda: len(notes.values(HERE)) == 300)
        await subscription.stop()

    read = notes.records[HERE]
    positions = [position_of(record) for record in read]
    assert positions == list(range(1, 301))
    await log.stop()


async def _cut_the_leases_of(owner: str, pool: Pool) -> None:
    """End the sessions that hold leases, as the death of their process would."""
    assert await pool.fetchval("SELECT count(*) FROM relay WHERE owner = $1", owner)
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND pid <> pg_backend_pid() "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
