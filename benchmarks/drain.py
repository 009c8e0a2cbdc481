"""Drain: how fast the relay brings a backlog from PostgreSQL into Kafka, beside the raw limit.

    python -m benchmarks.drain [--events 100000] [--services 200] [--people 5000] [--rounds 5]
        [--json FILE]

``raw`` sends the same records, ready in its memory, with aiokafka's ``send_batch`` alone:
idempotent, to the same partitions, every acknowledgement awaited. ``relay`` is the relay as
shipped: leases, pages, contiguity, headers, positions. Each run is a process of its own with topics
of its own, and counts only if they then hold every record once. How fast the backlog was stored, in
commands of many at once, is told too.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.place import TOPICS, place
from benchmarks.workload import DEPLOYMENT, TODAY, Size, messages
from shared.contracts.envelope import headers
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Command, Happened, Provenance, Stream
from shared.eventstore.store import PostgresEventStore, page
from shared.http.server import collect_rarely
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.outbox.relay import Relay, progress
from shared.runtime.clock import FixedClock

AT_ONCE = 500
BATCH_BYTES_MAX = 900_000
TOPIC = EXCHANGE_ACTIVITY.name
BENCH = Provenance(agency="local", system="bench", actor="bench")


async def fill(dsn: str, size: Size) -> float:
    """Store the workload's events as commands; return events a second."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        store = PostgresEventStore(pool, clock=FixedClock(TODAY))
        told = messages(size)
        commands = [_command(message, number) for number, message in enumerate(told)]
        started, waiting = time.perf_counter(), iter(commands)
        while some := list(islice(waiting, AT_ONCE)):
            await handle(store, some, _nothing)
        return len(commands) / (time.perf_counter() - started)


def _nothing(_recorded: Any) -> list[Any]:
    """No read model changes."""
    return []


def _command(message: Any, number: int) -> Command[Any]:
    act = getattr(message, "act", None) or message.after
    happened = [Happened(message, act.occurred_at)]
    stream = Stream(
        f"contribution-{number}", act.contribution_id, EXCHANGE_ACTIVITY, act.service_id
    )
    return Command(
        stream=stream,
        initial=None,
        decide=lambda _: happened,
        evolve=lambda state, _: state,
        answer=lambda _, version, __: Answer(200, {"version": version}),
        provenance=BENCH,
    )


@dataclass
class Took:
    """What it took from here on, of time and of this process's processor."""

    seconds: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def told(self) -> dict[str, float]:
        return {
            "seconds": time.perf_counter() - self.seconds,
            "cpu": time.process_time() - self.cpu,
        }


async def relay(bootstrap: str, prefix: str, dsn: str) -> dict[str, float]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=20) as pool:
        await pool.execute("DELETE FROM relay")
        log, wake = KafkaLog(bootstrap, prefix), asyncio.Event()
        await log.start()
        running = Relay(pool, log, deployment=DEPLOYMENT, owner="bench", wake=wake)
        took = Took()
        task = asyncio.create_task(running.run())
        while any(head != at for head, at in (await progress(pool)).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        told = took.told()
        running.stop()
        await task
        await log.stop()
        return told


async def raw(bootstrap: str, prefix: str, dsn: str) -> dict[str, float]:
    ready: dict[int, list[Any]] = defaultdict(list)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        for number in range(EXCHANGE_ACTIVITY.partitions):
            while events := await page(pool, TOPIC, number, len(ready[number]), 5_000):
                ready[number] += [
                    (event.key.encode(), event.data, list(headers(event.published(DEPLOYMENT))))
                    for event in events
                ]
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
    )  # fmt: skip
    await producer.start()
    took = Took()
    await asyncio.gather(
        *(_sent(producer, prefix + TOPIC, number, records) for number, records in ready.items())
    )
    told = took.told()
    await producer.stop()
    return told


async def _sent(producer: Any, topic: str, partition: int, records: list[Any]) -> None:
    acknowledgements, batch = [], producer.create_batch()
    for key, value, said in records:
        if batch.append(timestamp=None, key=key, value=value, headers=said) is None:
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=said)
    if batch.record_count():
        acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*acknowledgements)


async def held(bootstrap: str, prefix: str) -> int:
    """Return how many records the topic holds."""
    consumer = AIOKafkaConsumer(prefix + TOPIC, bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        return sum((await consumer.end_offsets(consumer.assignment())).values())
    finally:
        await consumer.stop()


CONTESTANTS = {"raw": raw, "relay": relay}


def once(name: str, bootstrap: str, dsn: str, events: int) -> dict[str, float]:
    prefix = f"bench-{secrets.token_hex(3)}-"
    asyncio.run(create_topics(bootstrap, prefix, topics=TOPICS))
    command = [sys.executable, "-m", "benchmarks.drain", "--contestant", name, bootstrap, prefix]
    done = subprocess.run([*command, dsn], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    there = asyncio.run(held(bootstrap, prefix))
    assert there == events, f"{name} brought {there} records of {events}"
    rate, cpu = events / found["seconds"], found["cpu"] / events * 1e6
    return {"events_per_second": round(rate), "cpu_us_per_event": round(cpu, 2)}


def contestant(name: str, bootstrap: str, prefix: str, dsn: str) -> None:
    collect_rarely()  # as every service does
    print(json.dumps(asyncio.run(CONTESTANTS[name](bootstrap, prefix, dsn))))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--contestant", nargs=4, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.contestant:
        contestant(*asked.contestant)
        return
    size = Size(asked.events, asked.services, asked.people)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    with place() as here:
        dsn = here.database("exchange")
        stored = asyncio.run(fill(dsn, size))
        print(f"stored, {AT_ONCE} commands at once: {stored:.0f} events a second", flush=True)
        for number in range(asked.rounds):
            for name, found in results.items():
                found.append(once(name, here.bootstrap, dsn, size.events))
                print(f"round {number + 1} {name:8s} {found[-1]}", flush=True)
    rates = {
        name: statistics.median(one["events_per_second"] for one in found)
        for name, found in results.items()
    }
    for name, rate in rates.items():
        print(f"{name:8s} {rate:10.0f} events a second {rate / rates['raw']:7.2f} x raw")
    if asked.json:
        asked.json.write_text(
            json.dumps({"size": repr(size), "stored": stored, "results": results}, indent=1)
        )


if __name__ == "__main__":
    main()
