"""Transient errors are taken for what they are, and work is retried until it succeeds."""

import asyncio
import random
from itertools import pairwise

import asyncpg
import pytest

from shared.http.problems import TRANSIENT_ERRORS
from shared.runtime.retry import DATABASE_ERRORS, Backoff, Stopping, is_transient, retry
from tests.support.polling import eventually

CUTS = 40
FAREWELL = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is...")
FULL = asyncpg.DiskFullError("could not extend file: No space left on device")
CRASHED = asyncpg.CrashShutdownError("terminating connection because of crash of another process")
DEADLOCK = asyncpg.DeadlockDetectedError("deadlock detected")
RESTORED = asyncpg.InvalidCatalogNameError('database "coprod_exchange" does not exist')


@pytest.mark.parametrize(
    "failure",
    [FAREWELL, FULL, CRASHED, DEADLOCK, RESTORED],
    ids=["farewell", "full", "crashed", "deadlock", "restored"],
)
def test_what_passes_is_waited_for_everywhere(failure: Exception) -> None:
    assert isinstance(failure, DATABASE_ERRORS)
    assert isinstance(failure, TRANSIENT_ERRORS)
    assert is_transient(failure)


@pytest.mark.postgres
async def test_a_connection_cut_at_any_moment_raises_nothing_else(postgres_admin_dsn: str) -> None:
    chance = random.Random(20260304)
    admin = await asyncpg.connect(postgres_admin_dsn)
    for _ in range(CUTS):
        cut = await asyncpg.connect(postgres_admin_dsn)
        busy = asyncio.create_task(asked_for_ever(cut))
        await asyncio.sleep(chance.uniform(0, 0.005))
        await admin.execute("SELECT pg_terminate_backend($1)", cut.get_server_pid())

        failure = await busy

        assert isinstance(failure, DATABASE_ERRORS), repr(failure)
        assert is_transient(failure), repr(failure)
    await admin.close()


async def asked_for_ever(connection: "asyncpg.Connection[asyncpg.Record]") -> Exception:
    try:
        while True:
            await connection.fetch("SELECT 1")
            await asyncio.sleep(0)
    except Exception as failure:  # noqa: BLE001 - which ones there are is the question
        return failure


class Work:
    """Fails as often as it is told, then answers; ``waits`` are the seconds it was told to wait."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.waits = list(failures), list[float]()

    async def __call__(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def failed(self, _error: Exception, seconds: float) -> None:
        self.waits.append(seconds)


def test_waits_grow_and_end_at_a_bound() -> None:
    backoff = Backoff(0.2, 15)
    waits = [backoff.next() for _ in range(2000)]

    assert all(after > before / 2 for before, after in pairwise(waits))
    assert 0.1 <= waits[0] <= 0.2
    assert waits[2] >= 0.4
    assert all(7.5 <= wait <= 15 for wait in waits[10:])
    backoff.reset()
    assert backoff.next() <= 0.2


async def test_work_is_retried_until_it_succeeds() -> None:
    work = Work(OSError(), DEADLOCK, FAREWELL)

    assert await retry(work, Backoff(0.001, 0.002), failed=work.failed) == "done"
    assert len(work.waits) == 3


async def test_an_error_that_does_not_pass_is_raised_at_once() -> None:
    work = Work(OSError(), ValueError("a fault of ours"))

    with pytest.raises(ValueError, match="of ours"):
        await retry(work, Backoff(0.001, 0.002), failed=work.failed)
    assert len(work.waits) == 1


async def test_whoever_stops_does_not_wait_for_the_next_attempt() -> None:
    work, stopping = Work(OSError()), asyncio.Event()
    retried = asyncio.create_task(
        retry(work, Backoff(60, 60), failed=work.failed, stopping=stopping)
    )
    await eventually(lambda: work.waits)

    stopping.set()

    with pytest.raises(Stopping):
        await asyncio.wait_for(retried, 1)


async def test_after_an_attempt_that_went_on_for_long_the_waits_begin_anew() -> None:
    work, backoff = Work(OSError(), OSError(), OSError()), Backoff(0.002, 0.02)

    async def long_at_last() -> str:
        if len(work.failures) == 1:
            await asyncio.sleep(0.03)
        return await work()

    await retry(long_at_last, backoff, failed=work.failed)

    assert backoff.failures == 1
