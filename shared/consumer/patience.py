"""Waiting out failures that pass: a database that restarts, a lock, a deadlock."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

PASSING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # the server said farewell as a statement was being sent
)
WAIT_SECONDS_MIN = 0.05
WAIT_SECONDS_MAX = 5.0
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Stopping(Exception):
    """The wait was cut short because the consumer stops."""


def passes(error: BaseException) -> bool:
    """Tell whether trying again can help without anybody doing anything."""
    if isinstance(error, PASSING):
        return True
    # asyncpg has one class for a connection that went away and for a wrong argument
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)


async def patiently(
    work: Callable[[], Awaitable[T]], stopping: asyncio.Event, retried: Callable[[], None]
) -> T:
    """Return what the work returns, repeating it while what it raises passes.

    Raises:
        Stopping: ``stopping`` was set while waiting.
    """
    wait_seconds = WAIT_SECONDS_MIN
    while True:
        try:
            return await work()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("consumer_waits", error=repr(error), seconds=wait_seconds)
        retried()
        try:
            jittered = wait_seconds * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
            await asyncio.wait_for(stopping.wait(), jittered)
        except TimeoutError:
            wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)
        else:
            raise Stopping
