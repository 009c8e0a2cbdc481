"""Forgets what was answered once the promised time is over; the database says what is due."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from shared.eventstore.store import Pool

REMEMBERED_DAYS = 30  # at least, as the database's function has it
LOOK_SECONDS = 3_600.0
TURN = "SELECT turn_idempotency_period()"
log = structlog.get_logger(__name__)


async def forget(pool: Pool) -> list[str]:
    """Do all that is due, each in a transaction of its own, and return what was done."""
    done = []
    while (turned := await pool.fetchval(TURN)) is not None:
        done.append(str(turned))
    return done


@asynccontextmanager
async def forgetting(pool: Pool) -> AsyncIterator[None]:
    """Forget now and then for as long as the block runs; any number of processes may."""
    task = asyncio.create_task(_forever(pool))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _forever(pool: Pool) -> None:
    while True:
        try:
            if done := await forget(pool):
                log.info("idempotency_keys_turned", done=done)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is due again in an hour
            log.warning("idempotency_keys_kept_longer", failure=repr(failure))
        await asyncio.sleep(LOOK_SECONDS)
