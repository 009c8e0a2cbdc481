"""Replica: the shipped fold as one member of its group, in a process of its own, told by a pipe."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import asyncpg
import psutil
from prometheus_client import CollectorRegistry

from benchmarks.contestant import Stopwatch, TimedLog
from benchmarks.workload import DEPLOYMENT, TODAY
from services.insights.codebook import Codebook
from services.insights.fold import Fold, Surroundings
from shared.clock import FixedClock
from shared.consumer import ConsumerMetrics
from shared.http.server import _collect_rarely

TICK_SECONDS = 0.02
STARTING_SECONDS_MAX = 60
COUNTERS = ("events", "duplicates", "fenced")


@dataclass(frozen=True, slots=True)
class Where:
    bootstrap: str
    prefix: str
    dsn: str


def replica(where: Where, told: "Connection[Any, Any]") -> None:
    """Say ``ready``, join when told to, say what is held whenever that changes, until told off."""
    _collect_rarely()
    asyncio.run(_run(where, told))


async def _run(where: Where, told: "Connection[Any, Any]") -> None:
    registry = CollectorRegistry()
    watch = Stopwatch(events=10**12)
    async with asyncpg.create_pool(where.dsn, min_size=1, max_size=10) as pool:
        log = TimedLog(where.bootstrap, where.prefix, watch)
        await log.start()
        around = Surroundings(
            pool=pool,
            log=log,
            codebook=Codebook(pool),
            clock=FixedClock(TODAY),
            deployment=DEPLOYMENT,
            owner="bench",
            metrics=ConsumerMetrics(registry),
        )
        fold = Fold(around, 1, _ignore)
        told.send(("ready", 0))
        await asyncio.to_thread(told.recv)
        await fold.start()
        await _say_what_is_held(fold, told)
        told.recv()  # what is left unread would reset the pipe, and lose what is said below
        await fold.close()
        await log.stop()
        label = {"consumer": fold.store.consumer}
        counted = {
            name: int(registry.get_sample_value(f"coprod_consumer_{name}_total", label) or 0)
            for name in COUNTERS
        }
    told.send(("ended", {"first": watch.wall if watch.started else None, **counted}))


async def _say_what_is_held(fold: Fold, told: "Connection[Any, Any]") -> None:
    said = -1
    while not told.poll():
        if (why := fold.consumer.failure()) is not None:
            raise RuntimeError(why)
        held = len(fold.consumer.assigned())
        if held != said:
            told.send(("holds", held))
            said = held
        await asyncio.sleep(TICK_SECONDS)


def _ignore(_service_id: str) -> None:
    """Nobody watches."""


class Member:
    """A replica as its parent sees it: ``holds`` so many partitions, so far as it has said."""

    def __init__(self, where: Where, limit: Callable[[int], None]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, there = multiprocessing.Pipe()
        self._process: SpawnProcess = spawn.Process(
            target=replica, args=(where, there), daemon=True
        )
        self._process.start()
        there.close()
        assert self._pipe.poll(STARTING_SECONDS_MAX), "a replica did not start"
        self._pipe.recv()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        limit(self.pid)
        self.holds = 0
        self.running = True

    def join(self) -> None:
        self._pipe.send("join")

    def hear(self) -> int:
        """Return how many partitions it holds by now."""
        while self.running and self._pipe.poll():
            _, self.holds = self._pipe.recv()
        return self.holds

    def cpu_seconds(self) -> float:
        used = psutil.Process(self.pid).cpu_times()
        return float(used.user + used.system)

    def leave(self) -> dict[str, Any]:
        """Let it go as a deployment does; return what it counted."""
        self.hear()
        self.running, self.holds = False, 0
        self._pipe.send("leave")
        while True:
            kind, found = self._pipe.recv()
            if kind == "ended":
                self._process.join(STARTING_SECONDS_MAX)
                return dict(found)

    def kill(self) -> None:
        self.running, self.holds = False, 0
        self._process.kill()
        self._process.join()


def now() -> float:
    """Return the clock that ``first`` is told by: the same one in every process of a machine."""
    return time.perf_counter()
