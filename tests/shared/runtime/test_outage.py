"""Whatever a cut connection raises is taken for what it is, at whichever moment it was cut."""

import asyncio
import random

import asyncpg
import pytest

from shared.http.problems import PASSING_FAILURES
from shared.runtime.outage import AWAY, passes

pytestmark = pytest.mark.postgres

CUTS = 40
FAREWELL = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is...")
FULL = asyncpg.DiskFullError("could not extend file: No space left on device")
CRASHED = asyncpg.CrashShutdownError("terminating connection because of crash of another process")


@pytest.mark.parametrize("failure", [FAREWELL, FULL, CRASHED], ids=["farewell", "full", "crashed"])
def test_what_passes_is_waited_for_everywhere(failure: Exception) -> None:
    assert isinstance(failure, AWAY)
    assert isinstance(failure, PASSING_FAILURES)
    assert passes(failure)


async def test_a_connection_cut_at_any_moment_raises_nothing_else(postgres_admin_dsn: str) -> None:
    chance = random.Random(20260304)
    admin = await asyncpg.connect(postgres_admin_dsn)
    for _ in range(CUTS):
        cut = await asyncpg.connect(postgres_admin_dsn)
        busy = asyncio.create_task(asked_for_ever(cut))
        await asyncio.sleep(chance.uniform(0, 0.005))
        await admin.execute("SELECT pg_terminate_backend($1)", cut.get_server_pid())

        failure = await busy

        assert isinstance(failure, AWAY), repr(failure)
        assert passes(failure), repr(failure)
    await admin.close()


async def asked_for_ever(connection: "asyncpg.Connection[asyncpg.Record]") -> Exception:
    try:
        while True:
            await connection.fetch("SELECT 1")
            await asyncio.sleep(0)
    except Exception as failure:  # noqa: BLE001 - which ones there are is the question
        return failure
