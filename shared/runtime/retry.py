"""Transient errors, and how work is retried after one.

An error is transient when the same work may succeed later without anybody doing anything.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import asyncpg

T = TypeVar("T")
Errors: TypeAlias = tuple[type[Exception], ...] | Callable[[Exception], bool]

TRANSIENT = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,  # it is stopped or started, or a statement took too long
    asyncpg.InsufficientResourcesError,  # a full disk, too many connections
    asyncpg.TransactionRollbackError,  # a deadlock, or a conflict between two transactions
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # another server is about to take its place
    asyncpg.InvalidCatalogNameError,  # the database is being made, or restored
    asyncpg.ObjectNotInPrerequisiteStateError,  # it takes no connections at present
    asyncpg.InternalClientError,  # it said farewell as a statement was being sent
)
DATABASE_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Whatever a database or the way to it raises: for loops whose work is due again in any case."""


def is_transient(error: BaseException) -> bool:
    """Return whether the same work may succeed later without anybody doing anything."""
    if isinstance(error, TRANSIENT):
        return True
    # asyncpg has one class for a connection that went away and for a wrong argument
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)


class Stopping(Exception):
    """The wait for the next attempt was cut short because the work is not wanted any more."""


class Backoff:
    """Seconds to wait after each of several failures in a row.

    They double from ``first`` to ``longest``, and each is shortened at random by up to half, so
    that processes that failed together do not try again together.
    """

    def __init__(self, first: float, longest: float) -> None:
        self.first, self.longest = first, longest
        self.failures = 0

    def next(self) -> float:
        """Count a failure; return the seconds to wait after it."""
        doubled = self.first * 2.0 ** min(self.failures, 30)
        self.failures += 1
        return min(doubled, self.longest) * random.uniform(0.5, 1)  # noqa: S311 - not a secret

    def reset(self) -> None:
        self.failures = 0


async def retry(
    work: Callable[[], Awaitable[T]],
    backoff: Backoff,
    *,
    failed: Callable[[Exception, float], None],
    on: Errors = is_transient,
    stopping: asyncio.Event | None = None,
) -> T:
    """Return what the work returns, doing it again after each error that is one of ``on``.

    ``failed`` is told each such error and the seconds until the next attempt. An attempt that
    lasted longer than the longest wait begins the backoff anew.

    Raises:
        Stopping: ``stopping`` was set when the next attempt was waited for.
    """
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        try:
            return await work()
        except Exception as error:
            if not (isinstance(error, on) if isinstance(on, tuple) else on(error)):
                raise
            if loop.time() - started > backoff.longest:
                backoff.reset()
            seconds = backoff.next()
            failed(error, seconds)
        await _wait(seconds, stopping)


async def _wait(seconds: float, stopping: asyncio.Event | None) -> None:
    if stopping is None:
        await asyncio.sleep(seconds)
        return
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
    raise Stopping
