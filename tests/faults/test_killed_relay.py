"""The process that relays dies: at random, and just after the log has acknowledged."""

import asyncio
import random
import signal
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

SEED = 20260301
RECOVERY_SECONDS_MAX = 60.0
KILLS = 3
PAGES = 12  # that each life publishes and notes before it ends


async def test_killed_at_random_it_loses_and_doubles_nothing(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    chance = random.Random(SEED)
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(
            w, running, Fault("relay killed at random", "F1", SEED, RECOVERY_SECONDS_MAX)
        ) as under_way,
    ):
        for _ in range(KILLS):
            await running.reaches(20)
            await asyncio.sleep(chance.uniform(0, 0.3))
            w.process("exchange").kill()
        await under_way.recovered()


async def test_killed_between_the_logs_answer_and_its_own_note_it_repeats_and_nothing_is_doubled(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    """Every life ends there, so the next begins by publishing what the log holds already."""
    fault = Fault(
        "relay killed before it notes what is published", "F1", SEED, RECOVERY_SECONDS_MAX
    )
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        under_way.expect_repeats(KILLS)
        exchange = w.process("exchange")
        await exchange.restart({"COPROD_FAILPOINTS": f"relay.acknowledged=kill@{PAGES + 1}"})
        while len(exchange.exit_codes) < 1 + KILLS:
            await running.reaches(1)
        await exchange.restart({"COPROD_FAILPOINTS": ""})
        assert exchange.exit_codes[1 : 1 + KILLS] == [-signal.SIGKILL] * KILLS
        await under_way.recovered()
