"""Keys are remembered for as long as is promised, forgotten by partitions, and used once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import pytest

from shared.database.forgetting import REMEMBERED_DAYS, TURN_KEYS, forget
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer
from shared.eventstore.store import Pool, PostgresEventStore
from shared.runtime.clock import FixedClock
from tests.shared.eventstore.provider import T0, close, key, link, project_nothing
from tests.support.postgres import AdminOf

pytestmark = pytest.mark.postgres
PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'idempotency'::regclass"
PASS = """
UPDATE idempotency_period SET opened_at = opened_at - $1::interval,
    closed_at = closed_at - $1::interval
"""
PERIOD = timedelta(days=10, seconds=1)
KEYS, WRITERS = 40, 6


async def days_pass(pool: Pool, as_admin_of: AdminOf, days: timedelta = PERIOD) -> list[str]:
    """Let time pass, and forget what is due."""
    async with as_admin_of(pool) as admin:
        await admin.execute(PASS, days)
    return await forget(pool, TURN_KEYS)


async def answered(store: PostgresEventStore, stream: str, used: str) -> Answer:
    (answer,) = await handle(store, [close(stream, idempotency=key(used))], project_nothing)
    assert isinstance(answer, Answer), answer
    return answer


async def test_a_key_is_remembered_for_thirty_days_and_then_forgotten(
    store: PostgresEventStore, pool: Pool, as_admin_of: AdminOf
) -> None:
    await forget(pool, TURN_KEYS)
    first = await answered(store, "s1", "k")

    for _ in range(REMEMBERED_DAYS // 10):
        await days_pass(pool, as_admin_of)
        assert await answered(store, "s1", "k") == first
    for _ in range(5):
        await days_pass(pool, as_admin_of)

    assert await pool.fetchval("SELECT count(*) FROM idempotency") == 0
    assert await pool.fetchval(PARTITIONS) <= 6
    assert (await answered(store, "s1", "k")).body["version"] == 2  # as if it had never been used


async def test_no_key_is_used_twice_while_periods_change(
    store: PostgresEventStore, pool: Pool, as_admin_of: AdminOf
) -> None:
    async def write(number: int, beside: str) -> Answer:
        await asyncio.sleep(number / 20)
        commands = [
            close(f"s{number}", idempotency=key(f"k{number}")),
            link(f"{beside}-{number}", "o", idempotency=key(f"{beside}-{number}")),
        ]
        (answer, _) = await handle(store, commands, project_nothing)
        assert isinstance(answer, Answer), answer
        return answer

    writing = [
        asyncio.create_task(write(number, f"w{writer}"))
        for number in range(KEYS)
        for writer in range(WRITERS)
    ]
    turned = 0
    while not all(task.done() for task in writing):
        turned += (await days_pass(pool, as_admin_of)).count("opened a period")
        await asyncio.sleep(0.2)

    assert turned >= 3
    answers = [await task for task in writing]
    for number in range(KEYS):
        told = answers[number * WRITERS : (number + 1) * WRITERS]
        assert told == [told[0]] * WRITERS
        assert len(await store.read(f"service-s{number}")) == 1


async def test_no_period_is_opened_while_an_append_uses_the_one_before(
    pool: Pool, as_admin_of: AdminOf
) -> None:
    await forget(pool, TURN_KEYS)
    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.fetchval("SELECT open_idempotency_period()")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await days_pass(pool, as_admin_of)

        assert await forget(pool, TURN_KEYS) == ["opened a period", "made a partition"]


async def test_a_service_can_forget_nothing_before_its_time(
    store: PostgresEventStore, pool: Pool
) -> None:
    await answered(store, "s1", "k")

    await forget(pool, TURN_KEYS)

    for statement in (
        "UPDATE idempotency_period SET opened_at = '2000-01-01'",
        "DELETE FROM idempotency",
        "DROP TABLE idempotency_1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    assert await pool.fetchval("SELECT count(*) FROM idempotency") == 1


async def test_what_was_asked_can_not_be_tried_out_on_its_hash(
    store: PostgresEventStore,
    fresh_database: Callable[[str], str],
    pool: Pool,
    as_admin_of: AdminOf,
) -> None:
    hashed = "SELECT request_hash FROM idempotency"
    asked = key("k", b"sha256 of a name")
    await handle(store, [link("s1", "o", idempotency=asked)], project_nothing)

    async with asyncpg.create_pool(fresh_database("registry"), min_size=1, max_size=2) as other:
        async with as_admin_of(other) as admin:  # both are copies of one template
            await admin.execute("UPDATE idempotency_secret SET secret = sha256('another')")
        elsewhere = PostgresEventStore(other, clock=FixedClock(T0))
        await handle(elsewhere, [link("s1", "o", idempotency=asked)], project_nothing)

        kept = [await one.fetchval(hashed) for one in (pool, other)]
    assert len({asked.request_hash, *kept}) == 3
