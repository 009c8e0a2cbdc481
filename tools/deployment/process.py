"""Operating system processes: identifies, starts and stops them."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tools.deployment.record import Identity

START_TOLERANCE_SECONDS = 0.05  # the kernel counts in hundredths, clocks are read as floats


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. Its output goes to ``log``; ``user`` is another system user to run it as."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0


async def spawn(program: Program) -> asyncio.subprocess.Process:
    """Start the program in its own session, so that Ctrl-C in the terminal does not reach it."""
    with program.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            env=dict(program.env) or None,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=program.user,
            group=program.user,
            extra_groups=None if program.user is None else [],
        )


def identify(pid: int) -> Identity | None:
    """Return the identity of process ``pid``; None if there is none."""
    try:
        return Identity(pid=pid, started=psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def alive(identity: Identity) -> bool:
    """Tell whether this same process still runs; a zombie does not."""
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.started) < START_TOLERANCE_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def stop(process: asyncio.subprocess.Process, program: Program) -> None:
    """Ask the program to end; after ``stop_seconds`` kill it and its children."""
    _signal_process(process.pid, program.stop_signal)
    try:
        await asyncio.wait_for(process.wait(), program.stop_seconds)
    except TimeoutError:
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


async def stop_leftover(identity: Identity, stop_signal: signal.Signals) -> None:
    """End a process of an earlier run, which is no child of this one and cannot be waited for."""
    for number, seconds in ((stop_signal, 10.0), (signal.SIGKILL, 5.0)):
        if not alive(identity):
            return
        _signal_process(identity.pid, number)
        await gone(identity, seconds)


async def gone(identity: Identity, seconds: float) -> bool:
    """Wait until the process has ended; tell whether it ended in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while alive(identity):  # noqa: ASYNC110 - only a parent is told
                await asyncio.sleep(0.02)
    return not alive(identity)


def _signal_process(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    # a program that was started in its own session leads a group of the same number
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, for the reader of an error."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
