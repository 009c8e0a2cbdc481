"""The promises of the event table: dense positions in commit order; events never change."""

import asyncio
from collections import defaultdict
from random import Random
from uuid import uuid4

import asyncpg
import pytest

from shared.contracts import catalogue, envelope
from shared.contracts.registry import ServiceProviderLinked
from shared.eventstore.appending import Append, Pending, Promise
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Idempotency, Recorded
from shared.eventstore.store import (
    Conflict,
    Pool,
    PostgresEventStore,
)
from shared.runtime.clock import SystemClock
from tests.shared.eventstore.provider import (
    BY_ANN,
    T0,
    link,
    note_in_private,
    project_agency,
    project_and_fail,
    project_nothing,
)
from tests.support.postgres import AdminOf

pytestmark = pytest.mark.postgres
LARGE_EVENTS = """
INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type, subject,
                   key, time, recorded_at, actor, data)
SELECT 's', n, 't', 0, n, gen_random_uuid(), '', '', '', '', now(), now(), '',
    convert_to(repeat('x', 1000000), 'utf8')
FROM generate_series(1, 40) AS n
"""

BEGIN_STREAM = "INSERT INTO stream VALUES ('service-s1', 1, 'topic', 0, 'key')"


def promise(key: str) -> Promise:
    return Promise(Idempotency("scope", key, b"hash"), Answer(200, {}), "service-s1", 0, 0)


def pending(service_id: str, version: int) -> Pending:
    command = link(service_id, "o")
    event = ServiceProviderLinked(service_id=service_id, organisation_id="o")
    topic = command.stream.topic.name
    stream_id = command.stream.id
    recorded = Recorded(event, str(uuid4()), stream_id, version, T0, T0, topic, 0, None)
    return Pending(recorded, command.stream, 0, BY_ANN, None, catalogue.encode(event))


async def write(store: PostgresEventStore, writer: int, batches: int) -> None:
    dice = Random(writer)
    for number in range(batches):
        services = [f"s{dice.randrange(12)}" for _ in range(dice.randint(1, 6))]
        commands = [link(s, f"{writer}-{number}-{i}") for i, s in enumerate(services)]
        try:
            await handle(
                store, commands, project_and_fail if dice.random() < 0.2 else project_nothing
            )
        except asyncpg.CaseNotFoundError:
            continue


async def test_a_page_of_large_events_ends_early(store: PostgresEventStore, pool: Pool) -> None:
    await pool.execute(LARGE_EVENTS)

    page = await store.page("t", 0, 0, 1000)
    rest = await store.page("t", 0, page[-1].position, 1000)

    assert 1 < len(page) < 30
    assert page[0].position == 1
    assert rest[0].position == len(page) + 1


async def test_concurrent_writers_leave_no_hole_and_versions_follow_positions(
    store: PostgresEventStore, pool: Pool
) -> None:
    await asyncio.gather(*(write(store, writer, 25) for writer in range(8)))

    for (topic, partition), head in (await store.heads()).items():
        page = await store.page(topic, partition, 0, 10_000)
        assert [event.position for event in page] == list(range(1, head + 1))
        versions: dict[str, list[int]] = defaultdict(list)
        for event in page:
            versions[event.subject].append(event.version)
        for seen in versions.values():
            assert seen == list(range(1, len(seen) + 1))
    assert (
        await pool.fetchval(
            "SELECT count(*) FROM stream s WHERE version <> "
            "(SELECT max(version) FROM event e WHERE e.stream_id = s.stream_id)"
        )
        == 0
    )


async def test_a_reader_that_follows_positions_never_misses_one(
    store: PostgresEventStore,
) -> None:
    writing = asyncio.gather(*(write(store, writer, 15) for writer in range(6)))
    seen: dict[tuple[str, int], int] = defaultdict(int)

    while not writing.done():
        for topic, partition in await store.heads():
            for event in await store.page(topic, partition, seen[topic, partition], 50):
                assert event.position == seen[topic, partition] + 1
                seen[topic, partition] = event.position
    await writing


async def test_not_even_their_owner_changes_or_removes_events(
    store: PostgresEventStore, as_admin_of: AdminOf, pool: Pool
) -> None:
    await handle(store, [link("s1", "o1")], project_nothing)
    async with as_admin_of(pool) as admin:
        for statement in ("UPDATE event SET data = ''", "DELETE FROM event", "TRUNCATE event"):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changed"):
                await admin.execute(statement)


