"""Forgets what is kept for a promised time, once it is over; the database says what is due."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg
import structlog

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
REMEMBERED_DAYS = 30  # at least: keys and answers, and dead letters of the embedded log
LOOK_SECONDS = 3_600.0
# Each does one thing that is due, as the owner, and says which; NULL when nothing is.
TURN_KEYS = "SELECT turn_idempotency_period()"
DROP_LETTERS = "SELECT drop_dead_letters()"
log = structlog.get_logger(__name__)


async def forget(pool: Pool, statement: str) -> list[str]:
    """Do all that is due, each in a transaction of its own, and return what was done."""
    done = []
    while (one := await pool.fetchval(statement)) is not None:
        done.append(str(one))
    return done


@asynccontextmanager
async def forgetting(pool: Pool, statement: str) -> AsyncIterator[None]:
    """Forget now and then for as long as the block runs; any number of processes may."""
    task = asyncio.create_task(_forever(pool, statement))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _forever(pool: Pool, statement: str) -> None:
    while True:
        try:
            if done := await forget(pool, statement):
                log.info("forgotten", done=done)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is due again in an hour
            log.warning("kept_longer", statement=statement, failure=repr(failure))
        await asyncio.sleep(LOOK_SECONDS)
