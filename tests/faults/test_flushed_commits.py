"""What killing processes can't test: that a commit is on the disk before it is acknowledged."""

from pathlib import Path

import httpx
import pytest

from tests.faults.process import Process
from tests.faults.world import World, world
from tests.support.polling import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.fast_faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(120),
]

COMMANDS = 40
FLUSHES = """
SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io
WHERE object = 'wal' AND backend_type = 'client backend'
"""
SAFE = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
UNSAFE = "ALTER DATABASE coprod_registry SET synchronous_commit = off"
TELLING_SECONDS_MAX = 20.0  # the server tells late what it counted
NOWHERE = {"COPROD_LOG": "kafka", "COPROD_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


async def test_every_acknowledged_command_was_flushed_before(tmp_path: Path) -> None:
    """One command after the other: each has to have a flush of its own."""
    async with world(tmp_path, started=False) as w:
        await w.provision()
        registry = w.add("registry", **NOWHERE)  # its relay has nothing to flush
        await registry.start()
        await eventually(lambda: _accepted(registry, "first"))
        for setting in SAFE:
            assert await w.postgres.fetch(f"SHOW {setting}", database="registry") == [("on",)]

        before = await _flushes(w)
        await _command(registry, "safe")
        await eventually(lambda: _flushed(w, before + COMMANDS), TELLING_SECONDS_MAX)

        # and the same count is what gives an unsafe commit away
        await w.postgres.fetch(UNSAFE)
        await w.postgres.terminate_backends("registry")
        await eventually(lambda: _accepted(registry, "again"))
        before = await _flushes(w)
        await _command(registry, "unsafe")
        with pytest.raises(AssertionError):
            await eventually(lambda: _flushed(w, before + COMMANDS), 5)


async def _command(registry: Process, name: str) -> None:
    for number in range(COMMANDS):
        assert await _accepted(registry, f"{name}-{number}")


async def _accepted(registry: Process, agency: str) -> bool:
    body = {"agency_id": agency, "name": agency}
    try:
        async with httpx.AsyncClient(base_url=registry.url, trust_env=False) as http:
            return (await http.post("/v1/agencies", json=body)).is_success
    except httpx.TransportError:
        return False


async def _flushed(w: World, at_least: int) -> bool:
    return await _flushes(w) >= at_least


async def _flushes(w: World) -> int:
    ((count,),) = await w.postgres.fetch(FLUSHES)
    return int(count)