async def test_what_is_stored_is_what_is_published_and_the_actor_is_not(
    store: PostgresEventStore, pool: Pool
) -> None:
    command = link("s1", "o1")
    await handle(store, [command, note_in_private("s1")], project_nothing)
    ((topic, partition),) = await store.heads()

    (stored,) = await store.page(topic, partition, 0, 10)

    event = stored.published("deployment")
    (recorded, _) = await store.read("service-s1")
    assert event.data == catalogue.encode(recorded.event)
    assert (event.sequence, event.position, event.key) == (1, 1, "s1")
    assert event.source == "/agencies/local/systems/api"
    assert await pool.fetchval("SELECT DISTINCT actor FROM event") == "ann"
    assert b"ann" not in b"".join(value for _, value in envelope.headers(event))
    assert envelope.parse(topic, partition, envelope.headers(event), event.data) == event


async def test_a_commit_wakes_the_relay_and_a_refusal_does_not(pool: Pool) -> None:
    wakes: list[str] = []
    store = PostgresEventStore(pool, clock=SystemClock(), on_commit=lambda: wakes.append("woken"))

    await handle(store, [link("s1", "o1")], project_nothing)
    await handle(store, [link("s1", "o1")], project_nothing)

    assert wakes == ["woken"]


async def test_a_transaction_that_hangs_is_ended_and_holds_up_nobody(
    store: PostgresEventStore,
) -> None:
    await handle(store, [link("s1", "o1")], project_nothing)

    async with store.session(["service-s1"]) as session:
        settings = [
            await session.connection.fetchval("SELECT current_setting($1)", name)
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        ]

    assert settings == ["1s", "5s", "2s"]


async def test_an_append_waits_a_second_for_a_lock_and_leaves_nothing(
    store: PostgresEventStore, pool: Pool
) -> None:
    append = Append(at=T0, events=[pending("s1", 1)], promises=[promise("k")])
    append.read["service-s1"] = 0
    async with pool.acquire() as other, other.transaction():
        await other.execute(BEGIN_STREAM)

        async with store.session() as session:
            with pytest.raises(asyncpg.LockNotAvailableError):
                await session.append(append, project_nothing)

    assert await pool.fetch("SELECT FROM idempotency") == []
    assert await store.heads() == {}


@pytest.mark.parametrize("read", [0, 2], ids=["as if it were new", "as if it were further on"])
async def test_a_conflict_leaves_neither_answers_nor_read_models(
    store: PostgresEventStore, pool: Pool, read: int
) -> None:
    await handle(store, [link("s1", "o1")], project_nothing)
    async with store.session() as session:
        append = Append(at=T0, events=[pending("s1", read + 1)], promises=[promise("k")])
        append.read["service-s1"] = read

        with pytest.raises(Conflict, match="stream"):
            await session.append(append, project_agency)

    assert not session.appended
    for table in ("idempotency", "agency"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert list((await store.heads()).values()) == [1]


async def test_a_key_used_meanwhile_is_a_conflict_and_leaves_nothing(
    store: PostgresEventStore,
) -> None:
    async with store.session() as session:
        await session.append(Append(at=T0, promises=[promise("k")]), project_nothing)
        for keys in (["k"], ["j", "k"]):
            append = Append(at=T0, events=[pending("s1", 1)], promises=[promise(k) for k in keys])
            append.read["service-s1"] = 0

            with pytest.raises(Conflict, match="key"):
                await session.append(append, project_agency)

    assert await store.read("service-s1") == []
    assert await store.heads() == {}
    assert set(await store.remembered([("scope", "j"), ("scope", "k")])) == {("scope", "k")}


async def test_many_who_add_one_event_each_leave_no_hole(
    store: PostgresEventStore, pool: Pool
) -> None:
    async def send(writer: int) -> None:
        for number in range(25):
            project = project_and_fail if number % 5 == 0 else project_agency
            try:
                await handle(store, [link(f"s{number % 7}", f"{writer}-{number}")], project)
            except asyncpg.CaseNotFoundError:
                continue

    await asyncio.gather(*(send(writer) for writer in range(8)))

    assert sum((await store.heads()).values()) == 8 * 20
    for (topic, partition), head in (await store.heads()).items():
        page = await store.page(topic, partition, 0, 1000)
        assert [event.position for event in page] == list(range(1, head + 1))
    assert await pool.fetchval("SELECT count(*) FROM agency") == 8 * 20
