"""PostgreSQL is slow, locked by somebody, or held back by transactions that do not end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
]

SEED = 20260315
RECOVERY_SECONDS_MAX = 60.0
LOCKED_SECONDS = 12.0
LOCKS = {
    "registry": "LOCK TABLE event IN ACCESS EXCLUSIVE MODE",
    "exchange": "LOCK TABLE event, head, relay IN ACCESS EXCLUSIVE MODE",
    "insights": "LOCK TABLE consumer_position IN ACCESS EXCLUSIVE MODE",
    "log": "LOCK TABLE log_record IN SHARE MODE",
}
SLOW = """
CREATE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;
CREATE TRIGGER sleepy AFTER UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION sleepy();
"""
QUICK = "DROP FUNCTION sleepy CASCADE"


@pytest.mark.parametrize("database", LOCKS)
async def test_tables_locked_by_somebody_else_are_waited_for(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run, database: str
) -> None:
    """An operator's forgotten session, idle in a transaction that holds what all need."""
    fault = Fault(
        f"tables of {database} locked for {LOCKED_SECONDS:.0f} s", "F15", SEED, RECOVERY_SECONDS_MAX
    )
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        async with transaction(w, database, LOCKS[database]):
            await asyncio.sleep(LOCKED_SECONDS)
        await running.newcomer()
        await under_way.recovered()


async def test_a_slow_fold_falls_behind_and_catches_up(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    """Each batch takes insights two seconds; registry and exchange do not notice."""
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(
            w, running, Fault("fold slowed to 2 s a batch", "F15", SEED, RECOVERY_SECONDS_MAX)
        ) as under_way,
    ):
        await under_way.warmed()
        slow = SLOW.format(seconds=2, table="consumer_position")
        await w.postgres.fetch(slow, database="insights")
        await running.reaches(200, within_seconds=30)
        await w.postgres.fetch(QUICK, database="insights")
        await under_way.recovered()

        waited = [one.waited for one in running.journal.accepted.values()]
        assert max(waited) < 5


async def test_transactions_that_never_end_hold_up_nobody(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run
) -> None:
    """A backup, say: it sees one moment of every database, and keeps what is deleted since."""
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(
            w, running, Fault("long foreign transactions", "F16", SEED, RECOVERY_SECONDS_MAX)
        ) as under_way,
    ):
        look = "SELECT count(*) FROM pg_class"
        write = "CREATE TABLE foreign_work AS SELECT 1"
        async with (
            transaction(w, "registry", look),
            transaction(w, "exchange", look),
            transaction(w, "exchange", write),
            transaction(w, "insights", look),
            transaction(w, "log", write),
        ):
            await running.reaches(150)
            await running.newcomer()
            await under_way.recovered()  # while all of them are still open


@asynccontextmanager
async def transaction(w: World, database: str, statement: str) -> AsyncIterator[None]:
    """Keep a transaction open that has done one thing, in a session that nobody else uses."""
    dsn = w.postgres.dsn(database)
    async with await psycopg.AsyncConnection.connect(dsn) as foreign:
        await foreign.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await foreign.execute(sql.SQL(statement))
        yield
        await foreign.rollback()
