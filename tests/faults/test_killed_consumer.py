"""The process that folds dies in the middle of a transaction, and just after its commit."""

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

SEED = 20260302
RECOVERY_SECONDS_MAX = 60.0
KILLS = 3
BATCHES = 5  # that each life takes before it ends


@pytest.mark.parametrize(
    ("service", "place"),
    [
        pytest.param("insights", "consumer.committing", marks=pytest.mark.fast_faults),
        ("insights", "consumer.committed"),
        ("exchange", "consumer.committing"),
    ],
)
async def test_killed_around_its_commit_it_takes_every_event_once(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run, service: str, place: str
) -> None:
    fault = Fault(f"{service} killed at {place}", "F2", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        killed = w.process(service)
        await killed.restart({"COPROD_FAILPOINTS": f"{place}=kill@{BATCHES}"})
        while len(killed.exit_codes) < 1 + KILLS:
            await running.reaches(1)
            if service == "exchange":
                await running.newcomer()  # or there is nothing to take in
        await killed.restart({"COPROD_FAILPOINTS": ""})
        assert killed.exit_codes[1 : 1 + KILLS] == [-signal.SIGKILL] * KILLS
        await under_way.recovered()


@pytest.mark.kafka
async def test_of_three_that_share_the_work_any_may_be_killed(
    tmp_path: Path, on_kafka: dict[str, Any], trial: Run
) -> None:
    chance = random.Random(SEED)
    fault = Fault("one of three insights killed, again and again", "F2", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_kafka, replicas={"insights": 3}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        for _ in range(KILLS):
            await running.reaches(20)
            await asyncio.sleep(chance.uniform(0, 3))
            chance.choice(w.replicas("insights")).kill()
        await under_way.recovered()
