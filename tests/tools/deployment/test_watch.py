"""A program that ends is started again; one that is stopped is not."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tools.deployment import process
from tools.deployment.record import Identity
from tools.deployment.watch import Watch

FOREVER = "import signal; print('up', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER


class Seen:
    """Every identity that a watch told of, in order; None where a program was stopped."""

    def __init__(self) -> None:
        self.all: list[Identity | None] = []

    def __call__(self, _name: str, identity: Identity | None) -> None:
        self.all.append(identity)

    @property
    def pids(self) -> list[int]:
        return [identity.pid for identity in self.all if identity is not None]


def program(tmp_path: Path, code: str, *, stop_seconds: float = 5.0) -> process.Program:
    return process.Program(
        name="example",
        argv=[sys.executable, "-c", code],
        log=tmp_path / "example.log",
        env=dict(os.environ),
        stop_seconds=stop_seconds,
    )


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    seen = Seen()
    watch = Watch(lambda: program(tmp_path, FOREVER), seen)
    await watch.start()

    os.kill(seen.pids[0], signal.SIGKILL)
    await eventually(lambda: len(seen.pids) == 2)
    await watch.stop()

    assert seen.all[-1] is None
    assert not any(process.alive(identity) for identity in seen.all if identity)


async def test_a_program_that_can_not_be_started_again_at_once_is_later(tmp_path: Path) -> None:
    away = tmp_path / "logs"
    away.mkdir()
    seen = Seen()
    watch = Watch(lambda: program(away, FOREVER), seen)
    await watch.start()

    (away / "example.log").unlink()
    away.rmdir()
    os.kill(seen.pids[0], signal.SIGKILL)
    await eventually(lambda: watch.backoff.failures >= 3)
    away.mkdir()

    await eventually(lambda: len(seen.pids) == 2)
    await watch.stop()


async def test_a_program_is_watched_though_nobody_could_be_told_of_it(tmp_path: Path) -> None:
    seen = Seen()

    def full_disk(name: str, identity: Identity | None) -> None:
        seen(name, identity)
        if len(seen.pids) == 2:
            raise OSError("no space left")

    watch = Watch(lambda: program(tmp_path, FOREVER), full_disk)
    await watch.start()

    for starts in (2, 3):
        os.kill(seen.pids[-1], signal.SIGKILL)
        await eventually(lambda: len(seen.pids) == starts)  # noqa: B023
    assert process.alive(seen.all[-1] or pytest.fail("not started"))

    await watch.stop()
    assert not any(process.alive(identity) for identity in seen.all if identity)


async def test_each_start_sees_the_program_as_it_is_described_then(tmp_path: Path) -> None:
    texts = iter(["first", "second"])

    def describe() -> process.Program:
        return program(tmp_path, f"print({next(texts, 'later')!r}, flush=True); " + FOREVER)

    seen = Seen()
    watch = Watch(describe, seen)
    await watch.start()
    await eventually(lambda: "second" in (tmp_path / "example.log").read_text())
    watch.restart()
    await eventually(lambda: "later" in (tmp_path / "example.log").read_text())
    await watch.stop()


async def test_a_program_that_ignores_the_request_is_ended(tmp_path: Path) -> None:
    seen = Seen()
    watch = Watch(lambda: program(tmp_path, DEAF, stop_seconds=0.2), seen)
    await watch.start()
    await eventually(lambda: "up" in (tmp_path / "example.log").read_text())

    await watch.stop()

    assert not process.alive(seen.all[0] or pytest.fail("never started"))


async def test_stopping_while_it_pauses_starts_nothing_more(tmp_path: Path) -> None:
    seen = Seen()
    watch = Watch(lambda: program(tmp_path, "raise SystemExit(3)"), seen)
    await watch.start()
    await eventually(lambda: watch.backoff.failures >= 2)

    await watch.stop()
    started = len(seen.pids)
    await asyncio.sleep(0)

    assert len(seen.pids) == started
    assert not any(process.alive(identity) for identity in seen.all if identity)


def test_a_process_is_not_mistaken_for_a_later_one_with_its_number() -> None:
    me = process.identify(os.getpid())
    assert me is not None

    earlier = me.model_copy(update={"started": me.started - 60})

    assert process.alive(me)
    assert not process.alive(earlier)
