"""Services killed at random under load: nothing acknowledged is lost, nothing counts twice."""

import asyncio
import random
from pathlib import Path

import psutil
import pytest

from tests.support.deployment import Up, free_port_base, up
from tests.support.journal import Client, Journal

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(300)]

KILLS = 10
SEED = 20260301
SERVICES = ("registry", "exchange", "insights")


async def test_ten_random_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    with up(tmp_path / "data", free_port_base()) as running:
        ready = running.ready
        journal = Journal(tmp_path / "journal")
        client = Client(ready["registry"], ready["exchange"], journal)
        await client.settle()
        stop = asyncio.Event()
        load = asyncio.create_task(_load(client, stop))

        await _kill(running, stop)
        await load

        waited = await asyncio.to_thread(running.coprod, "wait", "--timeout", "60")
        assert waited.returncode == 0, waited.stderr
        stored = await client.contributions()
        await client.close()
        acknowledged = {
            found.contribution_id
            for key, found in journal.accepted.items()
            if key.startswith("confirm-")
        }
        assert len(acknowledged) >= KILLS
        assert stored == dict.fromkeys(acknowledged, "confirmed")
        verified = await asyncio.to_thread(running.coprod, "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr


async def _load(client: Client, stop: asyncio.Event) -> None:
    """Record acts, four at a time, until told to stop; what was begun is finished."""
    numbers = iter(range(10**6))

    async def worker() -> None:
        while not stop.is_set():
            await client.act(next(numbers))

    await asyncio.gather(*(worker() for _ in range(4)))


async def _kill(running: Up, stop: asyncio.Event) -> None:
    chance = random.Random(SEED)
    try:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            pid = running.pid(chance.choice(SERVICES))
            if psutil.pid_exists(pid):
                psutil.Process(pid).kill()
    finally:
        stop.set()
