"""One process of the operating system that a test kills, pauses and starts again as it likes."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from tools.deployment import process
from tools.deployment.process import Program

RESTART_SECONDS_FIRST = 0.1  # doubled from one failure to the next, as container engines do
RESTART_SECONDS_MAX = 5.0


class Process:
    """A program with an owner. ``restarts``: what ends by itself, or is killed, is started again.

    ``url`` is where it listens, if it does; it stays the same over restarts.
    """

    def __init__(self, program: Program, *, url: str = "", restarts: bool = True) -> None:
        self._program, self.url, self.restarts = program, url, restarts
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._failures = 0
        self.exit_codes: list[int] = []

    @property
    def name(self) -> str:
        return self._program.name

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def paused(self) -> bool:
        """Whether it was stopped, by ``pause`` or by itself at a failpoint, and not resumed."""
        if not self.alive:
            return False
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    @property
    def env(self) -> Mapping[str, str]:
        return self._program.env

    @property
    def log(self) -> Path:
        return self._program.log

    def log_text(self) -> str:
        """Return all that it wrote, over all its lives."""
        try:
            return self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    async def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start it, with changes to its environment if any are given."""
        assert not self.alive, f"{self.name} runs already"
        if env:
            self._program = replace(self._program, env={**self._program.env, **env})
        self._process = await process.spawn(self._program)
        self._watch = asyncio.create_task(self._watched(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """Ask it to end, kill it if it doesn't, and leave it so."""
        await self._unwatched()
        if self.alive:
            self.resume()
            assert self._process is not None
            await process.stop(self._process, self._program)
            self.exit_codes.append(await self._process.wait())

    async def kill_and_leave(self) -> None:
        """End it without a chance to say goodbye, and leave it so."""
        await self._unwatched()
        if self.alive:
            assert self._process is not None
            self.signal(signal.SIGKILL)
            self.exit_codes.append(await self._process.wait())

    async def restart(self, env: Mapping[str, str] | None = None) -> None:
        """Stop it as a deployment does and start it again, changed."""
        await self.stop()
        await self.start(env)

    def kill(self) -> None:
        """End it without a chance to say goodbye; it is started again if it ``restarts``."""
        self.signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end; it is started again if it ``restarts``."""
        self.signal(signal.SIGTERM)

    def pause(self) -> None:
        """Take the processor from it; it knows nothing of it."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self.alive:
                os.kill(self.pid, number)

    async def ended(self, within_seconds: float = 30) -> int:
        """Wait for the end of its present life and return the exit code."""
        assert self._process is not None
        async with asyncio.timeout(within_seconds):
            return await self._process.wait()

    async def _watched(self) -> None:
        assert self._process is not None
        while True:
            self.exit_codes.append(await self._process.wait())
            if not self.restarts:
                return
            pause = min(RESTART_SECONDS_MAX, RESTART_SECONDS_FIRST * 2**self._failures)
            self._failures += 1
            await asyncio.sleep(pause)
            self._process = await process.spawn(self._program)

    async def _unwatched(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
