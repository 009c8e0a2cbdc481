"""Keeps one program running: starts it, waits for its end, starts it again with growing pauses."""

import asyncio
import time
from collections.abc import Callable

from shared.runtime.retry import Backoff
from tools.deployment import process
from tools.deployment.record import Identity
from tools.terminal.output import say

PAUSE_SECONDS_FIRST = 0.2
PAUSE_SECONDS_MAX = 15.0
HEALTHY_SECONDS = 20.0  # a program that ran this long has earned a quick restart again


class Watch:
    """``describe`` is asked before each start, so that a restart sees what has changed since.

    ``changed`` is told the name and the new identity after each start, and None when it ended.
    """

    def __init__(
        self,
        describe: Callable[[], process.Program],
        changed: Callable[[str, Identity | None], None],
    ) -> None:
        self._describe, self._changed = describe, changed
        self._program = describe()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.backoff = Backoff(PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX)

    @property
    def program(self) -> process.Program:
        return self._program

    async def start(self) -> None:
        """Start the program and watch it; the failure of its first start is raised here."""
        await self._spawn()
        self._task = asyncio.create_task(self._run(), name=f"watch {self._program.name}")

    async def stop(self) -> None:
        """Stop the watch, then the program, so that its end does not count as a failure."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._process is not None and self._process.returncode is None:
            await process.stop(self._process, self._program)
        self._changed(self._program.name, None)

    def restart(self) -> None:
        """End the program; the watch starts it again by its current description."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def _run(self) -> None:
        while True:
            started = time.monotonic()
            assert self._process is not None  # noqa: S101 - set by every spawn
            code = await self._process.wait()
            if time.monotonic() - started >= HEALTHY_SECONDS:
                self.backoff.reset()
            pause = self.backoff.next()
            say(f"{self._program.name} ended ({_reason(code)}); again in {pause:.1f} s")
            await asyncio.sleep(pause)
            while not await self._spawned_again():
                pause = self.backoff.next()
                await asyncio.sleep(pause)

    async def _spawned_again(self) -> bool:
        """Start the program; a full disk delays the start and does not end the watch."""
        before = self._process
        try:
            await self._spawn()
        except OSError as failure:
            started = self._process is not before
            what = "nobody could be told of" if started else "could not start"
            say(f"{what} {self._program.name}: {failure}")
            return started
        return True

    async def _spawn(self) -> None:
        self._program = self._describe()
        spawned = asyncio.create_task(process.spawn(self._program))
        try:
            self._process = await asyncio.shield(spawned)
        except asyncio.CancelledError:
            # a child that was being born when we were stopped must not outlive us
            self._process = await spawned
            raise
        self._changed(self._program.name, process.identify(self._process.pid))


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
