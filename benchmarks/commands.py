"""Commands: how many a second one exchange takes over HTTP, beside an empty one on the same server.

    python -m benchmarks.commands [--connections 64] [--seconds 10] [--rounds 5] [--services 100]
        [--log embedded|kafka] [--json FILE]

``ours`` records a contribution, each with an idempotency key, at the exchange of a deployment of
``coprod up``. ``empty`` is the same request to the same HTTP stack (application, middleware,
headers, key, body model, answer, server and its settings) in a process of its own, whose handler
then does nothing; ``bare`` is a route that reads neither headers nor body. One client process keeps
so many connections busy, each with one request at a time; its own share of a core is told, and is
no limit while below 1. All of it shares the machine's cores, insights and PostgreSQL too.
Interleaved; the median of the rounds counts. What was answered 201 must then be in exchange's
database, each once.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from fastapi import FastAPI
from fastapi.responses import Response
from prometheus_client import CollectorRegistry

from benchmarks.latency import DAYS, Load
from benchmarks.place import deployed
from services.exchange.aggregates import AGGREGATES
from services.exchange.contribution.bodies import RecordContribution
from shared.eventstore.port import Answer
from shared.http.application import application
from shared.http.server import serve
from shared.http.submission import Context, entity_tag, reply
from shared.runtime.telemetry import configure_logging
from tests.support.deployment import Up, free_port_base

PATH = "/v1/contributions"
BARE = "/v1/bare"
BODIES = 500
WARM_SECONDS = 2.0
READY_SECONDS_MAX = 30
AT_REST = 0.1  # of a core
GOAL = 0.5
MARKS = {"p50": 0.5, "p99": 0.99}
MADE = {"contribution_id": "c" * 36, "service_id": "s" * 36, "status": "recorded", "version": 1}
HEADERS = {**entity_tag(1), "Coprod-Position": "exchange.activity.v1/1:1"}


def empty(port: int) -> None:
    """Serve commands that are read as ours are, and answered at once."""

    @asynccontextmanager
    async def nothing_to_open(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = application("empty", CollectorRegistry(), AGGREGATES.refusals, nothing_to_open)

    @app.post(PATH)
    async def take(body: RecordContribution, context: Context) -> Response:  # noqa: ARG001
        return reply(Answer(201, MADE, HEADERS))

    @app.post(BARE)
    async def bare() -> Response:
        return Response(b"{}", status_code=201, media_type="application/json")

    configure_logging("console", "info")  # as the services have it
    serve(app, "127.0.0.1", port)


class Caller(asyncio.Protocol):
    """One connection: the next request goes out when the last is answered. Refusals end it all."""

    def __init__(self, requests: Iterator[bytes], took: list[float], until: float) -> None:
        self._requests, self._took, self._until = requests, took, until
        self._waiting, self._asked = b"", 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, found, rest = self._waiting.partition(b"\r\n\r\n")
        if not found or len(rest) < length(head):
            return
        now = time.monotonic()
        if not head.startswith(b"HTTP/1.1 201 "):
            self.ended.set_exception(RuntimeError(self._waiting.decode()))
            return
        self._took.append(now - self._asked)
        self._waiting = b""
        if now < self._until:
            self._ask()
        else:
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server hung up"))

    def _ask(self) -> None:
        self._asked = time.monotonic()
        self._transport.write(next(self._requests))


def length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.split(b"\r\n", 1)[0])


def requests(path: str, bodies: list[bytes]) -> Iterator[bytes]:
    """Yield requests without end, each with a key that was never used before."""
    run = secrets.token_hex(8)
    start = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    for number, body in enumerate(itertools.cycle(bodies)):
        more = f"Idempotency-Key: {run}-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
        yield (start + more).encode() + body


def client(told: "Connection[Any, Any]", bodies: list[bytes]) -> None:
    """Send as it is told, (port, path, connections, seconds), until it is told None."""
    while (asked := told.recv()) is not None:
        told.send(asyncio.run(_busy(bodies, *asked)))


async def _busy(
    bodies: list[bytes], port: int, path: str, connections: int, seconds: float
) -> dict[str, float]:
    took: list[float] = []
    ready = requests(path, bodies)
    began, cpu = time.monotonic(), time.process_time()
    loop = asyncio.get_running_loop()
    callers = [
        await loop.create_connection(
            lambda: Caller(ready, took, began + seconds), "127.0.0.1", port
        )
        for _ in range(connections)
    ]
    await asyncio.gather(*(caller.ended for _, caller in callers))
    spent, used = time.monotonic() - began, time.process_time() - cpu
    for transport, _ in callers:
        transport.close()
    took.sort()
    marks = {f"{name}_ms": took[int(len(took) * at)] * 1000 for name, at in MARKS.items()}
    told = {"commands_per_second": len(took) / spent, **marks, "client_cores": used / spent}
    return {"commands": len(took), **{name: round(value, 2) for name, value in told.items()}}


def bodies_of(load: Load) -> list[bytes]:
    """Return commands of all services and people, as typical ones as those of ``latency``."""
    made = []
    for number in range(BODIES):
        giver, receiver = number % len(load.people), (number + 1) % len(load.people)
        ago = timedelta(minutes=60 + number * 97 % ((DAYS - 1) * 1440))
        act = {
            "service_id": load.services[number % len(load.services)],
            "giver_id": load.people[giver],
            "receivers": [load.people[receiver]],
            "occurred_at": (datetime.now(UTC) - ago).isoformat(),
            "phase": "deliver",
            "mode": "act",
            "minutes": 5 + number % 115,
        }
        made.append(json.dumps(act).encode())
    return made


async def settle(addresses: dict[str, str], services: int) -> list[bytes]:
    """Register who and what; return commands that exchange takes by now."""
    load = Load(addresses, services)
    await load.settle()
    await load.close()
    bodies = bodies_of(load)
    deadline = time.monotonic() + READY_SECONDS_MAX
    async with httpx.AsyncClient(trust_env=False) as http:
        # the last service's people come to exchange last
        last = bodies[services - 1 : services + len(load.people) - 1]
        for body in last:
            while not (await _post(http, addresses["exchange"], body)).is_success:
                assert time.monotonic() < deadline, "exchange does not know who was registered"
                await asyncio.sleep(0.1)
    return bodies


async def _post(http: httpx.AsyncClient, exchange: str, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return await http.post(f"{exchange}{PATH}", content=body, headers=headers)


def recorded(running: Up) -> int:
    with psycopg.connect(running.record()["databases"]["exchange"]) as connection:
        found = connection.execute("SELECT count(*) FROM contribution").fetchone()
    assert found is not None
    return int(found[0])


@contextmanager
def serving(spawn: Any, port: int) -> Iterator[psutil.Process]:
    server = spawn.Process(target=empty, args=(port,), daemon=True)
    server.start()
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                httpx.post(f"http://127.0.0.1:{port}{BARE}", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the empty server did not start"
                time.sleep(0.1)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.join(15)


def measured(running: Up, asked: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    spawn = multiprocessing.get_context("spawn")
    bodies = asyncio.run(settle(running.ready, asked.services))
    pipe, there = multiprocessing.Pipe()
    loader = spawn.Process(target=client, args=(there, bodies), daemon=True)
    loader.start()
    port = free_port_base() + 1
    results: dict[str, list[dict[str, float]]] = {"ours": [], "empty": [], "bare": []}
    with serving(spawn, port) as server:
        exchange = psutil.Process(running.pid("exchange"))
        where = {
            "ours": (running.port_base + 2, PATH, exchange),
            "empty": (port, PATH, server),
            "bare": (port, BARE, server),
        }

        followers = [exchange, psutil.Process(running.pid("insights"))]

        def send(name: str, seconds: float) -> dict[str, float]:
            at, path, process = where[name]
            _await_rest(followers)  # what others still have to do is not what this one costs
            before, began = _cpu(process), time.monotonic()
            pipe.send((at, path, asked.connections, seconds))
            found: dict[str, float] = pipe.recv()
            used, spent = _cpu(process) - before, time.monotonic() - began
            each = round(used / found["commands"] * 1e6)
            return {**found, "server_cores": round(used / spent, 2), "server_us_per_command": each}

        taken, before = 0.0, recorded(running)
        for number in range(asked.rounds + 1):
            for name, found in results.items():
                one = send(name, asked.seconds if number else WARM_SECONDS)
                taken += one["commands"] if name == "ours" else 0
                if number:  # the first round only warms up
                    found.append(one)
                    print(f"round {number} {name:6s} {one}", flush=True)
        there_now = recorded(running) - before
        assert there_now == taken, f"{taken} were answered, {there_now} are there"
    pipe.send(None)
    return results


def _await_rest(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        before = sum(map(_cpu, processes))
        time.sleep(0.5)
        if sum(map(_cpu, processes)) - before < AT_REST * 0.5:
            return


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--services", type=int, default=100)
    arguments.add_argument("--log", choices=("embedded", "kafka"), default="embedded")
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    with deployed(asked.log) as running:
        results = measured(running, asked)
    rates = {
        name: statistics.median(one["commands_per_second"] for one in found)
        for name, found in results.items()
    }
    for name, rate in rates.items():
        goal = f", goal {GOAL}" if name == "ours" else ""
        print(f"{name:6s} {rate:8.0f} commands a second {rate / rates['empty']:6.2f} x empty{goal}")
    if asked.json:
        asked.json.write_text(
            json.dumps({"connections": asked.connections, "results": results}, indent=1)
        )


if __name__ == "__main__":
    main()
