"""Replica: the shipped fold as one member of its group, in a process of its own, told by a pipe."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import asyncpg
import psutil
from prometheus_client import CollectorRegistry

from benchmarks.contestant import Stopwatch, Timed, surroundings
from services.insights.projection.fold import Fold
from shared.http.server import collect_rarely
from shared.log.kafka.log import KafkaLog
from shared.log.port import LogReader, LogRecord, TopicPartition
from shared.runtime.telemetry import configure_logging

TICK_SECONDS = 0.02
STARTING_SECONDS_MAX = 60
COUNTERS = ("events", "duplicates", "fenced")


@dataclass(frozen=True, slots=True)
class Where:
    bootstrap: str
    prefix: str
    dsn: str


def replica(where: Where, told: "Connection[Any, Any]") -> None:
    """Say ``ready``; ``join``, ``go`` and ``leave`` as it is told; say what is held by then.

    Before ``go`` no record is dealt with, however long it has lain there.
    """
    collect_rarely()
    configure_logging("console", "error")  # a rebalance is no news here
    asyncio.run(_run(where, told))


async def _run(where: Where, told: "Connection[Any, Any]") -> None:
    registry = CollectorRegistry()
    watch, go = Stopwatch(events=10**12), asyncio.Event()
    async with asyncpg.create_pool(where.dsn, min_size=1, max_size=10) as pool:
        log = GatedLog(where, watch, go)
        await log.start()
        fold = Fold(surroundings(pool, log, registry), 1, _ignore)
        told.send(("ready", 0))
        await asyncio.to_thread(told.recv)
        await fold.start()
        await _until_told_off(fold, told, go)
        await fold.close()
        await log.stop()
        label = {"consumer": fold.store.consumer}
        counted = {
            name: int(registry.get_sample_value(f"coprod_consumer_{name}_total", label) or 0)
            for name in COUNTERS
        }
    told.send(("ended", {"first": watch.wall if watch.started else None, **counted}))


async def _until_told_off(fold: Fold, told: "Connection[Any, Any]", go: asyncio.Event) -> None:
    said = -1
    while True:
        if told.poll():
            if told.recv() == "leave":
                return
            go.set()
        if (why := fold.consumer.failure()) is not None:
            raise RuntimeError(why)
        held = len(fold.consumer.assigned())
        if held != said:
            told.send(("holds", held))
            said = held
        await asyncio.sleep(TICK_SECONDS)


@dataclass
class Gated(Timed):
    """A reader that is timed from when it may begin."""

    go: asyncio.Event

    async def passed(self, partition: TopicPartition, offset: int) -> None: ...

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        await self.go.wait()
        await super().handle(batch)


class GatedLog(KafkaLog):
    """Of which the fold's is the only subscription."""

    def __init__(self, where: Where, watch: Stopwatch, go: asyncio.Event) -> None:
        super().__init__(where.bootstrap, where.prefix)
        self._watch, self._go = watch, go

    def subscribe(self, group: str, topics: Sequence[str], reader: LogReader, **limits: Any) -> Any:
        return super().subscribe(group, topics, Gated(reader, self._watch, self._go), **limits)


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

    def go(self) -> None:
        self._pipe.send("go")

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
