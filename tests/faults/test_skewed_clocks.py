"""The clocks of the services and of PostgreSQL are set ahead and back while all of them work."""

import os
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

SEED = 20260310
RECOVERY_SECONDS_MAX = 60.0
LIBRARIES = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
STEPS = (
    {"registry": "+1h", "exchange": "+2d", "insights": "-1d", "postgres": "-1h"},
    {"registry": "-1h", "exchange": "-30m", "insights": "+3d", "postgres": "+2h"},
    {"registry": "+40d", "exchange": "+3h", "insights": "+0", "postgres": "+1d"},
)
RIGHT = "+0"


@pytest.fixture
def faketime() -> Path:
    """The library that lies to one process about the time."""
    found = [one for root in LIBRARIES for one in root.rglob("faketime/libfaketimeMT.so.1")]
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must test with skewed clocks: install libfaketime")
        pytest.skip("=== NO CLOCK WAS SKEWED: libfaketime is not installed ===")
    return found[0]


async def test_clocks_that_jump_change_no_figure_for_good(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run, faketime: Path
) -> None:
    fault = Fault("clocks set ahead and back", "F10", SEED, RECOVERY_SECONDS_MAX)

    def lied_to(name: str) -> dict[str, str]:
        file = tmp_path / f"{name}.clock"
        file.write_text(RIGHT)
        file.chmod(0o644)
        return {
            "LD_PRELOAD": str(faketime),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_clocks(clocks: dict[str, str]) -> None:
        for name, offset in clocks.items():
            (tmp_path / f"{name}.clock").write_text(offset)

    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await w.postgres.stop()
        await w.postgres.start(lied_to("postgres"))
        for name in ("registry", "exchange", "insights"):
            await w.process(name).restart(lied_to(name))
        for step in STEPS:
            set_clocks(step)
            await running.reaches(60)
            await running.newcomer()
            await w.folded(30)
        set_clocks(dict.fromkeys(STEPS[0], RIGHT))
        await under_way.recovered()
