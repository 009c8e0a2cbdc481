"""PostgreSQL dies, restarts, or cuts off those who are connected, under load."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import world

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
]

SEED = 20260304
RECOVERY_SECONDS_MAX = 60.0
TIMES = 3
CUTS = 25


@pytest.mark.fast_faults
async def test_a_killed_server_comes_back_with_all_that_was_acknowledged(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run
) -> None:
    chance = random.Random(SEED)
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(
            w, running, Fault("PostgreSQL killed", "F5", SEED, RECOVERY_SECONDS_MAX)
        ) as under_way,
    ):
        for _ in range(TIMES):
            await running.reaches(20)
            await asyncio.sleep(chance.uniform(0, 0.3))
            await w.postgres.kill()
            await asyncio.sleep(chance.uniform(0, 2))
            await w.postgres.start()
        await under_way.recovered()


async def test_a_server_that_is_restarted_in_order_is_waited_for(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(
            w, running, Fault("PostgreSQL stopped for 10 s", "F5", SEED, RECOVERY_SECONDS_MAX)
        ) as under_way,
    ):
        await under_way.warmed()
        processes = {name: one.pid for name, one in w.processes.items()}
        await w.postgres.stop()
        await asyncio.sleep(10)
        await w.postgres.start()
        await under_way.recovered()

        assert {name: one.pid for name, one in w.processes.items()} == processes


async def test_connections_cut_at_random_are_made_again(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run
) -> None:
    """All of one service's at once: in transactions, in leases, in the embedded log, idle."""
    chance = random.Random(SEED)
    fault = Fault(
        f"all connections of a service cut, {CUTS} times", "F5", SEED, RECOVERY_SECONDS_MAX
    )
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, rate=60, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        processes = {name: one.pid for name, one in w.processes.items()}
        for _ in range(CUTS):
            await running.reaches(3)
            await asyncio.sleep(chance.uniform(0, 0.05))
            database = chance.choice(("registry", "exchange", "exchange", "insights", "log"))
            assert await w.postgres.terminate_backends(database) > 0
        await under_way.recovered()

        assert {name: one.pid for name, one in w.processes.items()} == processes
