"""A log that has grown is emptied while its program goes on writing."""

import asyncio
import os
import sys
from pathlib import Path

from tests.support.polling import eventually
from tools.deployment import process
from tools.deployment.log_rotation import KEPT, rotate


def test_older_copies_move_on_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "service.log"

    for number in range(KEPT + 2):
        log.write_text(str(number) * 11)
        rotate([log], bytes_max=10)

    assert log.read_text() == ""
    copies = [log.with_name(f"service.log.{number}") for number in range(1, KEPT + 2)]
    assert [copy.read_text()[0] for copy in copies[:KEPT]] == ["4", "3", "2"]
    assert not copies[KEPT].exists()


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("short")

    rotate([log], bytes_max=10)

    assert [path.name for path in tmp_path.iterdir()] == ["service.log"]


async def test_the_program_goes_on_in_the_emptied_log(tmp_path: Path) -> None:
    code = "print('before', flush=True)\n"
    code += "import time\nwhile True: time.sleep(0.02); print('after', flush=True)"
    program = process.Program(
        "example", [sys.executable, "-c", code], tmp_path / "example.log", dict(os.environ)
    )
    running = await process.spawn(program)
    try:
        await eventually(lambda: "after" in program.log.read_text())

        await asyncio.to_thread(rotate, [program.log], 1)

        await eventually(lambda: "after" in program.log.read_text())
        assert b"\0" not in program.log.read_bytes()
        assert "before" not in program.log.read_text()
        assert "before" in (tmp_path / "example.log.1").read_text()
    finally:
        await process.stop(running, program)
