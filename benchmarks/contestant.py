"""Contestant: one process that folds a prefix's events from Kafka and says what it took.

python -m benchmarks.contestant raw|fold|rebuild|service BOOTSTRAP PREFIX DATABASE EVENTS [PROFILE]
"""

import asyncio
import cProfile
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer
from prometheus_client import CollectorRegistry

from benchmarks.peers.stopwatch import peak_mb
from benchmarks.stages import WINDOWS, Raw
from benchmarks.truth import kept
from benchmarks.workload import DEPLOYMENT, TODAY
from services.insights.facts.dictionary import Codebook
from services.insights.metrics.engine.predicates import EVERYTHING
from services.insights.metrics.figures import figures
from services.insights.projection.fold import Fold, Surroundings
from services.insights.projection.memory import Live
from services.insights.service import Insights, Meters
from shared.consumer import ConsumerMetrics
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.http.server import collect_rarely
from shared.log.kafka.log import KafkaLog
from shared.log.port import LogReader, LogRecord, TopicPartition
from shared.runtime.clock import FixedClock

GETMANY = 5_000


@dataclass
class Stopwatch:
    """From the first record that is handed over to the last one that is dealt with."""

    events: int
    handled: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    started: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        if not self.started:
            self.started = True
            self.wall, self.cpu = time.perf_counter(), time.process_time()

    def took(self, records: int) -> None:
        self.handled += records
        if self.handled >= self.events and not self.done.is_set():
            self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
            self.done.set()

    def report(self, **more: Any) -> dict[str, Any]:
        return {
            "events_per_second": round(self.events / self.wall),
            "cpu_us_per_event": round(self.cpu / self.events * 1e6, 2),
            "peak_mb": peak_mb(),
            **more,
        }


@dataclass
class Timed:
    """A reader that is timed."""

    reader: LogReader
    watch: Stopwatch

    async def claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return await self.reader.claim(partitions)

    async def release(self, partitions: Sequence[TopicPartition]) -> None:
        await self.reader.release(partitions)

    async def passed(self, partition: TopicPartition, offset: int) -> None: ...

    async def handle(self, batch: Mapping[TopicPartition, Sequence[LogRecord]]) -> None:
        self.watch.begin()
        await self.reader.handle(batch)
        self.watch.took(sum(map(len, batch.values())))


class TimedLog(KafkaLog):
    """Times the subscription of the fold, and no other."""

    def __init__(self, bootstrap: str, prefix: str, watch: Stopwatch) -> None:
        super().__init__(bootstrap, prefix)
        self._watch = watch

    def subscribe(self, group: str, topics: Sequence[str], reader: LogReader, **limits: Any) -> Any:
        if EXCHANGE_ACTIVITY.name in topics:
            reader = Timed(reader, self._watch)
        return super().subscribe(group, topics, reader, **limits)


async def raw(bootstrap: str, prefix: str, _database: str, watch: Stopwatch) -> dict[str, Any]:
    """The limit: aiokafka and msgspec, in memory, without any promise."""
    consumer = AIOKafkaConsumer(
        prefix + EXCHANGE_ACTIVITY.name, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    decode = msgspec.json.Decoder(Raw).decode
    minutes = 0
    try:
        while not watch.done.is_set():
            batch = await consumer.getmany(timeout_ms=200, max_records=GETMANY)
            if batch:
                watch.begin()
            for records in batch.values():
                for record in records:
                    event = decode(record.value or b"")
                    minutes += (event.act.minutes or 0) if event.act else 0
                watch.took(len(records))
    finally:
        await consumer.stop()
    return watch.report()


async def fold(bootstrap: str, prefix: str, database: str, watch: Stopwatch) -> dict[str, Any]:
    """The fold as shipped, with its memory; then every figure of every service is read once."""
    changed: set[str] = set()
    async with asyncpg.create_pool(database, min_size=1, max_size=10) as pool:
        log = TimedLog(bootstrap, prefix, watch)
        await log.start()
        running = Fold(surroundings(pool, log, CollectorRegistry()), 1, changed.add)
        await running.start()
        await _ended(watch, running.consumer.failure)
        reading = _read(running.live, changed)
        await running.close()
        await log.stop()
    return watch.report(**reading)


async def rebuild(bootstrap: str, prefix: str, database: str, watch: Stopwatch) -> dict[str, Any]:
    """The same from the log into facts alone, as a rebuild does; then they are read once."""
    async with asyncpg.create_pool(database, min_size=1, max_size=10) as pool:
        log = TimedLog(bootstrap, prefix, watch)
        await log.start()
        running = Fold(surroundings(pool, log, CollectorRegistry()), 1, None)
        await running.start()
        await _ended(watch, running.consumer.failure)
        await running.close()
        await log.stop()
    found = await kept(database)
    return watch.report(acts=found.contributions, minutes=found.minutes, doubled=found.doubled)


async def service(bootstrap: str, prefix: str, database: str, watch: Stopwatch) -> dict[str, Any]:
    """All of the service, with snapshots rendered and published meanwhile."""
    async with asyncpg.create_pool(database, min_size=1, max_size=10) as pool:
        log = TimedLog(bootstrap, prefix, watch)
        await log.start()
        meters = Meters(CollectorRegistry())
        insights = Insights(surroundings(pool, log, CollectorRegistry()), meters, "bench")
        await insights.start()
        await _ended(watch, insights.fold.consumer.failure)
        snapshots = meters.publisher.snapshots._value.get()  # noqa: SLF001 - nothing public
        await insights.close()
        await log.stop()
    return watch.report(snapshots=int(snapshots))


def surroundings(pool: Any, log: KafkaLog, registry: CollectorRegistry) -> Surroundings:
    return Surroundings(
        pool=pool,
        log=log,
        codebook=Codebook(pool),
        clock=FixedClock(TODAY),
        deployment=DEPLOYMENT,
        owner="bench",
        metrics=ConsumerMetrics(registry),
    )


async def _ended(watch: Stopwatch, failure: Callable[[], str | None]) -> None:
    while not watch.done.is_set():
        if (why := failure()) is not None:
            raise RuntimeError(why)
        await asyncio.sleep(0.01)


def _read(live: Live, changed: set[str]) -> dict[str, Any]:
    """Read every figure of all services; return the time that took and what shows it is right."""
    started = time.process_time()
    states = [found.state for one in sorted(changed) if (found := live.owned(one)) is not None]
    for state in states:
        for window in WINDOWS:
            for lens in ("count", "minutes"):
                figures(state, window, lens)
    seconds = round(time.process_time() - started, 3)
    life = [state.view("life") for state in states]
    return {
        "read_seconds": seconds,
        "services": len(states),
        "acts": sum(view.contributions for view in life),
        "minutes": sum(view.weight("minutes", EVERYTHING) for view in life),
    }


CONTESTANTS: dict[str, Callable[[str, str, str, Stopwatch], Awaitable[dict[str, Any]]]] = {
    "raw": raw,
    "fold": fold,
    "rebuild": rebuild,
    "service": service,
}


@contextmanager
def _profiled(files: Sequence[str]) -> Iterator[None]:
    """Write a profile of what happens within to the file, if one is named."""
    if not files:
        yield
        return
    with cProfile.Profile() as profiler:
        yield
    profiler.dump_stats(files[0])


def main() -> None:
    name, bootstrap, prefix, database, events = sys.argv[1:6]

    async def run() -> dict[str, Any]:
        return await CONTESTANTS[name](bootstrap, prefix, database, Stopwatch(int(events)))

    collect_rarely()
    with _profiled(sys.argv[6:]):
        found = asyncio.run(run())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
