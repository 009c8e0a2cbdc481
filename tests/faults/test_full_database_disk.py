"""The disk under PostgreSQL runs full, and has room again after a while."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tools.deployment.record import SERVICES

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
]

SEED = 20260309
RECOVERY_SECONDS_MAX = 60.0
DISK_MEBIBYTES = 400
FULL_SECONDS = 15.0


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small file system there; without the right to mount the test skips, loudly."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEBIBYTES}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"=== NO DISK WAS FILLED, mounting needs root: {done.stderr.strip()} ===")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave not a byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        block = b"\1" * 65_536
        try:
            while True:
                file.write(block)
                file.flush()
        except OSError:
            return ballast


async def test_what_does_not_fit_is_not_acknowledged_and_is_taken_later(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run
) -> None:
    fault = Fault("disk of PostgreSQL full", "F9", SEED, RECOVERY_SECONDS_MAX)
    with small_disk(tmp_path / "disk"):
        async with world(tmp_path, **on_embedded, started=False) as w:
            await move_data(w, tmp_path / "disk" / "postgres")
            await w.provision()
            for service in SERVICES:
                w.add(service)
            await w.start()
            async with load(w, seed=SEED) as running, trial(w, running, fault) as under_way:
                await under_way.warmed()
                ballast = await asyncio.to_thread(fill, tmp_path / "disk")
                await asyncio.sleep(FULL_SECONDS)
                before = running.acknowledged
                assert "No space left" in w.postgres.server.log_text()
                ballast.unlink()
                await w.postgres.revive()
                await running.reaches(20)
                await under_way.recovered()

                assert running.acknowledged >= before + 20


async def move_data(w: World, to: Path) -> None:
    await w.postgres.stop()
    await asyncio.to_thread(replace, w.directory / "postgres", to)
    await w.postgres.start()


def replace(data: Path, to: Path) -> None:
    """Put the server's files there; whoever looks where they were finds them."""
    shutil.copytree(data, to)
    owner = data.stat()
    for path in (to, *to.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
    shutil.rmtree(data)
    data.symlink_to(to)
