"""The process that relays dies without a word, again and again."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.faults.load import load
from tests.faults.world import world

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(300)]

SEED = 20260301
KILLS = 5
RECOVERY_SECONDS_MAX = 30.0


async def test_a_killed_relay_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    async with world(tmp_path) as w, load(w, rate=40, seed=SEED) as running:
        for _ in range(KILLS):
            await running.reaches(20)
            await asyncio.sleep(chance.uniform(0, 0.3))
            w.process("exchange").kill()
        recovery = await w.folded(RECOVERY_SECONDS_MAX)
        journal = await running.finish()

        await w.folded(RECOVERY_SECONDS_MAX)

        code, said = await w.coprod("verify")
        assert code == 0, said
        assert len(set(journal.positions)) == len(journal.positions) > 0
        print(recovery, len(journal.accepted), journal.repeated)
