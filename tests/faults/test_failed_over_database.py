"""The server with the databases is lost, and its standby takes its place at the same address.

The standby confirms every commit before it is acknowledged; what was under way is lost with the
first server, and its clients were told nothing.
"""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.faults.database import Postgres
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.polling import eventually
from tools.deployment import postgres
from tools.deployment.kafka.local_kafka import free_port

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
]

SEED = 20260320
RECOVERY_SECONDS_MAX = 60.0
SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


async def test_everything_acknowledged_is_in_the_standby(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(
            w, running, Fault("PostgreSQL failed over", "F20", SEED, RECOVERY_SECONDS_MAX)
        ) as under_way,
    ):
        standby = await follow(w, tmp_path / "standby")
        await running.reaches(80)
        lost, w.postgres = w.postgres, standby
        await lost.kill()
        await promote(standby, lost.port)
        await under_way.recovered()
        await running.reaches(40)


async def follow(w: World, directory: Path) -> Postgres:
    """Start a standby, and have the server wait for it with every commit."""
    await asyncio.to_thread(copy_of, w, directory)
    standby = Postgres(directory, free_port())
    await standby.make()
    await standby.start()
    await w.postgres.fetch("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await w.postgres.fetch("SELECT pg_reload_conf()")

    async def confirms() -> bool:
        return (await w.postgres.fetch(SYNCHRONOUS)) == [(1,)]

    await eventually(confirms)
    return standby


def copy_of(w: World, directory: Path) -> None:
    """Copy a running server's files as one that follows it."""
    directory.mkdir()
    shutil.copy2(w.directory / "postgres.password", directory)
    program = postgres.program(w.directory, w.postgres.port)
    data = directory / "postgres"
    subprocess.run(
        [
            str(Path(program.argv[0]).with_name("pg_basebackup")),
            *("-h", "127.0.0.1", "-p", str(w.postgres.port), "-U", postgres.SUPERUSER),
            *("-D", str(data), "--write-recovery-conf", "--checkpoint", "fast"),
        ],
        check=True,
        env={**os.environ, "PGPASSWORD": postgres.password(directory)},
    )
    if program.user is not None:
        for path in (data, *data.rglob("*")):
            shutil.chown(path, program.user, program.user)


async def promote(standby: Postgres, port: int) -> None:
    """Make it the server, at the address where everybody looks for it."""
    await standby.fetch("SELECT pg_promote()")
    await standby.fetch("ALTER SYSTEM RESET synchronous_standby_names")
    await standby.stop()
    standby.move(port)
    await standby.start()
