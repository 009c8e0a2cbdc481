"""Every process is replaced by another one under load, one after the other, in either order."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import world
from tools.deployment.record import SERVICES

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
]

SEED = 20260319
RECOVERY_SECONDS_MAX = 60.0
UNANSWERED_SECONDS_MAX = 15.0  # of a command, while one of two is there all the time


@pytest.mark.parametrize("order", [SERVICES, tuple(reversed(SERVICES))], ids=["write", "read"])
async def test_nothing_is_lost_and_somebody_always_answers(
    tmp_path: Path, on_either: dict[str, Any], trial: Run, order: tuple[str, ...]
) -> None:
    fault = Fault(f"rolling deploy, {order[0]} first", "F19", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_either, replicas=dict.fromkeys(SERVICES, 2)) as w,
        load(w, rate=15, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await running.reaches(20)
        for service in order:
            await w.provision()  # as a deploy does, whatever it brings
            for one in w.replicas(service):
                await one.restart()
                await w.ready()
                await running.newcomer()
                await running.reaches(5)
        await under_way.recovered()

        waited = {one.key: one.waited for one in running.journal.accepted.values()}
        assert max(waited.values()) < UNANSWERED_SECONDS_MAX
        # each let its requests finish, and was not killed for taking too long
        ended = {name: one.exit_codes for name, one in w.processes.items()}
        assert ended == {name: [-signal.SIGTERM] for name in ended}
