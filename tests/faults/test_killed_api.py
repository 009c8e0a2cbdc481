"""The process that answers dies after its commit and before its answer, or just before its commit.

The client was told nothing and sends the command again, with the same key.
"""

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

SEED = 20260303
RECOVERY_SECONDS_MAX = 60.0
KILLS = 3
COMMANDS = 12  # that each life stores before it ends


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("command.committed", marks=pytest.mark.fast_faults),
        "command.committing",
    ],
)
async def test_what_was_stored_and_not_answered_is_stored_once(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run, place: str
) -> None:
    fault = Fault(f"exchange killed at {place}", "F3", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        exchange = w.process("exchange")
        await exchange.restart({"COPROD_FAILPOINTS": f"{place}=kill@{COMMANDS}"})
        while len(exchange.exit_codes) < 1 + KILLS:
            await running.reaches(1)
        await exchange.restart({"COPROD_FAILPOINTS": ""})
        assert exchange.exit_codes[1 : 1 + KILLS] == [-signal.SIGKILL] * KILLS
        await under_way.recovered()

        assert running.journal.repeated >= KILLS


async def test_registrations_too(tmp_path: Path, on_embedded: dict[str, Any], trial: Run) -> None:
    fault = Fault("registry killed at command.committed", "F3", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        registry = w.process("registry")
        await registry.restart({"COPROD_FAILPOINTS": f"command.committed=kill@{COMMANDS}"})
        while len(registry.exit_codes) < 1 + KILLS:
            await running.newcomer()
        await registry.restart({"COPROD_FAILPOINTS": ""})
        await under_way.recovered()

        assert running.journal.repeated >= KILLS
